"""Queues: a message arrives unchanged, grouped, deduplicated and not before its time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from candlecast.adapters.codec import message_from_json
from candlecast.adapters.sqs.queues import (
    SqsBacktestQueue,
    SqsCandleQueue,
    SqsReconcileQueue,
    SqsSignalQueue,
    SqsTradeQueue,
    group_id,
)
from candlecast.domain.signals.messages import BacktestTask, CandleClosed, ReconcileRequest, SignalShard
from candlecast.domain.signals.signal import Action
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.ids import digest
from candlecast.ports.queue import CandleQueue, ReconcileQueue, SignalQueue, TradeQueue
from tests.contract.aws.conftest import Cloud
from tests.support.builders import a_candle_closed, a_reconcile_request, a_signal, a_signal_shard, a_trade_order
from tests.support.fakes.queues import FakeCandleQueue, FakeReconcileQueue, FakeSignalQueue, FakeTradeQueue


@dataclass(frozen=True, slots=True, kw_only=True)
class Queues:
    """Every queue, and its waiting messages: at least so many."""

    candle: CandleQueue
    signal: SignalQueue
    trade: TradeQueue
    reconcile: ReconcileQueue
    candles: Callable[[int], list[CandleClosed]]
    shards: Callable[[int], list[SignalShard]]
    orders: Callable[[int], list[TradeOrder]]
    requests: Callable[[int], list[ReconcileRequest]]


@pytest.fixture(params=["fake", pytest.param("sqs", marks=pytest.mark.e2e)])
def queues(request: pytest.FixtureRequest) -> Queues:
    return _fakes() if request.param == "fake" else _real(request.getfixturevalue("aws"))


def _fakes() -> Queues:
    candle, signal, trade, reconcile = FakeCandleQueue(), FakeSignalQueue(), FakeTradeQueue(), FakeReconcileQueue()
    return Queues(
        candle=candle,
        signal=signal,
        trade=trade,
        reconcile=reconcile,
        candles=lambda _: [message for message, _ in candle.sent],
        shards=lambda _: list(signal.sent),
        orders=lambda _: list(trade.sent),
        requests=lambda _: [message for message, _ in reconcile.sent],
    )


def _real(aws: Cloud) -> Queues:
    candle, signal, trade, reconcile = aws.queue(), aws.queue(), aws.queue(fifo=True), aws.queue()

    def decoded(queue_url: str, kind: Any) -> Callable[[int], list[Any]]:
        return lambda expected: [message_from_json(kind, message["Body"]) for message in aws.messages(queue_url, expected)]

    return Queues(
        candle=SqsCandleQueue(aws.client("sqs"), candle),
        signal=SqsSignalQueue(aws.client("sqs"), signal),
        trade=SqsTradeQueue(aws.bulk_sender(), trade),
        reconcile=SqsReconcileQueue(aws.client("sqs"), reconcile),
        candles=decoded(candle, CandleClosed),
        shards=decoded(signal, SignalShard),
        orders=decoded(trade, TradeOrder),
        requests=decoded(reconcile, ReconcileRequest),
    )


def test_a_candle_arrives_as_it_was_sent(queues: Queues) -> None:
    queues.candle.send_candles([a_candle_closed()], 0)
    assert queues.candles(1) == [a_candle_closed()]


def test_more_shards_than_a_batch_takes_all_arrive(queues: Queues) -> None:
    shards = [a_signal_shard(shard=number) for number in range(23)]
    queues.signal.send_shards(shards)
    assert sorted(queues.shards(23), key=lambda shard: shard.shard) == shards


def test_orders_of_an_account_arrive_in_order(queues: Queues) -> None:
    orders = [
        a_trade_order(a_signal(action), account_id=account, subscription_id=f"follows-{account}")
        for action in (Action.LONG, Action.EXIT)
        for account in ("account-1", "account-2")
    ]
    queues.trade.send_orders(orders)
    arrived = queues.orders(4)
    for account in ("account-1", "account-2"):
        actions = [order.signal.action for order in arrived if order.account_id == account]
        assert actions == [Action.LONG, Action.EXIT]


def test_an_order_that_is_sent_again_arrives_once(queues: Queues) -> None:
    queues.trade.send_orders([a_trade_order()])
    queues.trade.send_orders([a_trade_order(), a_trade_order(subscription_id="subscription-2")])
    assert [order.subscription_id for order in queues.orders(2)] == ["subscription-1", "subscription-2"]


def test_the_decisions_of_two_versions_on_one_candle_arrive_once(queues: Queues) -> None:
    stable, candidate = (a_signal(signal_id=digest(which), decision_id="candle") for which in "sc")
    queues.trade.send_orders([a_trade_order(stable)])
    queues.trade.send_orders([a_trade_order(candidate), a_trade_order(candidate, subscription_id="subscription-2")])
    arrived = [(order.signal.signal_id, order.subscription_id) for order in queues.orders(2)]
    assert arrived == [(stable.signal_id, "subscription-1"), (candidate.signal_id, "subscription-2")]


def test_requests_arrive(queues: Queues) -> None:
    requests = [a_reconcile_request(account_id=f"account-{number}") for number in range(12)]
    queues.reconcile.send_reconcile(requests)
    assert sorted(queues.requests(12), key=lambda request: request.account_id) == sorted(
        requests, key=lambda request: request.account_id
    )


def test_nothing_is_sent_for_nothing(queues: Queues) -> None:
    queues.signal.send_shards([])
    queues.trade.send_orders([])
    queues.reconcile.send_reconcile([])
    assert (queues.shards(0), queues.orders(0), queues.requests(0)) == ([], [], [])


@pytest.mark.parametrize("delay", [-1, 901])
def test_a_delay_beyond_what_the_queue_takes_is_refused(queues: Queues, delay: int) -> None:
    with pytest.raises(InvalidValue) as candle:
        queues.candle.send_candles([a_candle_closed()], delay)
    with pytest.raises(InvalidValue) as request:
        queues.reconcile.send_reconcile([a_reconcile_request()], delay)
    assert (candle.value.code, request.value.code) == ("DELAY_INVALID", "DELAY_INVALID")


@pytest.mark.e2e
def test_a_delayed_candle_does_not_arrive_before_its_time(aws: Cloud) -> None:
    queue_url = aws.queue()
    SqsCandleQueue(aws.client("sqs"), queue_url).send_candles([a_candle_closed()], 2)
    assert "Messages" not in aws.client("sqs").receive_message(QueueUrl=queue_url, WaitTimeSeconds=0)
    assert len(aws.messages(queue_url, 1)) == 1


@pytest.mark.e2e
def test_an_accounts_messages_are_one_group(aws: Cloud) -> None:
    queue_url = aws.queue(fifo=True)
    SqsTradeQueue(aws.bulk_sender(), queue_url).send_orders(
        [a_trade_order(), a_trade_order(account_id="account-2", subscription_id="subscription-2")]
    )
    groups = [message["Attributes"]["MessageGroupId"] for message in aws.messages(queue_url, 2)]
    assert sorted(groups) == [group_id("tenant-1", "account-1"), group_id("tenant-1", "account-2")]


@pytest.mark.e2e
def test_a_tenants_tasks_are_one_group_of_a_queue_without_order(aws: Cloud) -> None:
    queue_url = aws.queue()
    tasks = [BacktestTask(tenant_id=tenant, backtest_id="id", correlation_id="c") for tenant in ("a", "b", "a")]
    SqsBacktestQueue(aws.client("sqs"), queue_url).send_backtests(tasks)
    messages = aws.messages(queue_url, 3)  # all are in flight together
    assert sorted(Counter(message["Attributes"]["MessageGroupId"] for message in messages).values()) == [1, 2]
