"""Publish a signal: store it, then one message per shard of its subscribers."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import ceil

from candlecast.domain.signals.audience import Audience
from candlecast.domain.signals.messages import SignalShard
from candlecast.domain.signals.signal import Signal
from candlecast.domain.strategies.execution import ReceivedAs, SignalRecord
from candlecast.domain.values.ids import turn
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.queue import SignalQueue
from candlecast.ports.store import SignalStore

# One fan-out invocation: four index pages, a hundred batches of orders, a second of CPU: a tenth of its time-out.
SUBSCRIBERS_PER_SHARD = 1_000
MAX_SHARDS = 4_096  # four million subscribers; beyond it shards grow, and the function's time-out bounds them
RING_SIZE = 0x10000  # shard positions are four hex digits


@dataclass(frozen=True, slots=True)
class PublishSignal:
    """Fans a signal out. Doing it again is harmless: every id downstream follows from the signal's."""

    store: SignalStore
    queue: SignalQueue
    clock: Clock
    metrics: Metrics

    def __call__(
        self,
        signal: Signal,
        venue: str,
        subscriber_count: int,
        *,
        audience: Audience | None = None,
        max_notional: Decimal | None = None,
        received_as: ReceivedAs | None = None,
        delay_seconds: int = 0,
    ) -> SignalRecord:
        """Store the signal and queue its shards; raises `RetryLater` if a queue or the store did not take it.

        A repeat queues the shards of the first time, however many subscribers there are by now. A shard that is done is not
        repeated, so its number must mean the same part of the ring. No shard is always the first. `audience` says which of the
        subscribers get the signal, None: all. `max_notional` bounds the orders of all of them together, in quote units.
        `received_as` names the message that the signal was made of.
        """
        record = self.store.put_signal(
            SignalRecord(
                signal=signal,
                venue=venue,
                shards=shards_for(subscriber_count),
                subscriber_count=subscriber_count,
                published_at=self.clock.now(),
                max_notional=max_notional,
                audience=audience,
                received_as=received_as,
            )
        )
        self.queue.send_shards(shard_messages(record), delay_seconds)
        self.metrics.count("SignalsPublished")
        return record


def shard_messages(record: SignalRecord) -> list[SignalShard]:
    """The messages of a signal's shards in the order in which they are queued, another for each signal."""
    signal_id = record.signal.signal_id
    numbered = sorted(enumerate(shard_bounds(record.shards)), key=lambda shard: turn(signal_id, str(shard[0])))
    return [
        SignalShard(
            signal=record.signal,
            venue=record.venue,
            shard=number,
            start=start,
            end=end,
            max_notional=record.shard_notional,
            published_at=record.published_at,
            audience=record.audience,
        )
        for number, (start, end) in numbered
    ]


def shards_for(subscriber_count: int) -> int:
    """How many shards so many subscribers need; at least one, since a count may lag behind its first subscriber."""
    return max(1, min(MAX_SHARDS, ceil(subscriber_count / SUBSCRIBERS_PER_SHARD)))


def shard_bounds(shards: int) -> tuple[tuple[str, str], ...]:
    """Ranges `[start, end)` of shard positions that split the ring evenly; the last end is beyond every four hex digits."""
    edges = [f"{RING_SIZE * k // shards:04x}" for k in range(shards)]
    return tuple(zip(edges, [*edges[1:], "g"], strict=True))
