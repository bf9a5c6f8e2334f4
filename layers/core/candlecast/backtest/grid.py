"""The combinations of parameters that a sweep tries, and which of them are neighbours."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, partial
from itertools import product
from typing import Any

import numpy as np

from candlecast.backtest.strategy_file import MAX_SHOWN, Value, parameter_value
from candlecast.domain.backtests.sweep import MOST_COMBINATIONS, RandomSearch
from candlecast.domain.values.errors import InvalidValue
from candlecast.strategy import Floats, Strategy
from candlecast.strategy.candles import Integers
from candlecast.strategy.errors import StrategyError

MOST_CHOICES = 10**15  # that a search chooses from: a float tells them apart
MOST_AXES = 6  # that vary: a combination has up to 3 ** 6 - 1 neighbours then
REFUSALS = ("PARAMETER_INVALID", "LOOKBACK_TOO_LONG")  # by which a strategy refuses a combination, and not the whole sweep


@dataclass(frozen=True, slots=True)
class Axis:
    """A parameter and its values in the order that was given, each once."""

    name: str
    values: tuple[Value, ...]

    @property
    def is_ordered(self) -> bool:
        """Whether values beside each other are neighbours: numbers that ascend or descend."""
        if any(isinstance(value, (bool, str)) for value in self.values):
            return False
        return [*self.values] in (sorted(self.values), sorted(self.values, reverse=True))


def axes_of(strategy: type[Strategy[Any]], words: Sequence[str]) -> tuple[Axis, ...]:
    """Read words by the types of the strategy's parameters. Raises as `read_axes`, and `StrategyError` PARAMETER_UNKNOWN."""
    return read_axes(partial(parameter_value, strategy), words)


def read_axes(value: Callable[[str, str], Value], words: Sequence[str]) -> tuple[Axis, ...]:
    """Read words such as `fast_period=5:50:5`, `slow_period=20,40,80` and `stop_atr=3`; ranges and values may stand side by side.

    `value` reads one value of a name. A range has its first value, its last (which counts if a step meets it) and its step, 1 by
    default; only numbers have ranges. Raises `StrategyError` PARAMETER_INVALID for another form, a value of another type, a name
    given twice. Raises `InvalidValue` SWEEP_TOO_LARGE for more values than combinations may be.
    """
    axes: dict[str, Axis] = {}
    for word in words:
        name, equals, text = (part.strip() for part in word.partition("="))
        if not equals or not name:
            raise _invalid(f"a parameter of a sweep reads name=values, not {word[:MAX_SHOWN]!r}")
        if name in axes:
            raise _invalid(f"{name} is given twice")
        values: dict[Value, None] = {}
        for part in text.split(","):
            values |= dict.fromkeys(_values(partial(value, name), name, part.strip()))
            if len(values) > MOST_COMBINATIONS:
                raise _too_large(name, len(values))
        axes[name] = Axis(name, tuple(values))
    return tuple(axes.values())


def _values(value: Callable[[str], Value], name: str, text: str) -> Iterator[Value]:
    """The values of a range, or the one value that stands there."""
    given = [value(part) for part in text.split(":")]
    if len(given) == 1 or any(isinstance(each, (bool, str)) for each in given):
        yield value(text)
        return
    kind = float if any(isinstance(each, float) for each in given) else int
    numbers = [Decimal(repr(each)) for each in given]
    if len(numbers) > 3:
        raise _invalid(f"{name}: a range reads first:last:step, not {text[:MAX_SHOWN]!r}")
    first, last, step = numbers if len(numbers) == 3 else (*numbers, Decimal(1))
    if step == 0 or (last - first) * step < 0:
        raise _invalid(f"{name}: steps of {step} do not lead from {first} to {last}")
    count = int((last - first) / step) + 1
    if count > MOST_COMBINATIONS:
        raise _too_large(name, count)
    for index in range(count):  # of decimals: ten steps of 0.1 end at 1
        yield kind(first + index * step)


def _invalid(message: str) -> StrategyError:
    return StrategyError("PARAMETER_INVALID", message)


def _too_large(what: str, count: int) -> InvalidValue:
    return InvalidValue(f"{what}: {count:,} combinations, at most {MOST_COMBINATIONS:,} are tried", "SWEEP_TOO_LARGE")


@dataclass(frozen=True, slots=True)
class Sample:
    """The combinations that a search has chosen, by their numbers in the whole grid, ascending."""

    numbers: tuple[int, ...]
    search: str
    seed: int


