"""The plan of a sweep: which values of parameters are tried, and how the trials are split into tasks.

A sweep is a backtest with a trial for each combination of values. A part of the trials is a task. The outcome of each part is
kept, and the worker that ends the last part judges all of them together.

A random search tries some of the combinations. The trials of a sweep are then those that the search has drawn.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.timeframe import Timeframe

# Each is better when it is higher. A drawdown or a volatility alone is best without a trade, so neither can be chosen by.
METRICS = (
    "sharpe_ratio",
    "sortino_ratio",
    "calmar_ratio",
    "omega_ratio",
    "total_return",
    "annual_return",
    "profit_factor",
    "payoff_ratio",
    "expectancy",
    "sqn",
    "win_rate",
)
MOST_COMBINATIONS = 10_000  # of a sweep anywhere: as many as a heat map has cells; a choice among more is luck
MAX_AXES = 6  # as the engine's `MOST_AXES`
MAX_TRIALS = 1_000  # of a sweep as a service
MAX_PARTS = 50  # tasks of a sweep: half of those that a tenant has for a day
MAX_VALUES = 1_500  # of all parameters together: they stand in the item, which has 400 kB
MAX_SEED = 2**32 - 1  # as many bits as a person can copy
MAX_TRIALS_OF_A_PART = 20  # a killed worker costs no more than these
ROWS_OF_A_PART = 58_500  # candles of all its trials: as many as one backtest has, in the same time
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,63}")
MAX_WINDOWS = 200  # of a walk-forward: each is a row of its result
MAX_TEXT_CHARACTERS = 200  # of a value that is text
MAX_INTEGER = 2**53  # what a float holds exactly, and the most that the sandbox takes

HOUR = timedelta(hours=1)
FEWEST_ROWS = 2  # of a training and of a test

type Value = str | int | float | bool


@dataclass(frozen=True, kw_only=True)
class WalkForwardPlan:
    """Windows of time: parameters are chosen on one and traded on the next. Raises `InvalidValue` (WALK_FORWARD_WINDOWS)."""

    train_hours: int
    test_hours: int
    anchored: bool = False
    """Whether each training begins with the first candle."""

    def __post_init__(self) -> None:
        if self.train_hours < 1 or self.test_hours < 1:
            raise _no_windows("trainings and tests have an hour at least")

    def rows(self, span: int, rows_an_hour: float) -> int:
        """Candles that one combination is run on, of a span of so many candles."""
        train, test = self.train_hours * rows_an_hour, self.test_hours * rows_an_hour
        windows = math.ceil((span - train) / test)
        if not 1 <= windows <= MAX_WINDOWS or min(train, test) < FEWEST_ROWS:
            raise _no_windows(f"a walk-forward has 1 to {MAX_WINDOWS} tests behind a training, of {FEWEST_ROWS} candles or more")
        growth = test * windows * (windows - 1) / 2 if self.anchored else 0
        return math.ceil(windows * (train + test) + growth)


@dataclass(frozen=True, kw_only=True)
class RandomSearch:
    """Some of the combinations, each once at most. The same seed draws the same ones. Raises `InvalidValue` (SWEEP_INVALID)."""

    count: int
    """How many are drawn; all, if there are no more."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST_COMBINATIONS or not 0 <= self.seed <= MAX_SEED:
            message = f"a random search draws 1 to {MOST_COMBINATIONS:,} combinations, with a seed from 0 to {MAX_SEED}"
            raise InvalidValue(message, code="SWEEP_INVALID")

    def numbers(self, combinations: int) -> tuple[int, ...]:
        """The numbers that are drawn of those from 0 to before `combinations`, ascending.

        R. W. Floyd's algorithm (Bentley, Programming Pearls, CACM 30, 1987), by the one sequence that Python keeps for a seed.
        """
        draw, drawn = Random(self.seed).random, set[int]()  # noqa: S311 - chance, and no secret
        for last in range(max(0, combinations - self.count), combinations):
            number = int(draw() * (last + 1))
            drawn.add(last if number in drawn else number)
        return tuple(sorted(drawn))


