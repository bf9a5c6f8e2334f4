"""Requests are money and rate limits, and counting them is exact on any machine: so these are tests, not benchmarks."""

from __future__ import annotations

from datetime import datetime

import pytest

from benchmarks.fan_out import CountingSqs, fan_out_to, full_signal, subscribers
from benchmarks.harness.executor import MemoryExecutor, TableExecutor, an_account_now, bracket, order_body
from benchmarks.report.write_units import write_units
from candlecast.adapters.sqs.queues import BATCH
from candlecast.domain.orders.intent import IntentState
from candlecast.domain.signals.signal import Action
from tests.support.builders import a_signal_shard
from tests.support.fakes.clock import FakeClock

# one for either write, outbox included; into the index of accounts that are due soon, and once out and in again
MAX_WRITE_UNITS = 5


@pytest.mark.parametrize("followers", [1, BATCH, BATCH + 1, 95])
def test_a_fan_out_sends_ten_orders_with_each_request(followers: int) -> None:
    sqs, signal = CountingSqs(), full_signal()
    fan_out_to(subscribers(followers), signal, sqs)(a_signal_shard(signal))
    assert sqs.messages == followers
    assert sqs.requests == -(-followers // BATCH)


@pytest.fixture
def now(executor: MemoryExecutor, clock: FakeClock) -> datetime:
    executor.forget()
    return clock.now()


@pytest.mark.slow
def test_an_order_is_one_request_to_the_venue_two_reads_and_two_writes(executor: MemoryExecutor, now: datetime) -> None:
    executor.begin_with(an_account_now(now, settled_market=True))
    executor.consume(order_body(Action.LONG, now, "entry"))
    assert (executor.requests, executor.accounts.loads, executor.accounts.saves) == (1, 1, 2)
    assert (executor.gate.reads, executor.gate.writes) == (1, 0), "the second read, at the last moment"
    executor.consume(order_body(Action.EXIT_LONG, now, "entry"))
    assert (executor.requests, executor.accounts.loads, executor.accounts.saves) == (2, 2, 4)
    assert (executor.gate.reads, executor.gate.writes, executor.gate.weights.leases) == (2, 0, 0), "an order weighs nothing"


@pytest.mark.slow
def test_a_repeat_of_a_message_asks_the_venue_nothing(executor: MemoryExecutor, now: datetime) -> None:
    executor.begin_with(an_account_now(now, settled_market=True))
    body = order_body(Action.LONG, now, "once")
    executor.consume(body)
    executor.consume(body)
    assert (executor.requests, executor.accounts.loads, executor.accounts.saves) == (1, 2, 2)
    assert executor.gate.reads == 1, "what sends nothing asks nothing"
    executor.consume(order_body(Action.EXIT_LONG, now, "once"))


@pytest.mark.slow
def test_leverage_and_margin_mode_are_asked_for_at_the_first_entry_only(executor: MemoryExecutor, now: datetime) -> None:
    executor.begin_with(an_account_now(now, settled_market=False))
    account = executor.consume(order_body(Action.LONG, now, "first", **bracket()))
    assert [intent.state for intent in account.intents.values()] == [IntentState.OPEN, IntentState.OPEN]  # stop and target
    assert (executor.requests, executor.accounts.loads, executor.accounts.saves) == (2 + 3, 1, 2)
    assert executor.gate.reads == 1, "once for all legs of an order"
    executor.consume(order_body(Action.EXIT_LONG, now, "first"))
    assert (executor.requests, executor.accounts.loads, executor.accounts.saves) == (2 + 3 + 3, 2, 4)  # an exit, two cancelled
    executor.consume(order_body(Action.LONG, now, "second", **bracket()))
    assert executor.requests == 2 + 3 + 3 + 3
    assert executor.gate.weights.leases == 1, "for settings and cancellations of a minute"
    executor.consume(order_body(Action.EXIT_LONG, now, "second"))


@pytest.mark.slow
def test_orders_share_one_connection_to_their_venue(executor: MemoryExecutor, now: datetime) -> None:
    executor.begin_with(an_account_now(now, settled_market=True))
    for number in range(3):
        executor.consume(order_body(Action.LONG, now, f"shared-{number}"))
        executor.consume(order_body(Action.EXIT_LONG, now, f"shared-{number}"))
    assert executor.requests == 6
    assert executor.connections == 1


@pytest.mark.slow
def test_an_order_on_aws_is_two_reads_two_writes_and_nothing_else(on_aws: TableExecutor, clock: FakeClock) -> None:
    now = clock.now()
    on_aws.begin_with(an_account_now(now, settled_market=True))
    on_aws.consume(order_body(Action.LONG, now, "warms-up"))
    on_aws.begin_with(an_account_now(now, settled_market=True))
    on_aws.forget()
    on_aws.consume(order_body(Action.LONG, now, "warm"))
    assert on_aws.cloud.requests == {"GetItem": 1, "BatchGetItem": 1, "PutItem": 2}
    assert (on_aws.requests, on_aws.secrets.reads, len(on_aws.queue.sent)) == (1, 0, 0)
    on_aws.consume(order_body(Action.EXIT_LONG, now, "warm"))
    entry, its_exit = on_aws.cloud.written[:2], on_aws.cloud.written[2:]
    assert [write_units(*each) for each in entry] == [1 + 1, 1 + 2], "in, and from when it is settled to once a minute"
    assert [write_units(*each) for each in its_exit] == [1 + 2, 1 + 1], "and back, and out"
    assert sum(write_units(*each) for each in entry) <= MAX_WRITE_UNITS


@pytest.mark.slow
def test_a_stop_and_a_target_cost_an_entry_no_further_write_units(on_aws: TableExecutor, clock: FakeClock) -> None:
    now = clock.now()
    on_aws.begin_with(an_account_now(now, settled_market=True))
    on_aws.forget()
    on_aws.consume(order_body(Action.LONG, now, "protected", **bracket()))
    assert on_aws.cloud.write_units <= MAX_WRITE_UNITS
