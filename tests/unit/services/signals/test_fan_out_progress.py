"""A fan-out that is killed at any moment: its successor misses nobody and sends nearly nothing again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

import pytest

from candlecast.adapters.sqs.queues import BATCH, SqsTradeQueue
from candlecast.domain.signals.messages import SignalShard
from candlecast.domain.strategies.execution import ShardReport
from candlecast.ports.filters import OrderFilter
from candlecast.services.signals.fan_out import FanOut
from candlecast.services.signals.publish_signal import shard_messages
from tests.support.builders import TENANT, VENUE, a_signal, a_signal_record, a_strategy, a_subscription
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.decisions import FakeDecisions
from tests.support.fakes.history import FakeHistory
from tests.support.fakes.limits import read_limits
from tests.support.fakes.signals import FakeSignalStore
from tests.support.fakes.store import FakeDatabase
from tests.support.fakes.strategies import FakeStrategyStore
from tests.support.fakes.subscriptions import FakeSubscriptionStore
from tests.support.fakes.verdicts import judge_signal

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

FOLLOWERS = 57
WITHOUT_ACCOUNT = 3
PART = 20  # small parts, so that every place of a kill can be tried
NEVER = 1_000


class KilledError(BaseException):
    """The process has gone; nothing that it would have done afterwards happens."""


@dataclass
class Life:
    """Ends after so many requests; the last one takes effect and nobody learns of it."""

    requests_left: int
    _one_at_a_time: Lock = field(default_factory=Lock)

    def request(self) -> None:
        with self._one_at_a_time:
            if self.requests_left <= 0:
                raise KilledError
            self.requests_left -= 1


@dataclass
class Sqs:
    """A FIFO queue: a message that came already within its window is dropped."""

    life: Life
    taken: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    window: set[str] = field(default_factory=set)

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.life.request()
        assert len(Entries) <= BATCH
        for entry in Entries:
            whose, name = json.loads(entry["MessageBody"])["subscription_id"], entry["MessageDeduplicationId"]
            (self.dropped if name in self.window else self.taken).append(whose)
            self.window.add(name)
        return {"QueueUrl": QueueUrl}


class MortalSignals(FakeSignalStore):
    life: Life

    def report_shard(self, signal_id: str, report: ShardReport) -> None:
        self.life.request()
        super().report_shard(signal_id, report)


class Stage:
    """A strategy with followers and one shard of them all."""

    def __init__(self, followers: int = FOLLOWERS) -> None:
        database = FakeDatabase()
        FakeStrategyStore(database).create_strategy(a_strategy())
        self.subscriptions = FakeSubscriptionStore(database)
        for number in range(followers):
            account = None if number < WITHOUT_ACCOUNT else f"account-{number}"
            self.subscriptions.write(a_subscription(f"subscription-{number}", account_id=account), None, follower_change=1)
        self.signals, self.history, self.sqs = MortalSignals(database), FakeHistory(database), Sqs(Life(NEVER))
        self.expected = {f"subscription-{number}" for number in range(WITHOUT_ACCOUNT, followers)}
        self.signal = a_signal()
        self.signals.put_signal(a_signal_record(self.signal))

    def run(self, shard: SignalShard, requests: int = NEVER) -> ShardReport:
        """One invocation that lives for so many requests."""
        self.signals.life = self.sqs.life = Life(requests)
        return FanOut(
            subscriptions=self.subscriptions,
            signals=self.signals,
            history=self.history,
            decisions=FakeDecisions(),
            queue=SqsTradeQueue(cast("SQSClient", self.sqs), "queue"),
            limits=read_limits(FakeClock()),
            judge=judge_signal(FakeClock()),
            clock=FakeClock(),
            metrics=RecordingMetrics(),
        )(shard)

    @property
    def shard(self) -> SignalShard:
        (only,) = shard_messages(self.signals.get_signal(self.signal.signal_id))
        return only


REQUESTS = 9  # parts of 20, 20 and 17, each of at most two batches and a note


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("candlecast.services.signals.fan_out.PROGRESS_EVERY", PART)


def test_the_places_of_a_kill_are_all_there_are() -> None:
    stage = Stage()
    stage.run(stage.shard, REQUESTS)
    with pytest.raises(KilledError):
        Stage().run(stage.shard, REQUESTS - 1)


@pytest.mark.parametrize("killed_after", range(REQUESTS))
def test_after_a_kill_anywhere_nobody_is_missed_and_nobody_gets_it_twice(killed_after: int) -> None:
    stage = Stage()
    with pytest.raises(KilledError):
        stage.run(stage.shard, killed_after)
    report = stage.run(stage.shard)
    assert Counter(stage.sqs.taken) == Counter(stage.expected)
    assert (report.orders, report.skipped, report.is_complete) == (len(stage.expected), {"NO_ACCOUNT": WITHOUT_ACCOUNT}, True)
    assert stage.signals.get_signal(stage.signal.signal_id).reports == {0: report}
    assert len(stage.history.list_orders(TENANT, OrderFilter()).items) == WITHOUT_ACCOUNT


@pytest.mark.parametrize("killed_after", range(REQUESTS))
def test_what_was_noted_as_sent_is_not_sent_again_even_when_the_queue_has_forgotten_it(killed_after: int) -> None:
    stage = Stage()
    with pytest.raises(KilledError):
        stage.run(stage.shard, killed_after)
    noted = stage.signals.shard_report(stage.signal.signal_id, 0)
    stage.sqs.window.clear()
    first = len(stage.sqs.taken)
    stage.run(stage.shard)
    again = {whose for whose, times in Counter(stage.sqs.taken).items() if times > 1}
    assert set(stage.sqs.taken) == stage.expected
    assert len(again) == first - (noted.orders if noted else 0)
    assert len(again) <= PART


def test_a_shard_that_is_killed_again_and_again_comes_to_its_end() -> None:
    stage, lives = Stage(), 0
    while True:
        lives += 1
        try:
            stage.run(stage.shard, 3)
        except KilledError:
            continue
        break
    assert (lives, Counter(stage.sqs.taken)) == (3, Counter(stage.expected))


def test_one_who_subscribes_in_between_neither_shifts_nor_hides_anybody() -> None:
    stage = Stage()
    with pytest.raises(KilledError):
        stage.run(stage.shard, 4)
    for number in range(FOLLOWERS, 2 * FOLLOWERS):
        late = a_subscription(f"subscription-{number}", account_id=f"account-{number}")
        stage.subscriptions.write(late, None, follower_change=1)
    stage.run(stage.shard)
    counted = Counter(stage.sqs.taken)
    assert stage.expected <= set(counted)
    assert set(counted.values()) == {1}


def test_all_shards_together_serve_everybody_once_in_an_order_that_is_the_signals_own() -> None:
    orders = []
    for name in ("signal-1", "signal-2", "signal-1"):
        stage = Stage()
        record = stage.signals.put_signal(a_signal_record(a_signal(signal_id=name), shards=4, venue=VENUE))
        for shard in shard_messages(record):
            stage.run(shard)
        assert Counter(stage.sqs.taken) == Counter(stage.expected)
        assert stage.signals.get_signal(name).shards_done == 4
        orders.append(list(stage.sqs.taken))
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != orders[1]
