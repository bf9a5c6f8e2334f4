"""Walk forward: choose parameters on one window of time, trade the next one with them, and go on.

The test windows follow one another, so their results are one backtest out of sample. A choice sees no candle of its test window
and none behind it. Each combination is run on the candles of the training window alone, with its lookback before them.

**Purge.** Nothing is cut off between training and test. A purge protects labels that reach into the test window, and there are
none: a training's profit ends with its last close. Indicators of a test window read candles of the training window, as live does.

**Ends of windows.** Every window begins flat and ends flat. A position that is open at the last close of a window is closed there
at market, with fee and slippage. A decision of one window is never filled in the next.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from candlecast.backtest.curve import Curve
from candlecast.backtest.exact_path import Terms, decimal_of, unwatched
from candlecast.backtest.fast_path import ExitBy
from candlecast.backtest.fills import BASIS_POINTS
from candlecast.backtest.grid import Combinations, Grid
from candlecast.backtest.plain import PlainTerms
from candlecast.backtest.result import EXACT, FAST, SIDES, ClosedTrades, Result
from candlecast.backtest.sweep import DIED, Failed, Progress, attempted, require_metric, run_rows, value_of
from candlecast.backtest.workers import outcomes
from candlecast.domain.backtests.sweep import METRICS
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.timeframe import Timeframe
from candlecast.strategy import Candles, Strategy
from candlecast.strategy.candles import Integers

MOST_WINDOWS = 1_000  # each is a sweep by itself
FEWEST_ROWS = 2  # of a training window
ROWS = ("entry_row", "exit_row")


@dataclass(frozen=True, slots=True)
class Window:
    """A training and the test that follows it, as rows of the candles: each from its first row to before its end."""

    train_begin_ms: int
    test_begin_ms: int
    test_end_ms: int
    train_first: int
    test_first: int
    test_end: int


def windows_of(time: Integers, *, train_ms: int, test_ms: int, anchored: bool = False, row: int = 0) -> tuple[Window, ...]:
    """The windows of candles that open at `time`, in the order of their tests.

    The first training begins with the candle of `row`. Each further test begins `test_ms` later, and its training has the length
    `train_ms`, or begins with that candle if `anchored`. The last test ends with the candles, and may be shorter. A test
    without a candle, or whose training has fewer than two, is left out. Raises `InvalidValue` WALK_FORWARD_WINDOWS: lengths at or
    below zero, no test at all, more than `MOST_WINDOWS`.
    """
    if train_ms <= 0 or test_ms <= 0:
        raise _no_windows("lengths of training and test are above zero")
    first, last, closed = int(time[row]), int(time[-1]), int(time[-1]) + (int(np.diff(time).min()) if len(time) > 1 else 1)
    count = -(-(last + 1 - first - train_ms) // test_ms)
    if count > MOST_WINDOWS:
        raise _no_windows(f"{count:,} tests, at most {MOST_WINDOWS:,} are run: choose longer ones")
    begins = [first + train_ms + number * test_ms for number in range(max(0, count))]
    windows = []
    for begin in begins:
        train_begin = first if anchored else begin - train_ms
        rows = [int(at) for at in np.searchsorted(time, (train_begin, begin, begin + test_ms))]
        if rows[1] - rows[0] >= FEWEST_ROWS and rows[2] > rows[1]:
            windows.append(Window(train_begin, begin, min(begin + test_ms, closed), *rows))
    if not windows:
        raise _no_windows(f"no candle is left for a test: they span {(last - first) / 86_400_000:.2f} days")
    return tuple(windows)


def _no_windows(message: str) -> InvalidValue:
    return InvalidValue(message, "WALK_FORWARD_WINDOWS")


@dataclass(frozen=True, slots=True)
class Score:
    """One combination on one window: the metric and the return of the training, and those of the test."""

    train_value: float | None
    train_return: float
    test_value: float | None
    test_return: float


@dataclass(frozen=True, eq=False)
class Step:
    """One window with its choice. `scores` has one for each combination of the grid; None for one that the strategy refuses."""

    window: Window
    scores: tuple[Score | Failed | None, ...]
    choice: int | None  # the combination with the highest metric of the training, the first of equal ones; None if none has one
    result: Result | None  # of the test, with the equity that the tests before it have left; None without a choice

    @cached_property
    def middle(self) -> float | None:
        """The median return of all combinations in the test; None of fewer than two."""
        returns = [score.test_return for score in self.scores if isinstance(score, Score)]
        return float(np.median(returns)) if len(returns) > 1 else None

    @property
    def chosen(self) -> Score | None:
        score = None if self.choice is None else self.scores[self.choice]
        return score if isinstance(score, Score) else None

    @property
    def is_above_middle(self) -> bool | None:
        """Whether the choice earned more than the median of all; None without a choice or a median."""
        return None if self.chosen is None or self.middle is None else self.chosen.test_return > self.middle


@dataclass(frozen=True, eq=False)
class WalkForward:
    """All windows, and the tests as one backtest: `result` has the candles from the first test to the last, its end included."""

    strategy: type[Strategy[Any]]
    combinations: Combinations
    metric: str
    steps: tuple[Step, ...]
    result: Result

    @property
    def judged(self) -> int:
        """Tests with a choice among two combinations or more."""
        return sum(step.is_above_middle is not None for step in self.steps)

    @property
    def above_middle(self) -> int:
        """Tests whose choice earned more than the median of all combinations."""
        return sum(step.is_above_middle is True for step in self.steps)

    @property
    def failures(self) -> tuple[Failed, ...]:
        """Of each combination that has failed in a window, the first failure."""
        columns = zip(*(step.scores for step in self.steps), strict=True)
        found = ([each for each in column if isinstance(each, Failed)] for column in columns)
        return tuple(failed[0] for failed in found if failed)

    @property
    def chance(self) -> float | None:
        """Probability that a fair coin is as often right as the choices were, or oftener (sign test); None without a choice."""
        if not self.judged:
            return None
        hits_or_more = sum(math.comb(self.judged, hits) for hits in range(self.above_middle, self.judged + 1))
        return float(hits_or_more / 2**self.judged)

    @property
    def efficiency(self) -> float | None:
        """The choices' return a day in tests / their return a day in trainings (Pardo 2008, walk-forward efficiency).

        Returns of windows are added, each one by the cash of its begin. None where the trainings earned nothing.
        """
        chosen = [(step.window, step.chosen) for step in self.steps if step.chosen is not None]
        trained = math.fsum(score.train_return for _, score in chosen)
        if trained <= 0:
            return None
        tested = math.fsum(score.test_return for _, score in chosen)
        trained_ms = sum(window.test_begin_ms - window.train_begin_ms for window, _ in chosen)
        tested_ms = sum(window.test_end_ms - window.test_begin_ms for window, _ in chosen)
        return (tested / tested_ms) / (trained / trained_ms)


def walk_forward(
    strategy: type[Strategy[Any]],
    combinations: Combinations,
    candles: Candles,
    terms: PlainTerms | Terms,
    windows: Sequence[Window],
    *,
    metric: str = METRICS[0],
    timeframe: Timeframe = Timeframe.M1,
    processes: int = 1,
    progress: Progress | None = None,
) -> WalkForward:
    """Choose on each training window, and trade its test window with the choice.

    Every combination is run on every window with the cash of the terms. The choices are then run once more, one test after
    another, each with the equity that the one before has left. After ruin nothing is traded. A combination that fails in a window
    is not chosen there. Raises `InvalidValue`: METRIC_UNKNOWN, or WALK_FORWARD_NO_CHOICE if no training gives any combination a
    value of the metric.
    """
    require_metric(metric)
    made = [(index, each) for index, each in enumerate(combinations.strategies) if each is not None]
    scores: list[list[Score | Failed | None]] = [[None] * len(combinations.strategies) for _ in windows]

    def work(number: int) -> list[Score | Failed]:
        return scores_of(made[number][1], candles, terms, windows, metric, timeframe)

    for ended, (number, found) in enumerate(outcomes(len(made), work, processes), 1):
        for at, score in enumerate([DIED] * len(windows) if found is None else found):
            scores[at][made[number][0]] = score
        if progress is not None:
            progress(ended)

    def chosen(index: int) -> Strategy[Any]:
        found = combinations.strategies[index]
        assert found is not None  # noqa: S101 - it has a score
        return found

    return walked(strategy, combinations, candles, terms, windows, scores, chosen, metric=metric, timeframe=timeframe)


def scores_of(
    strategy: Strategy[Any],
    candles: Candles,
    terms: PlainTerms | Terms,
    windows: Sequence[Window],
    metric: str,
    timeframe: Timeframe,
    watch: Callable[[int], None] = unwatched,
) -> list[Score | Failed]:
    """One combination on all windows; a window that fails leaves `Failed`."""
    score = attempted(lambda at: _score(strategy, candles, windows[at], terms, metric, timeframe, watch), type(strategy))
    return [score(at) for at in range(len(windows))]


def walked(
    strategy: type[Strategy[Any]],
    combinations: Combinations,
    candles: Candles,
    terms: PlainTerms | Terms,
    windows: Sequence[Window],
    scores: Sequence[Sequence[Score | Failed | None]],
    made: Callable[[int], Strategy[Any]],
    *,
    metric: str,
    timeframe: Timeframe,
) -> WalkForward:
    """Choose by the scores of each window, and run the tests of the choices, which `made` makes, one after another.

    Raises `InvalidValue` WALK_FORWARD_NO_CHOICE.
    """
    if all(_choice(row) is None for row in scores):
        first = next((str(score) for row in scores for score in row if isinstance(score, Failed)), "there are no trades")
        raise InvalidValue(f"no training gives a {metric}: {first}", "WALK_FORWARD_NO_CHOICE")
    steps, equity = [], float(terms.cash)
    for window, row in zip(windows, scores, strict=True):
        choice = _choice(row)
        result = None
        if choice is not None and equity > 0:
            result = run_window(made(choice), candles, window.test_first, window.test_end, _with_cash(terms, equity), timeframe)
            equity = result.final_equity
        steps.append(Step(window, tuple(row), choice, result))
    return WalkForward(strategy, combinations, metric, tuple(steps), _joined(strategy, candles, terms, steps))


def _score(
    strategy: Strategy[Any],
    candles: Candles,
    window: Window,
    terms: PlainTerms | Terms,
    metric: str,
    timeframe: Timeframe,
    watch: Callable[[int], None],
) -> Score:
    train = run_window(strategy, candles, window.train_first, window.test_first, terms, timeframe, watch)
    test = run_window(strategy, candles, window.test_first, window.test_end, terms, timeframe, watch)
    return Score(value_of(train, metric), train.pnl / train.cash, value_of(test, metric), test.pnl / test.cash)


def _choice(scores: Sequence[Score | Failed | None]) -> int | None:
    values = np.array([score.train_value if isinstance(score, Score) else None for score in scores], dtype=np.float64)
    return None if np.isnan(values).all() else int(np.nanargmax(values))


def run_window(
    strategy: Strategy[Any],
    candles: Candles,
    first: int,
    end: int,
    terms: PlainTerms | Terms,
    timeframe: Timeframe = Timeframe.M1,
    watch: Callable[[int], None] = unwatched,
) -> Result:
    """Run the rows from `first` to before `end` as `run_rows` does: flat before, and closed at the last close."""
    return _closed(run_rows(strategy, candles, first, end, terms, timeframe, watch), terms)


def _closed(result: Result, terms: PlainTerms | Terms) -> Result:
    """The result with its open position closed at the last close, at market."""
    position = result.open_position
    if position is None:
        return result
    side = 1 if position.side == SIDES[1] else -1
    price = position.mark_price - side * _slippage(result.candles, terms)
    fee = _taker_fee(terms) * position.quantity * price
    pnl = position.pnl - side * (position.mark_price - price) * position.quantity - fee
    last, trades = result.rows - 1, result.trades
    closing: dict[str, Any] = {
        "side": side,
        "entry_row": position.entry_row,
        "exit_row": last,
        "entry_time": position.entry_time,
        "exit_time": result.candles.time[last],
        "entry_price": position.entry_price,
        "exit_price": price,
        "quantity": position.quantity,
        "fees": position.fees + fee,
        "funding": position.funding,
        "pnl": pnl,
        "reason": ExitBy.WINDOW_END,
    }
    columns = {
        name: np.append(getattr(trades, name), np.array([value], dtype=getattr(trades, name).dtype))
        for name, value in closing.items()
    }
    gained = result.pnl - position.pnl + pnl
    curve = result.curve
    return replace(
        result,
        orders=result.orders + 1,
        trades=ClosedTrades(**columns),
        open_position=None,
        fees=result.fees + fee,
        pnl=gained,
        curve=Curve(np.append(curve.rows, last), np.append(curve.cash, result.cash + gained), np.append(curve.held, 0.0)),
    )


def _slippage(candles: Candles, terms: PlainTerms | Terms) -> float:
    """The distance of a fill at market from the last close."""
    price = float(candles.close[-1])
    if isinstance(terms, PlainTerms):
        return price * terms.costs.slippage
    parts, spread = terms.slippage, float(candles.high[-1] - candles.low[-1])
    return price * float(parts.bps) / BASIS_POINTS + float(parts.half_spread) + float(parts.range_share) * spread


def _taker_fee(terms: PlainTerms | Terms) -> float:
    return terms.costs.taker_fee if isinstance(terms, PlainTerms) else float(terms.fees.taker)


def _with_cash(terms: PlainTerms | Terms, cash: float) -> PlainTerms | Terms:
    return replace(terms, cash=cash) if isinstance(terms, PlainTerms) else replace(terms, cash=decimal_of(cash))


def _joined(strategy: type[Strategy[Any]], candles: Candles, terms: PlainTerms | Terms, steps: Sequence[Step]) -> Result:
    """The tests as one result; a time without a test, such as a gap, is flat."""
    first, end = steps[0].window.test_first, steps[-1].window.test_end
    parts = [(step.window.test_first - first, step.result) for step in steps if step.result is not None]
    start = float(terms.cash)
    trades = {
        column.name: np.concatenate(
            [getattr(result.trades, column.name) + (offset if column.name in ROWS else 0) for offset, result in parts]
        )
        for column in fields(ClosedTrades)
    }
    denials: Counter[str] = Counter()
    for _, result in parts:
        denials.update(result.denials)
    asked = [result.differing_decisions for _, result in parts if result.differing_decisions is not None]
    return Result(
        strategy=strategy.name,
        parameters={},
        candles=candles.rows(first, end),
        cash=start,
        path=FAST if all(result.path == FAST for _, result in parts) else EXACT,
        first_decision_row=parts[0][0] + parts[0][1].first_decision_row,
        orders=sum(result.orders for _, result in parts),
        trades=ClosedTrades(**trades),
        open_position=None,
        fees=sum(result.fees for _, result in parts),
        funding=sum(result.funding for _, result in parts),
        pnl=sum(result.pnl for _, result in parts),
        curve=Curve(
            np.concatenate([[0], *(offset + result.curve.rows for offset, result in parts)]),
            np.concatenate([[start], *(result.curve.cash for _, result in parts)]),
            np.concatenate([[0.0], *(result.curve.held for _, result in parts)]),
        ),
        denials=dict(denials),
        differing_decisions=sum(asked) if asked else None,
        notes=tuple(dict.fromkeys(note for _, result in parts for note in result.notes)),
    )


def walk_forward_document(walk: WalkForward) -> dict[str, Any]:
    """The windows as JSON has them; the result has a document of its own. No number is NaN or infinite. Times are ms."""
    grid = walk.combinations.grid
    return {
        "strategy": walk.strategy.name,
        "metric": walk.metric,
        **grid.document(),
        "tried": len(grid) - walk.combinations.refused,
        "refused": walk.combinations.refused,
        "refusal": walk.combinations.refusal or None,
        "failed": len(walk.failures),
        "failure": str(walk.failures[0]) if walk.failures else None,
        "efficiency": walk.efficiency,
        "windows_judged": walk.judged,
        "windows_above_middle": walk.above_middle,
        "chance_of_as_many": walk.chance,
        "windows": [_step_row(walk.combinations.grid, step) for step in walk.steps],
    }


def _step_row(grid: Grid, step: Step) -> dict[str, Any]:
    chosen, window = step.chosen, step.window
    return {
        "train_begin": window.train_begin_ms,
        "test_begin": window.test_begin_ms,
        "test_end": window.test_end_ms,
        "train_rows": window.test_first - window.train_first,
        "test_rows": window.test_end - window.test_first,
        "parameters": None if step.choice is None else grid.parameters(step.choice),
        "train_value": None if chosen is None else chosen.train_value,
        "train_return": None if chosen is None else chosen.train_return,
        "test_value": None if chosen is None else chosen.test_value,
        "test_return": None if chosen is None else chosen.test_return,
        "middle_test_return": step.middle,
        "final_equity": None if step.result is None else step.result.final_equity,
        "failed": sum(isinstance(score, Failed) for score in step.scores),
    }
