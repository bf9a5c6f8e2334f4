"""The reads behind explanations, and the number of requests that an explanation takes however many follow."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from candlecast.adapters.dynamodb.decisions import DynamoDecisions
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.signals.signal import Action
from candlecast.domain.signals.verdict import judge
from candlecast.domain.strategies.execution import ExecutionStatus, ReceivedAs, ShardReport
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.errors import NotFound
from candlecast.services.orders.explain_order import ExplainOrder
from candlecast.services.signals.explain_signal import ExplainSignal
from candlecast.services.signals.read_chain import ReadChain
from candlecast.services.strategies.explain_run import ExplainRun
from tests.contract.store.conftest import Stores
from tests.contract.store.test_requests import counted
from tests.support.builders import (
    NOW,
    SOURCE,
    STRATEGY,
    TENANT,
    a_quote,
    a_signal,
    a_signal_record,
    a_strategy,
    a_subscription,
    after,
    an_account,
    an_execution,
    an_intent,
)
from tests.support.fakes.clock import FakeClock

RECEIVED_AS = ReceivedAs(source_id=SOURCE, sender_key="key-1")
SIGNAL = a_signal()
MOST_SUBSCRIPTIONS = 50  # of one tenant to one strategy, whose orders one request reads
OF_A_FOLLOWER = ["GetItem", "BatchGetItem", "GetItem", "Query", "BatchGetItem", "GetItem", "GetItem", "BatchGetItem"]


def test_a_message_is_found_as_it_came_and_as_it_was_queued(stores: Stores) -> None:
    assert stores.signals.find_message(RECEIVED_AS) is None
    stores.signals.receive(SOURCE, "key-1", SIGNAL.signal_id, '{"action":"buy"}', NOW, 600)
    found = stores.signals.find_message(RECEIVED_AS)
    assert found is not None
    assert (found.signal_id, found.body, found.received_at, found.queued_at) == (SIGNAL.signal_id, '{"action":"buy"}', NOW, None)
    stores.signals.mark_queued(SOURCE, "key-1", after(1))
    assert stores.signals.find_message(RECEIVED_AS) == replace(found, queued_at=after(1))
    assert stores.signals.find_message(replace(RECEIVED_AS, source_id="source-2")) is None


def test_a_signal_keeps_the_message_that_it_was_made_of(stores: Stores) -> None:
    stores.signals.put_signal(a_signal_record(received_as=RECEIVED_AS))
    assert stores.signals.get_signal(SIGNAL.signal_id).received_as == RECEIVED_AS


def test_orders_are_found_by_id_each_tenants_own(stores: Stores) -> None:
    entry, stop = an_intent(state=IntentState.OPEN), an_intent(LegKind.STOP_LOSS, state=IntentState.OPEN)
    for order in (entry, stop, replace(entry, tenant_id="tenant-2")):
        stores.history.put_order(order, 1)
    wanted = [entry.intent_id, stop.intent_id, "unknown-1"]
    assert stores.history.find_orders(TENANT, wanted) == {entry.intent_id: entry, stop.intent_id: stop}
    assert stores.history.find_orders("tenant-3", wanted) == {}
    assert stores.history.find_orders(TENANT, []) == {}


def test_subscriptions_to_a_strategy_are_those_of_one_tenant_cancelled_ones_included(stores: Stores) -> None:
    for strategy in (STRATEGY, f"{STRATEGY}-2"):
        stores.strategies.create_strategy(a_strategy(strategy))
    stores.subscriptions.write(a_subscription("s-1"), None, 1)
    stores.subscriptions.write(a_subscription("s-2"), None, 1)
    stores.subscriptions.write(a_subscription("s-2", version=1, status=SubscriptionStatus.CANCELLED), None, -1)
    stores.subscriptions.write(a_subscription("s-3", strategy_id=f"{STRATEGY}-2"), None, 1)
    stores.subscriptions.write(a_subscription("s-4", tenant_id="tenant-2"), None, 1)
    found = stores.subscriptions.subscriptions_to(TENANT, STRATEGY)
    assert [(each.subscription_id, each.status.value) for each in found] == [("s-1", "ACTIVE"), ("s-2", "CANCELLED")]
    assert list(stores.subscriptions.subscriptions_to("tenant-3", STRATEGY)) == []


def explain_signal(stores: Stores, table: Table) -> ExplainSignal:
    clock = FakeClock()
    chain = ReadChain(stores.signals, stores.verdicts, clock)
    decisions = DynamoDecisions(table)
    return ExplainSignal(stores.signals, stores.strategies, stores.subscriptions, stores.history, decisions, chain)


@pytest.fixture
def decided(dynamodb_stores: Stores, dynamodb_table: Table) -> Stores:
    """A signal from outside with an order of each of a tenant's fifty subscriptions, and of as many of others."""
    stores = dynamodb_stores
    stores.strategies.create_strategy(a_strategy())
    stores.accounts.create(an_account())
    stores.signals.receive(SOURCE, "key-1", SIGNAL.signal_id, "{}", NOW, 600)
    stores.signals.put_signal(a_signal_record(shards=3, received_as=RECEIVED_AS, published_at=after(1)))
    for shard in range(3):
        stores.signals.report_shard(SIGNAL.signal_id, ShardReport(shard=shard, orders=40, began_at=NOW, sent_at=after(2)))
    stores.verdicts.put_verdict(judge(SIGNAL, "paper", a_quote(), NOW))
    decisions = DynamoDecisions(dynamodb_table)
    for tenant in (TENANT, "tenant-2"):
        for number in range(MOST_SUBSCRIPTIONS):
            name = f"{tenant}-{number}"
            stores.subscriptions.write(a_subscription(name, tenant_id=tenant, account_id=None), None, 1)
            order = an_intent(subscription_id=name, tenant_id=tenant, state=IntentState.FILLED, filled_quantity=SIGNAL.price)
            stores.history.put_order(order, 1)
            decisions.put_receipt(tenant, SIGNAL.signal_id, name, '{"limits":{}}', NOW)
    return stores


