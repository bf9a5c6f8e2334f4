"""Statistics of a strategy's runs: counts by state, and how long and how late the runs were.

Every number is a sum, so a run is counted by additions alone. A maximum is no sum: a histogram tells its bounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from itertools import pairwise

from candlecast.domain.strategies.execution import Execution, ExecutionStatus
from candlecast.domain.values.errors import InvalidValue

RETENTION = timedelta(days=90)  # of a day's sums; the sums of all time stay

# Milliseconds. Built-in code decides within ten; a minute is the hard end of a run.
DURATION_BOUNDS = (10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 60_000)
# Milliseconds. A message is delivered within a second or two; a candle that is minutes late is missed.
DRIFT_BOUNDS = (250, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000)


@dataclass(frozen=True)
class Bounds:
    """A value in milliseconds lies above `above` and is at most `up_to`; None: nothing bounds it."""

    above: int
    up_to: int | None


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How values in milliseconds are spread. Raises `InvalidValue` for buckets that do not fit the bounds."""

    bounds: tuple[int, ...]
    """Upper bounds, included, of all buckets but the last, which has none."""
    buckets: tuple[int, ...]
    """Number of values in each bucket."""
    total: int = 0
    """Sum of the values."""

    def __post_init__(self) -> None:
        if len(self.buckets) != len(self.bounds) + 1:
            raise InvalidValue("a spread has one bucket more than bounds")

    @staticmethod
    def of(bounds: tuple[int, ...], value: float | None) -> Spread:
        """The spread of one value, rounded to whole milliseconds and never below 0, or of none."""
        buckets = [0] * (len(bounds) + 1)
        if value is None:
            return Spread(bounds=bounds, buckets=tuple(buckets))
        whole = max(0, round(value))
        buckets[sum(whole > bound for bound in bounds)] = 1
        return Spread(bounds=bounds, buckets=tuple(buckets), total=whole)

    def __add__(self, other: Spread) -> Spread:
        added = tuple(own + others for own, others in zip(self.buckets, other.buckets, strict=True))
        return Spread(bounds=self.bounds, buckets=added, total=self.total + other.total)

    @property
    def count(self) -> int:
        return sum(self.buckets)

    @property
    def mean(self) -> int | None:
        """Mean in milliseconds, rounded; None without values."""
        return None if self.count == 0 else round(self.total / self.count)

    def quantile(self, percent: int) -> Bounds | None:
        """Bounds of the smallest value that `percent` (1 to 100) of the values do not exceed; None without values."""
        rank, seen = -(-self.count * percent // 100), 0
        for bucket, count in enumerate(self.buckets):
            seen += count
            if 0 < rank <= seen:
                above, up_to = [*pairwise((0, *self.bounds)), (self.bounds[-1], None)][bucket]
                return Bounds(above, up_to)
        return None


@dataclass(frozen=True, kw_only=True)
class ExecutionSums:
    """Runs that have ended, of one day or of all time."""

    states: Mapping[ExecutionStatus, int] = field(default_factory=dict)
    """Number of runs by final state; a state without runs may be missing."""
    duration: Spread = field(default_factory=partial(Spread.of, DURATION_BOUNDS, None))
    """From the beginning of a run by its last holder to its end."""
    drift: Spread = field(default_factory=partial(Spread.of, DRIFT_BOUNDS, None))
    """From the close of the candle to the beginning of the run."""

    @staticmethod
    def of(execution: Execution) -> ExecutionSums:
        """The sums of one run that has ended."""
        return ExecutionSums(
            states={execution.status: 1},
            duration=Spread.of(DURATION_BOUNDS, execution.duration_ms),
            drift=Spread.of(DRIFT_BOUNDS, execution.drift_seconds * 1_000),
        )

    def __add__(self, other: ExecutionSums) -> ExecutionSums:
        states = {status: self.states.get(status, 0) + other.states.get(status, 0) for status in {*self.states, *other.states}}
        return ExecutionSums(states=states, duration=self.duration + other.duration, drift=self.drift + other.drift)

    @property
    def runs(self) -> int:
        return sum(self.states.values())


@dataclass(frozen=True, kw_only=True)
class ExecutionStatistics:
    """Sums of a strategy's runs: of each day (UTC) with a run that ended there, and of all time."""

    days: Mapping[date, ExecutionSums] = field(default_factory=dict)
    total: ExecutionSums = field(default_factory=ExecutionSums)

    @property
    def window(self) -> ExecutionSums:
        """The sum of the days."""
        return sum(self.days.values(), ExecutionSums())


def day_of(execution: Execution) -> date:
    """The day (UTC) that a run is counted in: the day on which it ended."""
    return (execution.finished_at or execution.started_at).date()


def first_day(now: datetime) -> date:
    """The oldest day whose sums are kept."""
    return (now - RETENTION).date()
