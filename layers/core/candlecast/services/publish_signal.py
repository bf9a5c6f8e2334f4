"""Publish a signal: store it, then one message per shard of its subscribers."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from candlecast.domain.execution import SignalRecord
from candlecast.domain.messages import SignalShard
from candlecast.domain.signal import Signal
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.queue import SignalQueue
from candlecast.ports.store import SignalStore

SUBSCRIBERS_PER_SHARD = 100  # one fan-out invocation: two index pages and ten batches of orders, well below its time-out
MAX_SHARDS = 256  # 25,600 subscribers at the wanted size; beyond it shards grow, and the function's time-out bounds them
RING_SIZE = 0x10000  # shard positions are four hex digits


@dataclass(frozen=True, slots=True)
class PublishSignal:
    """Fans a signal out. Doing it again is harmless: every id downstream follows from the signal's."""

    store: SignalStore
    queue: SignalQueue
    clock: Clock
    metrics: Metrics

    def __call__(self, signal: Signal, venue: str, subscriber_count: int) -> SignalRecord:
        """Store the signal and queue its shards; raises `RetryLater` if a queue or the store did not take it."""
        bounds = shard_bounds(subscriber_count)
        record = SignalRecord(
            signal=signal,
            venue=venue,
            shards=len(bounds),
            subscriber_count=subscriber_count,
            published_at=self.clock.now(),
        )
        self.store.put_signal(record)
        self.queue.send_shards(
            [
                SignalShard(signal=signal, venue=venue, shard=number, start=start, end=end)
                for number, (start, end) in enumerate(bounds)
            ]
        )
        self.metrics.count("SignalsPublished")
        return record


def shard_bounds(subscriber_count: int) -> tuple[tuple[str, str], ...]:
    """Ranges `[start, end)` of shard positions that split the ring evenly; the last end is beyond every four hex digits."""
    shards = max(1, min(MAX_SHARDS, ceil(subscriber_count / SUBSCRIBERS_PER_SHARD)))
    edges = [f"{RING_SIZE * k // shards:04x}" for k in range(shards)]
    return tuple(zip(edges, [*edges[1:], "g"], strict=True))
