"""What the store costs: requests are counted at the client, and the largest account is weighed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from pynamodb.exceptions import PynamoDBException

from candlecast.adapters.dynamodb.accounts import AccountRow, DynamoAccountStore, account_row
from candlecast.adapters.dynamodb.executions import DynamoExecutionStore
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.adapters.dynamodb.table import Table
from candlecast.domain.account import (
    MAX_OPEN_INTENTS,
    MAX_SETTLED,
    MAX_SUBSCRIPTIONS_PER_ACCOUNT,
    Account,
    DailyResult,
    forgotten_at,
    remembered,
)
from candlecast.domain.errors import Conflict, RetryLater
from candlecast.domain.events import order_event
from candlecast.domain.findings import MAX_DRIFTS, MAX_EXTERNAL_ORDERS, MAX_MENDS, Drift, ExternalOrder, Mend
from candlecast.domain.ids import digest
from candlecast.domain.order import LegKind, Side
from candlecast.domain.position import position_key
from candlecast.domain.subscription import MAX_POSITIONS, SubscriptionStatus
from candlecast.domain.timeframe import Timeframe
from tests.builders import ACCOUNT, NOW, TENANT, a_position, a_strategy, an_account, an_execution, an_intent
from tests.fakes.clock import FakeClock

MAX_ACCOUNT_BYTES = 32_000  # what the account's bounds promise: a read of it costs eight units at most
MAX_ITEM_BYTES = 64_000  # far below DynamoDB's 400 kB, with an event for every open intent in one write


@contextmanager
def counted(table: Table) -> Iterator[list[str]]:
    """The operations that reach DynamoDB meanwhile, repeats included."""
    operations: list[str] = []

    def count(model: Any, **_: Any) -> None:
        operations.append(model.name)

    table.client.meta.events.register("before-call.dynamodb", count, unique_id="contract")
    try:
        yield operations
    finally:
        table.client.meta.events.unregister("before-call.dynamodb", unique_id="contract")


@pytest.mark.e2e
def test_an_order_costs_one_read_and_two_writes(dynamodb_table: Table) -> None:
    with counted(dynamodb_table) as operations:  # from the first request on: a client that asks for its table first would show
        store = DynamoAccountStore(dynamodb_table, FakeClock())
        store.create(an_account())
        operations.clear()
        account = store.load(TENANT, ACCOUNT)
        store.save(store.save(account))
    assert operations == ["GetItem", "PutItem", "PutItem"]


@pytest.mark.e2e
def test_no_store_asks_for_the_description_of_its_table(dynamodb_table: Table) -> None:
    with counted(dynamodb_table) as operations:
        DynamoStrategyStore(dynamodb_table).create_strategy(a_strategy())
        DynamoStrategyStore(dynamodb_table).followed_strategies(Timeframe.M1, "paper", "BTC/USDT:USDT")
        DynamoExecutionStore(dynamodb_table).begin(an_execution())
    assert operations == ["TransactWriteItems", "Query", "PutItem"]


@pytest.mark.e2e
def test_a_refused_write_is_not_repeated(dynamodb_table: Table) -> None:
    store = DynamoAccountStore(dynamodb_table, FakeClock())
    account = store.create(an_account())
    store.save(account)
    with counted(dynamodb_table) as operations, pytest.raises(Conflict):
        store.save(account)
    assert operations == ["PutItem"]


@pytest.mark.parametrize(
    "error",
    ["ProvisionedThroughputExceededException", "ThrottlingException", "InternalServerError", "RequestLimitExceeded"],
)
def test_throttling_is_to_be_tried_later(error: str) -> None:
    table = stubbed_table()
    with answering(table, 400, error), pytest.raises(RetryLater) as later:
        DynamoAccountStore(table, FakeClock()).load(TENANT, ACCOUNT)
    assert later.value.code == "STORE_UNAVAILABLE"


def test_a_mistake_of_ours_is_not_to_be_tried_later() -> None:
    table = stubbed_table()
    with answering(table, 400, "ValidationException"), pytest.raises(PynamoDBException):
        DynamoAccountStore(table, FakeClock()).load(TENANT, ACCOUNT)


def test_a_store_that_cannot_be_reached_is_to_be_tried_later() -> None:
    with pytest.raises(RetryLater) as later:
        DynamoAccountStore(stubbed_table(), FakeClock()).load(TENANT, ACCOUNT)
    assert later.value.code == "STORE_UNAVAILABLE"


def test_the_largest_account_stays_small() -> None:
    account = the_largest_account()
    assert item_bytes(account) < MAX_ACCOUNT_BYTES
    assert len(account.intents) == MAX_OPEN_INTENTS, "the bounds are reached"


def test_the_largest_write_stays_far_below_what_an_item_may_hold() -> None:
    account = the_largest_account()
    everything_told = tuple(order_event(intent, NOW) for intent in account.intents.values())
    assert item_bytes(replace(account, outbox=everything_told)) < MAX_ITEM_BYTES


def item_bytes(account: Account) -> int:
    row = account_row(stubbed_table().rows(AccountRow), account, NOW)
    stored = row.to_dynamodb_dict()
    return sum(len(name) + len(next(iter(value.values()))) for name, value in stored.items())


def the_largest_account() -> Account:
    """Every bound reached at once, with ids and numbers that repeat as little as real ones: that is what compression lives on."""
    subscriptions = [digest("subscription", str(number)) for number in range(MAX_SUBSCRIPTIONS_PER_ACCOUNT)]
    random = Random(1)

    def number() -> Decimal:  # an average or a fee
        return Decimal(random.randrange(10**18)) / 10**12

    def on_step() -> Decimal:
        return Decimal(random.randrange(10**8)) / 10**3

    intents = [
        replace(
            an_intent(LegKind.STOP_LOSS),
            intent_id=digest("intent", str(index)),
            subscription_id=subscriptions[index % len(subscriptions)],
            signal_id=digest("signal", str(index // 3)),
            correlation_id=digest("correlation", str(index // 3)),
            strategy_id=f"strategy-{index % len(subscriptions)}",
            created_at=NOW + timedelta(microseconds=random.randrange(10**9)),
            submitted_at=NOW + timedelta(microseconds=random.randrange(10**9)),
            quantity=on_step(),
            trigger_price=on_step(),
            filled_quantity=on_step(),
            average_price=number(),
            fee=number(),
            bracket_of=digest("entry", str(index // 3)),
            venue_order_id=str(random.randrange(10**18)),
        )
        for index in range(MAX_OPEN_INTENTS)
    ]
    positions = [
        a_position(
            subscription_id=name,
            signal_id=digest("signal", name),
            correlation_id=digest("correlation", name),
            entry_intent_id=digest("entry", name),
            quantity=(held := on_step()),
            opened_quantity=held,
            entry_price=number() + 1,
            stop_price=on_step(),
            exit_notional=number(),
            fees=number(),
        )
        for name in subscriptions[:MAX_POSITIONS]
    ]
    found_at = NOW + timedelta(microseconds=1)
    return an_account(
        subscriptions=dict.fromkeys(subscriptions, SubscriptionStatus.ACTIVE),
        intents={intent.intent_id: intent for intent in intents},
        positions={position.key: position for position in positions},
        settled={
            remembered(digest("settled", str(index))): forgotten_at(NOW + timedelta(seconds=random.randrange(900)))
            for index in range(MAX_SETTLED)
        },
        newest_signals={position_key(name, "BTC/USDT:USDT"): NOW for name in subscriptions},
        daily_results={name: DailyResult(NOW.date(), number()) for name in subscriptions},
        external_orders=tuple(
            ExternalOrder(
                client_order_id=digest("external", str(index)),
                venue_order_id=str(random.randrange(10**18)),
                market="BTC/USDT:USDT",
                side=Side.BUY,
                quantity=number(),
                seen_at=found_at,
            )
            for index in range(MAX_EXTERNAL_ORDERS)
        ),
        drifts={f"MARKET{index}/USDT:USDT": Drift(difference=number(), seen_at=found_at) for index in range(MAX_DRIFTS)},
        mends={digest("mend", str(index)): Mend(attempts=3, last_at=found_at) for index in range(MAX_MENDS)},
    )


def stubbed_table() -> Table:
    """A table at an address where nobody listens."""
    return Table("stubbed", region="us-east-1", host="http://127.0.0.1:1")


@contextmanager
def answering(table: Table, status: int, code: str) -> Iterator[None]:
    """Let every request of the table's client be answered with an error, without a network."""
    body = {"Error": {"Code": code, "Message": "told to"}, "ResponseMetadata": {"HTTPStatusCode": status}}

    class Response:
        status_code = status

    def answer(**_: Any) -> tuple[Response, dict[str, Any]]:
        return Response(), body

    table.client.meta.events.register("before-call.dynamodb", answer, unique_id="contract")
    try:
        yield
    finally:
        table.client.meta.events.unregister("before-call.dynamodb", unique_id="contract")
