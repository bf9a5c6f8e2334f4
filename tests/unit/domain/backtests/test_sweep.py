"""A sweep is split into parts that hold each combination once, each of them about the work of one backtest."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlecast.backtest.grid import MOST_AXES
from candlecast.domain.backtests.backtest import MAX_A_DAY, MAX_ROWS
from candlecast.domain.backtests.sweep import (
    MAX_AXES,
    MAX_PARTS,
    MAX_SEED,
    MAX_TRIALS,
    MAX_TRIALS_OF_A_PART,
    MAX_VALUES,
    MAX_WINDOWS,
    MOST_COMBINATIONS,
    ROWS_OF_A_PART,
    RandomSearch,
    WalkForwardPlan,
    planned_sweep,
)
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.timeframe import Timeframe

TWO = {"fast": list(range(2, 22)), "slow": list(range(30, 40))}


@pytest.mark.parametrize("rows", [2, 300, 10_000])
def test_the_parts_hold_each_combination_once_in_order(rows: int) -> None:
    sweep = planned_sweep(TWO, "sharpe_ratio", rows)
    parts = [sweep.trials_of(part) for part in range(sweep.parts)]
    assert sweep.trials == 200
    assert [number for part in parts for number in part] == list(range(200))
    assert all(parts)
    assert max(map(len, parts)) * rows <= ROWS_OF_A_PART


def test_short_spans_have_parts_that_a_killed_worker_soon_makes_again() -> None:
    assert planned_sweep({"fast": list(range(100))}, "sharpe_ratio", 2).parts == 100 / MAX_TRIALS_OF_A_PART


def test_the_longest_span_has_a_part_for_each_combination() -> None:
    sweep = planned_sweep({"fast": list(range(MAX_PARTS))}, "sharpe_ratio", MAX_ROWS)
    assert [len(sweep.trials_of(part)) for part in range(sweep.parts)] == [1] * MAX_PARTS


def test_a_span_that_is_too_long_is_left_to_the_plan_which_names_it() -> None:
    assert planned_sweep({"fast": [1]}, "sharpe_ratio", MAX_ROWS + 1).trials_of_a_part == 1


def test_bounds_are_those_of_the_engine_and_of_a_day() -> None:
    assert MAX_AXES == MOST_AXES
    assert ROWS_OF_A_PART == MAX_ROWS
    assert MAX_PARTS * 2 == MAX_A_DAY


@pytest.mark.parametrize(
    ("axes", "metric", "rows", "code"),
    [
        ({}, "sharpe_ratio", 300, "SWEEP_INVALID"),
        ({"fast": []}, "sharpe_ratio", 300, "SWEEP_INVALID"),
        ({"fast": [1, 1]}, "sharpe_ratio", 300, "SWEEP_INVALID"),
        ({"fast": [math.nan]}, "sharpe_ratio", 300, "SWEEP_INVALID"),
        ({"fast": [2**53 + 1]}, "sharpe_ratio", 300, "SWEEP_INVALID"),
        ({"fast": [5, -(10**400)]}, "sharpe_ratio", 300, "SWEEP_INVALID"),
        ({"fast": ["x" * 201]}, "sharpe_ratio", 300, "SWEEP_INVALID"),
        ({"no name": [1]}, "sharpe_ratio", 300, "SWEEP_INVALID"),
        ({"fast": [1]}, "max_drawdown", 300, "METRIC_UNKNOWN"),
        ({"fast": list(range(MAX_TRIALS + 1))}, "sharpe_ratio", 2, "SWEEP_TOO_LARGE"),
        ({f"p{number}": [1] for number in range(MAX_AXES + 1)}, "sharpe_ratio", 2, "SWEEP_TOO_LARGE"),
        ({"fast": list(range(MAX_PARTS + 1))}, "sharpe_ratio", MAX_ROWS, "SWEEP_TOO_LARGE"),
    ],
)
def test_what_is_no_sweep_is_refused(axes: dict[str, Any], metric: str, rows: int, code: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        planned_sweep(axes, metric, rows)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("anchored", "rows"),
    # Trainings of 240 hours, tests of 48: behind the first training there are ten tests.
    [(False, 10 * (240 + 48)), (True, 10 * (240 + 48) + 48 * (9 * 10 // 2))],
)
def test_a_walk_forward_counts_the_candles_of_all_its_windows(anchored: bool, rows: int) -> None:
    walk = WalkForwardPlan(train_hours=240, test_hours=48, anchored=anchored)
    assert walk.rows(720, 1) == rows
    assert walk.rows(720 * 60, 60) == rows * 60
    assert walk.rows(720 // 4, 1 / 4) == rows / 4
    sweep = planned_sweep(TWO, "sharpe_ratio", 720, walk, Timeframe.H1)
    assert sweep.trials_of_a_part == min(MAX_TRIALS_OF_A_PART, ROWS_OF_A_PART // rows)


@pytest.mark.parametrize(
    ("train", "test", "span", "code"),
    [
        (0, 24, 720, "WALK_FORWARD_WINDOWS"),
        (24, 0, 720, "WALK_FORWARD_WINDOWS"),
        (1, 24, 720, "WALK_FORWARD_WINDOWS"),
        (24, 1, 720, "WALK_FORWARD_WINDOWS"),
        (720, 24, 720, "WALK_FORWARD_WINDOWS"),
        (10, 2, 10 + 2 * MAX_WINDOWS + 1, "WALK_FORWARD_WINDOWS"),
        (5_000, 50, 14_000, "SWEEP_TOO_LARGE"),
    ],
)
def test_windows_that_are_none_or_too_many_are_refused(train: int, test: int, span: int, code: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        planned_sweep(TWO, "sharpe_ratio", span, WalkForwardPlan(train_hours=train, test_hours=test), Timeframe.H1)
    assert refused.value.code == code


def test_values_that_are_equal_and_of_another_kind_are_two() -> None:
    assert planned_sweep({"mode": [1, True, 1.0, "1"]}, "sharpe_ratio", 2).trials == 4


@given(count=st.integers(1, 300), seed=st.integers(0, MAX_SEED), combinations=st.integers(0, 10**15))
def test_a_random_search_draws_as_many_as_there_are_and_none_twice(count: int, seed: int, combinations: int) -> None:
    drawn = RandomSearch(count=count, seed=seed).numbers(combinations)
    assert len(drawn) == min(count, combinations)
    assert [*drawn] == sorted(set(drawn))
    assert all(0 <= number < combinations for number in drawn)


def test_a_seed_draws_the_same_combinations_for_ever() -> None:
    """A sweep of another release, or of another Python, is the same one."""
    assert RandomSearch(count=5, seed=7).numbers(1_000) == (72, 150, 322, 535, 649)
    assert RandomSearch(count=5, seed=8).numbers(1_000) != RandomSearch(count=5, seed=7).numbers(1_000)
    assert RandomSearch(count=10, seed=7).numbers(10) == tuple(range(10))


def test_every_combination_is_drawn_as_often_as_the_others() -> None:
    drawn = Counter(number for seed in range(4_000) for number in RandomSearch(count=2, seed=seed).numbers(5))
    assert sorted(drawn) == [*range(5)]
    assert all(abs(times - 1_600) < 150 for times in drawn.values())  # five standard deviations


@pytest.mark.parametrize(("count", "seed"), [(0, 0), (MOST_COMBINATIONS + 1, 0), (1, -1), (1, MAX_SEED + 1)])
def test_a_random_search_has_bounds(count: int, seed: int) -> None:
    with pytest.raises(InvalidValue) as refused:
        RandomSearch(count=count, seed=seed)
    assert refused.value.code == "SWEEP_INVALID"


def test_a_random_search_has_the_trials_that_it_draws_of_more_than_a_sweep_may_have() -> None:
    axes = {name: list(range(50)) for name in ("fast", "slow", "stop")}
    sweep = planned_sweep(axes, "sharpe_ratio", 300, random=RandomSearch(count=90))
    assert (sweep.trials, sweep.parts) == (90, 5)
    assert [len(sweep.trials_of(part)) for part in range(sweep.parts)] == [20, 20, 20, 20, 10]
    assert planned_sweep(TWO, "sharpe_ratio", 300, random=RandomSearch(count=900)).trials == 200
    with pytest.raises(InvalidValue, match="1,001 combinations"):
        planned_sweep(axes, "sharpe_ratio", 2, random=RandomSearch(count=MAX_TRIALS + 1))


def test_the_values_of_a_random_search_fit_into_its_item() -> None:
    half = MAX_VALUES // 2
    axes = {"fast": list(range(half)), "slow": list(range(half))}
    planned_sweep(axes, "sharpe_ratio", 2, random=RandomSearch(count=5))
    with pytest.raises(InvalidValue) as refused:
        planned_sweep({**axes, "stop": [1]}, "sharpe_ratio", 2, random=RandomSearch(count=5))
    assert refused.value.code == "SWEEP_TOO_LARGE"
