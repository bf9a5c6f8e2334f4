"""Sums of runs, and the bounds that a histogram tells."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlecast.domain.strategies.execution import ExecutionStatus
from candlecast.domain.strategies.execution_statistics import (
    DRIFT_BOUNDS,
    DURATION_BOUNDS,
    Bounds,
    ExecutionSums,
    Spread,
    day_of,
    first_day,
)
from candlecast.domain.values.errors import InvalidValue
from tests.support.builders import after, an_execution

VALUES = st.lists(st.integers(0, 400_000), min_size=1, max_size=60)


def spread(values: list[int]) -> Spread:
    return reduce(Spread.__add__, (Spread.of(DRIFT_BOUNDS, value) for value in values), Spread.of(DRIFT_BOUNDS, None))


@given(VALUES, st.integers(1, 100))
def test_a_quantile_lies_within_its_bounds(values: list[int], percent: int) -> None:
    bounds = spread(values).quantile(percent)
    exact = sorted(values)[-(-len(values) * percent // 100) - 1]
    assert bounds is not None
    assert exact == 0 or bounds.above < exact
    assert bounds.up_to is None or exact <= bounds.up_to


@given(VALUES)
def test_count_and_mean_are_exact(values: list[int]) -> None:
    found = spread(values)
    assert (found.count, found.total, found.mean) == (len(values), sum(values), round(sum(values) / len(values)))


def test_without_values_nothing_is_told() -> None:
    empty = spread([])
    assert (empty.count, empty.mean, empty.quantile(50), empty.quantile(100)) == (0, None, None, None)


def test_a_value_at_a_bound_belongs_below_it_and_one_beyond_all_bounds_has_none() -> None:
    assert spread([250]).quantile(100) == Bounds(0, 250)
    assert spread([251]).quantile(100) == Bounds(250, 500)
    assert spread([300_001]).quantile(100) == Bounds(300_000, None)


def test_a_run_that_began_before_its_candle_by_a_fast_clock_counts_as_zero() -> None:
    assert ExecutionSums.of(an_execution(status=ExecutionStatus.FAILED, drift_seconds=-0.2)).drift.total == 0


def test_a_run_is_measured_in_whole_milliseconds() -> None:
    sums = ExecutionSums.of(an_execution(status=ExecutionStatus.COMPLETED, drift_seconds=1.2344, duration_ms=9.6))
    assert (sums.drift.total, sums.duration.total, sums.states) == (1_234, 10, {ExecutionStatus.COMPLETED: 1})
    assert sums.duration.quantile(100) == Bounds(0, 10)


def test_a_run_counts_on_the_day_on_which_it_ended() -> None:
    close = datetime(2026, 11, 22, tzinfo=UTC)
    assert day_of(an_execution(close, finished_at=after(1, close))) == close.date()
    assert day_of(an_execution(close, started_at=after(-1, close))) == after(-1, close).date()


def test_days_are_kept_for_ninety_days() -> None:
    assert first_day(datetime(2026, 12, 1, 5, tzinfo=UTC)) == datetime(2026, 9, 2, tzinfo=UTC).date()


def test_buckets_that_do_not_fit_their_bounds_are_refused() -> None:
    with pytest.raises(InvalidValue):
        Spread(bounds=DURATION_BOUNDS, buckets=(1,))
