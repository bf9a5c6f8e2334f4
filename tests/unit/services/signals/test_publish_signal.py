"""Publishing: the signal is kept, then one message per shard, and the shards cover every subscriber once."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.ids import shard_position
from candlecast.services.signals.publish_signal import (
    MAX_SHARDS,
    SUBSCRIBERS_PER_SHARD,
    PublishSignal,
    shard_bounds,
    shard_messages,
    shards_for,
)
from tests.support.builders import NOW, VENUE, a_signal, a_signal_record
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.queues import FakeSignalQueue
from tests.support.fakes.signals import FakeSignalStore


@pytest.mark.parametrize(
    ("subscribers", "shards"), [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (5_000, 5), (1_000_000, 1_000), (10**9, MAX_SHARDS)]
)
def test_as_many_shards_as_the_followers_need(subscribers: int, shards: int) -> None:
    assert shards_for(subscribers) == shards


@given(shards=st.integers(1, MAX_SHARDS), subscription_id=st.text())
def test_every_subscription_is_in_exactly_one_shard(shards: int, subscription_id: str) -> None:
    position = shard_position(subscription_id)
    assert sum(start <= position < end for start, end in shard_bounds(shards)) == 1


def test_the_signal_is_kept_and_queued_once_per_shard() -> None:
    store, queue, metrics = FakeSignalStore(), FakeSignalQueue(), RecordingMetrics()
    signal = a_signal()
    record = PublishSignal(store, queue, FakeClock(), metrics)(signal, VENUE, 2 * SUBSCRIBERS_PER_SHARD + 1)
    assert store.get_signal(signal.signal_id) == record
    assert (record.shards, record.published_at, record.signal) == (3, NOW, signal)
    assert sorted((m.shard, m.start, m.end) for m in queue.sent) == [(0, "0000", "5555"), (1, "5555", "aaaa"), (2, "aaaa", "g")]
    assert all((m.signal, m.venue) == (signal, VENUE) for m in queue.sent)
    assert metrics.counts["SignalsPublished"] == 1


def test_no_shard_is_the_first_of_every_signal() -> None:
    firsts = Counter(
        shard_messages(a_signal_record(a_signal(signal_id=f"signal-{number}"), shards=5))[0].shard for number in range(200)
    )
    assert set(firsts) == set(range(5))
    assert max(firsts.values()) < 2 * 200 / 5


def test_a_repeat_keeps_the_first_record_and_sends_the_same_messages() -> None:
    store, queue = FakeSignalStore(), FakeSignalQueue()
    publish = PublishSignal(store, queue, FakeClock(), RecordingMetrics())
    first = publish(a_signal(), VENUE, 1)
    assert publish(a_signal(), VENUE, 1) == first
    assert (store.get_signal(a_signal().signal_id), queue.sent[0]) == (first, queue.sent[1])


def test_a_repeat_sends_the_shards_of_the_first_time_whoever_has_come_or_gone_since() -> None:
    queue = FakeSignalQueue()
    publish = PublishSignal(FakeSignalStore(), queue, FakeClock(), RecordingMetrics())
    publish(a_signal(), VENUE, 2 * SUBSCRIBERS_PER_SHARD)
    publish(a_signal(), VENUE, SUBSCRIBERS_PER_SHARD)
    assert (len(queue.sent), queue.sent[:2]) == (4, queue.sent[2:])


def test_a_queue_that_does_not_take_it_is_told_and_the_signal_is_kept_for_the_repeat() -> None:
    store, queue = FakeSignalStore(), FakeSignalQueue()
    queue.fail_next()
    with pytest.raises(RetryLater):
        PublishSignal(store, queue, FakeClock(), RecordingMetrics())(a_signal(), VENUE, 1)
    assert store.get_signal(a_signal().signal_id).signal == a_signal()
