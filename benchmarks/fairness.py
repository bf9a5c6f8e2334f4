"""Whether anybody is always first: Jain's index of the mean rank, over many signals, through the product's own order.

J(x) = (sum of x)^2 / (n * sum of x^2), between 1/n and 1, where everybody has the same: R. Jain, D.-M. Chiu, W. Hawe, A
Quantitative Measure of Fairness and Discrimination for Resource Allocation in Shared Computer Systems, DEC-TR-301, 1984. The
shared good is a place in the line: x is the mean of a subscriber's ranks over all signals, 1 for the first place. A line that
never changes has 0.75: its ranks are spread evenly from 1 to n. Lots drawn anew for every signal have 1 - 1 / (3 * signals + 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from candlecast.domain.values.ids import digest, shard_position, turn
from candlecast.services.signals.publish_signal import shard_bounds, shard_messages, shards_for
from tests.support.builders import a_signal, a_signal_record

SIGNALS = 200
SUBSCRIBERS = 5_000


def section(signals: int = SIGNALS, subscribers: int = SUBSCRIBERS) -> dict[str, float]:
    """The index with shards side by side and one after the other, and the mean ranks of the luckiest and unluckiest as shares."""
    names = [f"subscription-{number}" for number in range(subscribers)]
    signal_ids = [digest("fairness", str(number)) for number in range(signals)]
    beside = mean_ranks([line(signal_id, names, side_by_side=True) for signal_id in signal_ids])
    behind = mean_ranks([line(signal_id, names, side_by_side=False) for signal_id in signal_ids])
    return {
        "signals": signals,
        "subscribers": subscribers,
        "jain_index": round(min(jain_index(beside), jain_index(behind)), 4),
        "jain_index_shards_side_by_side": round(jain_index(beside), 4),
        "jain_index_shards_in_turn": round(jain_index(behind), 4),
        "jain_index_without_shuffle": round(jain_index([float(rank) for rank in range(1, subscribers + 1)]), 4),
        "luckiest_mean_rank": round(min(*beside, *behind) / subscribers, 3),
        "unluckiest_mean_rank": round(max(*beside, *behind) / subscribers, 3),
    }


def jain_index(values: Sequence[float]) -> float:
    """Jain's index of fairness; 1 for equal values."""
    return sum(values) ** 2 / (len(values) * sum(value * value for value in values))


def mean_ranks(lines: Sequence[Sequence[str]]) -> list[float]:
    """Each one's mean rank over all lines, from 1."""
    totals = dict.fromkeys(lines[0], 0)
    for served in lines:
        for rank, name in enumerate(served, start=1):
            totals[name] += rank
    return [total / len(lines) for total in totals.values()]


def line(signal_id: str, names: Sequence[str], *, side_by_side: bool) -> list[str]:
    """In which order a signal reaches them: its shards in the order in which they are queued, each by its followers' turns.

    Shards side by side advance alike: the first of each, then the second of each. In turn is what remains with one worker.
    """
    record = a_signal_record(a_signal(signal_id=signal_id), shards=shards_for(len(names)), subscriber_count=len(names))
    queued = [shard.shard for shard in shard_messages(record)]
    bounds = shard_bounds(record.shards)
    members: list[list[str]] = [[] for _ in bounds]
    for name in names:
        position = shard_position(name)
        members[next(n for n, (start, end) in zip(count(), bounds, strict=False) if start <= position < end)].append(name)
    lines = [sorted(members[shard], key=lambda name: turn(signal_id, name)) for shard in queued]
    if not side_by_side:
        return [name for served in lines for name in served]
    places = [(rank, shard, name) for shard, served in enumerate(lines) for rank, name in enumerate(served)]
    return [name for _, _, name in sorted(places)]
