"""Words become the values that they say, and neighbours are one step away."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlecast.backtest.grid import MOST_CHOICES, Axis, Grid, Sample, axes_of, combinations_of
from candlecast.domain.backtests.sweep import MOST_COMBINATIONS, RandomSearch
from candlecast.domain.values.errors import DomainError, InvalidValue
from candlecast.strategy.registry import load_strategy
from tests.support.turner import Turner

SMA = load_strategy("sma_cross")
NAN = float("nan")


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("fast_period=5:20:5", (5, 10, 15, 20)),
        ("fast_period=5:19:5", (5, 10, 15)),
        ("fast_period=5:7", (5, 6, 7)),
        ("fast_period=7:5:-1", (7, 6, 5)),
        ("fast_period=20, 40,80", (20, 40, 80)),
        ("fast_period=5:7,7,30", (5, 6, 7, 30)),
        ("fast_period=5:5", (5,)),
        ("stop_atr=1:2:0.25", (1.0, 1.25, 1.5, 1.75, 2.0)),
        ("stop_atr=0.7:1:0.1", (0.7, 0.8, 0.9, 1.0)),
        ("stop_atr=3", (3.0,)),
    ],
)
def test_an_axis_has_the_values_that_its_words_say(words: str, values: tuple[float, ...]) -> None:
    (axis,) = axes_of(SMA, [words])
    assert axis.values == values
    assert [type(value) for value in axis.values] == [type(value) for value in values]


def test_a_range_of_tenths_ends_at_the_tenth_that_it_names() -> None:
    (axis,) = axes_of(SMA, ["stop_atr=0.5:20:0.1"])
    assert axis.values == tuple(tenth / 10 for tenth in range(5, 201))


def test_words_of_flags_have_no_ranges() -> None:
    (axis,) = axes_of(Turner, ["fails=true,false"])
    assert axis.values == (True, False)
    assert not axis.is_ordered


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("PARAMETER_UNKNOWN", ["speed=1:3"]),
        ("PARAMETER_INVALID", ["fast_period"]),
        ("PARAMETER_INVALID", ["=5"]),
        ("PARAMETER_INVALID", ["fast_period="]),
        ("PARAMETER_INVALID", ["fast_period=5:a"]),
        ("PARAMETER_INVALID", ["fast_period=5:50:5:5"]),
        ("PARAMETER_INVALID", ["fast_period=5:50:0"]),
        ("PARAMETER_INVALID", ["fast_period=50:5:5"]),
        ("PARAMETER_INVALID", ["fast_period=1.5,2"]),
        ("PARAMETER_INVALID", ["fast_period=5", "fast_period=6"]),
        ("SWEEP_TOO_LARGE", ["slow_period=1:10001"]),
        ("SWEEP_TOO_LARGE", ["slow_period=1:9000,9001:10002"]),
    ],
)
def test_other_words_are_refused(code: str, words: list[str]) -> None:
    with pytest.raises(DomainError) as raised:
        axes_of(SMA, words)
    assert raised.value.code == code


def test_a_grid_has_every_combination_once_in_the_order_of_its_axes() -> None:
    grid = Grid((Axis("a", (1, 2)), Axis("b", ("x", "y", "z"))))
    made = [*grid.combinations()]
    assert made == [{"a": a, "b": b} for a in (1, 2) for b in ("x", "y", "z")]
    assert [grid.parameters(index) for index in range(len(grid))] == made


def test_a_grid_of_too_many_combinations_is_refused() -> None:
    Grid((Axis("a", tuple(range(100))), Axis("b", tuple(range(MOST_COMBINATIONS // 100)))))
    for axes in (
        (Axis("a", tuple(range(100))), Axis("b", tuple(range(MOST_COMBINATIONS // 100 + 1)))),
        tuple(Axis(name, (1, 2)) for name in "abcdefg"),
    ):
        with pytest.raises(InvalidValue) as raised:
            Grid(axes)
        assert raised.value.code == "SWEEP_TOO_LARGE"


def test_a_random_grid_has_the_combinations_of_the_numbers_that_are_drawn() -> None:
    axes = (Axis("a", tuple(range(40))), Axis("b", ("x", "y", "z")), Axis("c", tuple(range(50))))
    search = RandomSearch(count=30, seed=3)
    whole, drawn = [*Grid(axes).combinations()], Grid.of(axes, search)
    assert [*drawn.combinations()] == [whole[number] for number in search.numbers(len(whole))]
    assert [drawn.parameters(index) for index in range(len(drawn))] == [*drawn.combinations()]
    assert drawn.document()["sample"] == {"search": "random", "seed": 3, "of": 6_000}
    assert Grid.of(axes, None).document()["sample"] is None


def test_a_search_chooses_from_more_than_a_grid_may_have() -> None:
    axes = tuple(Axis(name, tuple(range(1_000))) for name in "abcde")
    found = Grid.of(axes, RandomSearch(count=3))
    assert (len(found), found.choices, len({*map(str, found.combinations())})) == (3, MOST_CHOICES, 3)
    with pytest.raises(InvalidValue) as raised:
        Grid.of((*axes, Axis("f", (1, 2))), RandomSearch(count=3))
    assert raised.value.code == "SWEEP_TOO_LARGE"


def test_combinations_that_the_parameters_refuse_are_counted() -> None:
    made = combinations_of(SMA, axes_of(SMA, ["fast_period=10,20", "slow_period=15,20,1500,30"]))
    kept = [None if each is None else each.parameters.to_mapping() for each in made.strategies]
    periods = [None if each is None else (each["fast_period"], each["slow_period"]) for each in kept]
    assert periods == [(10, 15), (10, 20), None, (10, 30), None, None, None, (20, 30)]
    assert made.refused == 4
    assert made.refusal == "slow_period must be at most 400"


def test_a_grid_of_refused_combinations_alone_is_refused() -> None:
    with pytest.raises(InvalidValue, match="fast_period must be below slow_period") as raised:
        combinations_of(SMA, axes_of(SMA, ["fast_period=50,60", "slow_period=20,30"]))
    assert raised.value.code == "SWEEP_EMPTY"


def test_a_plateau_is_the_middle_of_a_combination_and_its_neighbours() -> None:
    grid = Grid((Axis("a", (1, 2, 3, 4, 5)),))
    assert grid.plateaus(np.array([9.0, 1.0, 2.0, 3.0, NAN])).tolist() == pytest.approx([5, 2, 2, 2.5, NAN], nan_ok=True)


def test_neighbours_of_two_axes_touch_by_corners_too() -> None:
    grid = Grid((Axis("a", (1, 2, 3)), Axis("b", (1, 2, 3))))
    values = np.array([[9.0, 1, 1], [1, 100, 2], [1, 2, 3]])
    plateaus = grid.plateaus(values.ravel()).reshape(3, 3)
    assert plateaus[1, 1] == 2  # of 1, 1, 1, 1, 2, 2, 3, 9, 100
    assert plateaus[0, 0] == 5  # of 9, 1, 1, 100
    assert plateaus[2, 2] == 2.5  # of 100, 2, 2, 3


def test_a_lonely_combination_has_no_plateau() -> None:
    grid = Grid((Axis("a", (1, 2, 3)), Axis("b", (1, 2, 3))))
    values = np.full((3, 3), NAN)
    values[0, 0], values[2, 2], values[2, 1], values[1, 2] = 50.0, 1.0, 2.0, 4.0
    plateaus = grid.plateaus(values.ravel()).reshape(3, 3)
    assert np.isnan(plateaus[0, 0])
    assert plateaus[2, 2] == 2.0


def test_flags_and_unordered_values_have_no_neighbours() -> None:
    grid = Grid((Axis("flag", (True, False)), Axis("a", (1, 2)), Axis("b", (1, 3, 2))))
    values = np.arange(12.0)
    assert grid.plateaus(values).reshape(2, 2, 3)[0, :, 0].tolist() == [1.5, 1.5]  # of a alone: 0 and 3


@given(
    values=st.lists(st.one_of(st.floats(-10, 10), st.just(NAN)), min_size=24, max_size=24),
    shape=st.sampled_from([(24,), (4, 6), (2, 3, 4), (1, 24), (3, 8, 1)]),
    chosen=st.one_of(st.none(), st.sets(st.integers(0, 23), min_size=1)),
)
def test_a_plateau_lies_between_the_values_around(values: list[float], shape: tuple[int, ...], chosen: set[int] | None) -> None:
    axes = tuple(Axis(str(number), tuple(range(length))) for number, length in enumerate(shape))
    grid = Grid(axes, None if chosen is None else Sample(tuple(sorted(chosen)), "random", 0))
    tried = values[: len(grid)]
    found = grid.plateaus(np.array(tried))
    assert len(found) == len(grid)
    for index, plateau in enumerate(found):
        place = grid.place(index)
        near = [
            value
            for other, value in enumerate(tried)
            if all(abs(a - b) <= 1 for a, b in zip(place, grid.place(other), strict=True)) and not np.isnan(value)
        ]
        varied = sum(length > 1 for length in shape)
        expected = np.median(near) if not np.isnan(tried[index]) and len(near) > varied else NAN
        assert plateau == pytest.approx(expected, nan_ok=True)


def test_an_edge_is_the_end_of_three_values_or_more() -> None:
    grid = Grid((Axis("a", (1, 2, 3)), Axis("b", (1, 2)), Axis("c", ("x", "y", "z"))))
    assert [grid.edges(index) for index in (0, 6, 12)] == [("a",), (), ("a",)]
