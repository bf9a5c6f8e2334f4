"""The cost of a subscriber in the fan-out: making an order message of a subscription, and encoding it for the queue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from benchmarks.fan_out_throughput import section
from benchmarks.harness.followers import full_signal, subscribers
from benchmarks.harness.measuring import Figure, Subject, compare, counted
from candlecast.adapters.codec import to_json
from candlecast.adapters.sqs.queues import SqsTradeQueue
from candlecast.domain.limits.limits import EffectiveLimits
from candlecast.domain.signals.signal import Signal
from candlecast.domain.strategies.execution import ShardReport
from candlecast.domain.subscriptions.subscription import Subscription
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.services.signals.fan_out import FanOut
from tests.support.builders import a_signal_record, a_signal_shard
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.decisions import FakeDecisions
from tests.support.fakes.history import FakeHistory
from tests.support.fakes.limits import read_limits
from tests.support.fakes.signals import FakeSignalStore
from tests.support.fakes.subscriptions import FakeSubscriptionStore
from tests.support.fakes.verdicts import judge_signal

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

__all__ = ["figures", "full_signal", "section", "subscribers"]

SUBSCRIBERS = 1_000
ENCODING = f"fan-out: encoding {SUBSCRIBERS:,} messages alone"


@dataclass(slots=True)
class CountingSqs:
    """Takes every message and counts the requests that brought them."""

    requests: int = 0
    messages: int = 0

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.requests += 1
        self.messages += len(Entries)
        return {"QueueUrl": QueueUrl}


class Followers(FakeSubscriptionStore):
    """Gives the followers that it was made with, so that looking for them in a fake is not measured."""

    def __init__(self, followers: Sequence[Subscription]) -> None:
        super().__init__()
        self._followers = followers

    def followers(self, strategy_id: str, start: str, end: str) -> Iterator[Subscription]:
        return iter(self._followers)


class Forgetful(FakeSignalStore):
    """Takes no note of messages that were sent, so a shard can be measured repeatedly."""

    def report_shard(self, signal_id: str, report: ShardReport) -> None:
        return None


def figures() -> Iterator[Figure]:
    """The whole fan-out of one signal against the encoding of its messages, per subscriber; and its requests."""
    signal, followers = full_signal(), subscribers(SUBSCRIBERS)
    orders = [_order(signal, follower) for follower in followers]
    sqs = CountingSqs()
    fan_out = fan_out_to(followers, signal, sqs)
    shard = a_signal_shard(signal)
    yield from compare(
        Subject(ENCODING, lambda: [to_json(order) for order in orders], "subscriber", SUBSCRIBERS),
        Subject("fan-out: one signal, all of it", lambda: fan_out(shard), "subscriber", SUBSCRIBERS),
    )
    sqs.requests = sqs.messages = 0
    fan_out(shard)
    yield counted("fan-out: queue requests of one signal", "requests", sqs.requests, "messages of the signal", sqs.messages)


def fan_out_to(followers: Sequence[Subscription], signal: Signal, sqs: CountingSqs) -> FanOut:
    """The use case with the real sender to SQS and everything else in memory."""
    signals = Forgetful()
    signals.put_signal(a_signal_record(signal, subscriber_count=len(followers)))
    return FanOut(
        subscriptions=Followers(followers),
        signals=signals,
        history=FakeHistory(),
        decisions=FakeDecisions(),
        queue=SqsTradeQueue(cast("SQSClient", sqs), "queue"),
        limits=read_limits(FakeClock()),
        judge=judge_signal(FakeClock()),
        clock=FakeClock(),
        metrics=RecordingMetrics(),
    )


def _order(signal: Signal, follower: Subscription) -> TradeOrder:
    return TradeOrder(
        signal=signal,
        tenant_id=follower.tenant_id,
        account_id=follower.account_id or "",
        subscription_id=follower.subscription_id,
        settings=follower.settings,
        limits=EffectiveLimits(),
    )