@pytest.mark.e2e
def test_a_signal_is_explained_by_eight_requests_however_many_have_it(decided: Stores, dynamodb_table: Table) -> None:
    explain = explain_signal(decided, dynamodb_table)
    with counted(dynamodb_table) as operations:
        explained = explain(TENANT, SIGNAL.signal_id, is_operator=False)
    assert operations == OF_A_FOLLOWER
    assert len(explained.own) == MOST_SUBSCRIPTIONS
    assert {own.subscription.tenant_id for own in explained.own} == {TENANT}
    with counted(dynamodb_table) as operations:
        assert explain("operator-1", SIGNAL.signal_id, is_operator=True).own == []
    assert operations == ["GetItem", "BatchGetItem", "GetItem", "Query", "GetItem", "GetItem", "GetItem", "GetItem"]
    with counted(dynamodb_table) as operations, pytest.raises(NotFound):
        explain("tenant-3", SIGNAL.signal_id, is_operator=False)
    assert operations == ["GetItem", "BatchGetItem", "GetItem", "Query"]


@pytest.mark.e2e
def test_an_exit_of_a_candle_takes_two_requests_less(dynamodb_stores: Stores, dynamodb_table: Table) -> None:
    stores, exit_ = dynamodb_stores, a_signal(Action.EXIT, candle_close=NOW)
    stores.strategies.create_strategy(a_strategy())
    stores.signals.put_signal(a_signal_record(exit_))
    stores.subscriptions.write(a_subscription(account_id=None), None, 1)
    stores.history.put_order(an_intent(LegKind.EXIT, signal_id=exit_.signal_id, state=IntentState.FILLED), 1)
    with counted(dynamodb_table) as operations:
        explained = explain_signal(stores, dynamodb_table)(TENANT, exit_.signal_id, is_operator=False)
    assert operations == ["GetItem", "BatchGetItem", "GetItem", "Query", "BatchGetItem", "BatchGetItem"]
    assert [own.outcome.value for own in explained.own] == ["PLACED"]


@pytest.mark.e2e
def test_an_order_is_explained_by_six_requests(decided: Stores, dynamodb_table: Table) -> None:
    clock = FakeClock()
    chain = ReadChain(decided.signals, decided.verdicts, clock)
    explain = ExplainOrder(decided.history, DynamoDecisions(dynamodb_table), chain, clock)
    order = an_intent(subscription_id=f"{TENANT}-7")
    with counted(dynamodb_table) as operations:
        explained = explain(TENANT, order.intent_id)
    assert operations == ["GetItem", "BatchGetItem", "GetItem", "BatchGetItem", "GetItem", "GetItem"]
    assert explained.chain is not None
    assert explained.chain.message is not None


@pytest.mark.e2e
def test_a_candle_is_explained_by_one_query_and_by_its_own_runs(dynamodb_stores: Stores, dynamodb_table: Table) -> None:
    for close in (NOW, after(60), after(120)):
        dynamodb_stores.executions.begin(an_execution(close, status=ExecutionStatus.NO_SIGNAL))
    explain = ExplainRun(dynamodb_stores.executions)
    with counted(dynamodb_table) as operations:
        [told] = explain(STRATEGY, after(60))
    assert operations == ["Query"]
    assert told.execution.candle_close == after(60)
    with pytest.raises(NotFound):
        explain(STRATEGY, after(60) + timedelta(microseconds=1))