@dataclass(frozen=True, kw_only=True)
class SweepPlan:
    """The combinations of a sweep, the last axis first to move, in parts of `trials_of_a_part`.

    Raises `InvalidValue`: SWEEP_INVALID, METRIC_UNKNOWN, SWEEP_TOO_LARGE.
    """

    axes: Mapping[str, tuple[Value, ...]]
    """Values of each parameter that varies."""
    metric: str = METRICS[0]
    """The combinations are ranked by it."""
    trials_of_a_part: int
    walk_forward: WalkForwardPlan | None = None
    """Windows on which all combinations are tried; None: the whole span at once."""
    random: RandomSearch | None = None
    """Which of the combinations are tried; None: all."""

    def __post_init__(self) -> None:
        if not self.axes or not all(self.axes.values()) or not all(NAME.fullmatch(name) for name in self.axes):
            raise InvalidValue("a sweep has values of one parameter at least", code="SWEEP_INVALID")
        for name, values in self.axes.items():
            if len(set(map(repr, values))) != len(values) or not all(map(_is_plain, values)):
                raise InvalidValue(f"{name}: each value stands once, and is finite or a short text", code="SWEEP_INVALID")
        if self.metric not in METRICS:
            raise InvalidValue(f"combinations are ranked by one of {', '.join(METRICS)}", code="METRIC_UNKNOWN")
        if len(self.axes) > MAX_AXES or self.trials > MAX_TRIALS:
            message = f"{self.trials:,} combinations of {len(self.axes)} parameters, at most {MAX_TRIALS:,} of {MAX_AXES}"
            raise InvalidValue(message, code="SWEEP_TOO_LARGE")
        if (count := sum(map(len, self.axes.values()))) > MAX_VALUES:
            raise InvalidValue(f"{count:,} values, at most {MAX_VALUES:,} of all parameters", code="SWEEP_TOO_LARGE")
        if self.trials_of_a_part < 1 or self.parts > MAX_PARTS:
            message = f"{self.trials:,} trials of so many candles are too many: choose fewer, or a longer timeframe"
            raise InvalidValue(message, code="SWEEP_TOO_LARGE")

    @property
    def trials(self) -> int:
        """Combinations that are tried, those included that the strategy will refuse."""
        combinations = math.prod(len(values) for values in self.axes.values())
        return combinations if self.random is None else min(self.random.count, combinations)

    @property
    def parts(self) -> int:
        """Tasks."""
        return -(-self.trials // self.trials_of_a_part)

    def trials_of(self, part: int) -> range:
        """Numbers of the trials of a part."""
        return range(part * self.trials_of_a_part, min(self.trials, (part + 1) * self.trials_of_a_part))


def planned_sweep(
    axes: Mapping[str, Sequence[Value]],
    metric: str,
    rows: int,
    walk_forward: WalkForwardPlan | None = None,
    timeframe: Timeframe = Timeframe.H1,
    random: RandomSearch | None = None,
) -> SweepPlan:
    """A sweep over `rows` candles, in parts of about the work of one backtest. Raises as `SweepPlan` and `WalkForwardPlan`."""
    work = rows if walk_forward is None else walk_forward.rows(rows, HOUR / timeframe.length)
    if walk_forward is not None and work > ROWS_OF_A_PART:
        raise InvalidValue(f"its windows are {work:,} candles together, at most {ROWS_OF_A_PART:,}", code="SWEEP_TOO_LARGE")
    return SweepPlan(
        axes={name: tuple(values) for name, values in axes.items()},
        metric=metric,
        trials_of_a_part=max(1, min(MAX_TRIALS_OF_A_PART, ROWS_OF_A_PART // work)),
        walk_forward=walk_forward,
        random=random,
    )


def _no_windows(message: str) -> InvalidValue:
    return InvalidValue(message, code="WALK_FORWARD_WINDOWS")


def _is_plain(value: Value) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_TEXT_CHARACTERS and value.isprintable()
    return math.isfinite(value) if isinstance(value, float) else abs(value) <= MAX_INTEGER