@dataclass(frozen=True)
class Grid:
    """All combinations of the axes' values, or a sample of them; the last axis moves first.

    Raises `InvalidValue` SWEEP_TOO_LARGE above `MOST_COMBINATIONS`, or above `MOST_AXES` that have more than one value. A sample
    may be of up to `MOST_CHOICES`.
    """

    axes: tuple[Axis, ...]
    sample: Sample | None = None

    @classmethod
    def of(cls, axes: tuple[Axis, ...], random: RandomSearch | None) -> Grid:
        """All combinations, or those that a random search draws."""
        if random is None:
            return cls(axes)
        return cls(axes, Sample(random.numbers(math.prod(len(axis.values) for axis in axes)), "random", random.seed))

    def __post_init__(self) -> None:
        if len(self) > MOST_COMBINATIONS:
            raise _too_large(", ".join(axis.name for axis in self.axes), len(self))
        if self.choices > MOST_CHOICES:
            raise InvalidValue(f"a search chooses from at most {MOST_CHOICES:,} combinations", "SWEEP_TOO_LARGE")
        if sum(len(axis.values) > 1 for axis in self.axes) > MOST_AXES:
            raise InvalidValue(f"at most {MOST_AXES} parameters are varied at once", "SWEEP_TOO_LARGE")

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(axis.values) for axis in self.axes)

    @property
    def choices(self) -> int:
        """Combinations of the whole grid."""
        return math.prod(self.shape)

    def __len__(self) -> int:
        return self.choices if self.sample is None else len(self.sample.numbers)

    @cached_property
    def numbers(self) -> Integers:
        """The number of each combination in the whole grid, ascending."""
        return np.arange(self.choices) if self.sample is None else np.array(self.sample.numbers, dtype=np.int64)

    @cached_property
    def places(self) -> Integers:
        """The place of each combination, a column, on each axis, a row."""
        return np.array(np.unravel_index(self.numbers, self.shape))

    def combinations(self) -> Iterator[dict[str, Value]]:
        return (self.parameters(index) for index in range(len(self)))

    def parameters(self, index: int) -> dict[str, Value]:
        """The values of a combination."""
        return {axis.name: axis.values[place] for axis, place in zip(self.axes, self.place(index), strict=True)}

    def place(self, index: int) -> tuple[int, ...]:
        """The place of a combination on each axis."""
        return tuple(self.places[:, index].tolist())

    def plateaus(self, values: Floats) -> Floats:
        """The median of each combination and its neighbours; `values` has one for each combination, NaN where there is none.

        A neighbour is at most one step away on each ordered axis, and has the same value on the others. NaN for a combination
        without a value, and for one whose neighbours with a value are fewer than the ordered axes. A thin sample has mostly NaN.
        """
        ordered = [axis.is_ordered and len(axis.values) > 1 for axis in self.axes]
        steps = product(*((-1, 0, 1) if moves else (0,) for moves in ordered))
        near = np.stack([self._beside(values, step) for step in steps])
        enough = np.isfinite(values) & (np.isfinite(near).sum(axis=0) > sum(ordered))
        found = np.full(len(values), np.nan)
        if enough.any():
            found[enough] = np.nanmedian(near[:, enough], axis=0)
        return found

    def _beside(self, values: Floats, step: tuple[int, ...]) -> Floats:
        """The value of the combination so many steps away from each; NaN where there is none."""
        shape = np.array(self.shape)[:, np.newaxis]
        moved = self.places + np.array(step)[:, np.newaxis]
        wanted = np.ravel_multi_index(tuple(moved), self.shape, mode="clip")
        at = np.minimum(np.searchsorted(self.numbers, wanted), len(self) - 1)
        is_there = ((moved >= 0) & (moved < shape)).all(axis=0) & (self.numbers[at] == wanted)
        return np.where(is_there, values[at], np.nan)

    def edges(self, index: int) -> tuple[str, ...]:
        """The ordered axes on which a combination has the first or the last value, of three or more."""
        return tuple(
            axis.name
            for axis, place in zip(self.axes, self.place(index), strict=True)
            if axis.is_ordered and len(axis.values) > 2 and place in (0, len(axis.values) - 1)
        )

    def document(self) -> dict[str, Any]:
        """The grid as JSON has it, and which of its combinations are tried."""
        sample = self.sample
        return {
            "axes": {axis.name: list(axis.values) for axis in self.axes},
            "combinations": len(self),
            "sample": None if sample is None else {"search": sample.search, "seed": sample.seed, "of": self.choices},
        }


@dataclass(frozen=True, slots=True, eq=False)
class Combinations:
    """The combinations of a grid as strategies, in the order of the grid; None where the strategy refuses the values."""

    grid: Grid
    strategies: tuple[Strategy[Any] | None, ...]
    refusal: str  # the first refusal, or nothing

    @property
    def refused(self) -> int:
        return self.strategies.count(None)

    def require_some(self) -> Combinations:
        """Itself; raises `InvalidValue` (SWEEP_EMPTY) if the strategy refuses all."""
        if all(each is None for each in self.strategies):
            raise InvalidValue(f"the strategy refuses all {len(self.grid):,} combinations: {self.refusal}", "SWEEP_EMPTY")
        return self


def combinations_of(
    strategy: type[Strategy[Any]],
    axes: Sequence[Axis],
    others: Mapping[str, Value] | None = None,
    random: RandomSearch | None = None,
) -> Combinations:
    """Make every combination, or those that a random search draws. Raises `InvalidValue` SWEEP_EMPTY if all are refused."""
    return combinations_in(strategy, Grid.of(tuple(axes), random), others).require_some()


def combinations_in(strategy: type[Strategy[Any]], grid: Grid, others: Mapping[str, Value] | None = None) -> Combinations:
    """Make the combinations of a grid. Other parameters are those of `others`, or the defaults.

    The parameters' own `check`, their bounds and the limit of the lookback may refuse some.
    """
    made, refusal = list[Strategy[Any] | None](), ""
    for values in grid.combinations():
        try:
            made.append(strategy.with_parameters({**(others or {}), **values}))
        except StrategyError as error:
            if error.code not in REFUSALS:
                raise
            made.append(None)
            refusal = refusal or error.message
    return Combinations(grid, tuple(made), refusal)
