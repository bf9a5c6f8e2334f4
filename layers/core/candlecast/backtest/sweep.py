"""A sweep: one backtest for each combination of parameters, a ranking, and the doubt that a choice among many deserves.

The ranking is by one metric. Beside each combination stands its plateau: the median of the combination and its neighbours. A best
combination far above its plateau is a peak that later candles seldom repeat.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TextIO

import numpy as np

from candlecast.backtest.candle_table import FileNotes
from candlecast.backtest.document import buy_and_hold, file_notes, run_notes, span
from candlecast.backtest.exact_path import Terms, unwatched
from candlecast.backtest.grid import Axis, Combinations
from candlecast.backtest.metrics import DAYS_PER_YEAR, day_ends, drawdown, omega_ratio, sharpe_ratio, sortino_ratio
from candlecast.backtest.pictures.report import LARGEST_SWEEP as LARGEST_MAP
from candlecast.backtest.pictures.report import Sweep as HeatMap
from candlecast.backtest.plain import PlainTerms
from candlecast.backtest.result import Result, without_history
from candlecast.backtest.run import run
from candlecast.backtest.significance import (
    SPLITS,
    deflated_sharpe,
    expected_best_sharpe,
    independent_trials,
    overfitting,
    shape,
    sharpes,
)
from candlecast.backtest.strategy_file import author_errors
from candlecast.backtest.workers import outcomes
from candlecast.domain.backtests.sweep import METRICS
from candlecast.domain.values.errors import DomainError, InvalidValue
from candlecast.domain.values.timeframe import Timeframe
from candlecast.strategy import Candles, Floats, Strategy
from candlecast.strategy.candles import Integers

MOST_CELLS = 50_000_000  # days x combinations: 400 MB of daily returns
FEWEST_RETURNS = 2
OF_DAYS = {"sharpe_ratio": sharpe_ratio, "sortino_ratio": sortino_ratio, "omega_ratio": omega_ratio}
ROOT_OF_YEAR = math.sqrt(DAYS_PER_YEAR)

type Progress = Callable[[int], None]  # gets the number of combinations that have ended


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One combination's backtest, as far as a sweep needs it."""

    value: float | None  # of the sweep's metric
    total_return: float
    sharpe_ratio: float | None
    max_drawdown: float
    trades: int
    returns: Floats  # of UTC days; none after ruin


@dataclass(frozen=True, slots=True)
class Failed:
    """A combination whose backtest has failed, with the error's code and message."""

    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


DIED = Failed("SWEEP_WORKER_DIED", "the process of this combination has ended, perhaps for want of memory")


@dataclass(frozen=True, slots=True)
class Doubt:
    """How far chance explains the best of a sweep. The function named at a field has its formula and source.

    A value is None where there are too few days or trials. Ratios are of a year.
    """

    days: int
    ruined: int  # combinations without returns after ruin: each counts as an independent trial, and in nothing else
    independent_trials: float | None  # `significance.independent_trials`
    expected_best_sharpe: float | None  # of as many worthless trials: `significance.expected_best_sharpe`
    deflated_sharpe: float | None  # probability that the best is better than that: `significance.deflated_sharpe`
    overfitting: float | None  # probability: `significance.overfitting`, which always ranks by the Sharpe ratio
    loss_probability: float | None  # that the best of one half loses in the other, likewise
    halves: int  # that were compared


@dataclass(frozen=True, eq=False)
class SweepResult:
    """A finished sweep. `attempts` has one for each combination of the grid; None for one that the strategy refuses."""

    strategy: type[Strategy[Any]]
    combinations: Combinations
    metric: str
    attempts: tuple[Trial | Failed | None, ...]
    market_days: Integers  # the row of each UTC day's last candle

    @cached_property
    def values(self) -> Floats:
        """The metric of each combination; NaN where there is none."""
        values = [each.value if isinstance(each, Trial) else None for each in self.attempts]
        return np.array([np.nan if value is None else value for value in values])

    @cached_property
    def plateaus(self) -> Floats:
        """The median of each combination and its neighbours; NaN where there is none."""
        return self.combinations.grid.plateaus(self.values)

    @cached_property
    def order(self) -> Integers:
        """The combinations that were tried, from the best to the worst; those without a value last, equal ones as in the grid."""
        tried = np.flatnonzero([isinstance(each, Trial) for each in self.attempts])
        return tried[np.argsort(-self.values[tried], kind="stable")]

    @property
    def best(self) -> int | None:
        """The combination with the highest metric; None if no combination has one."""
        return None if np.isnan(self.values).all() else int(np.nanargmax(self.values))

    @property
    def broadest(self) -> int | None:
        """The combination with the highest plateau; None if no combination has one."""
        return None if np.isnan(self.plateaus).all() else int(np.nanargmax(self.plateaus))

    @cached_property
    def failures(self) -> tuple[Failed, ...]:
        return tuple(each for each in self.attempts if isinstance(each, Failed))

    @cached_property
    def doubt(self) -> Doubt:
        days = len(self.market_days)
        trials = [each for each in self.attempts if isinstance(each, Trial)]
        lasting = [each.returns for each in trials if len(each.returns)]
        ruined = len(trials) - len(lasting)
        chosen = None if self.best is None else self.attempts[self.best]
        if days < FEWEST_RETURNS or not lasting or not isinstance(chosen, Trial):
            return Doubt(days, ruined, None, None, None, None, None, 0)
        returns = np.column_stack(lasting)
        independent = independent_trials(returns) + ruined
        variance = float(sharpes(returns).var(ddof=1)) if len(lasting) > 1 else 0.0
        of = shape(chosen.returns)
        halves = overfitting(returns) if len(lasting) > 1 else None
        return Doubt(
            days=days,
            ruined=ruined,
            independent_trials=independent,
            expected_best_sharpe=expected_best_sharpe(independent, variance) * ROOT_OF_YEAR,
            deflated_sharpe=None if of is None else deflated_sharpe(of, trials=independent, variance=variance),
            overfitting=None if halves is None else halves.probability,
            loss_probability=None if halves is None else halves.loss_probability,
            halves=0 if halves is None else len(halves.logits),
        )


def run_sweep(
    strategy: type[Strategy[Any]],
    combinations: Combinations,
    candles: Candles,
    terms: PlainTerms | Terms,
    *,
    metric: str = METRICS[0],
    first: int = 0,
    timeframe: Timeframe = Timeframe.M1,
    processes: int = 1,
    progress: Progress | None = None,
) -> SweepResult:
    """Run every combination that the strategy does not refuse. A combination that fails leaves `Failed`, and the others go on.

    Rows before `first` are history: they give their candles to indicators, and no decision. `timeframe` is that of the candles.
    Raises `InvalidValue`: METRIC_UNKNOWN, or SWEEP_TOO_LARGE for more than `MOST_CELLS`.
    """
    require_metric(metric)
    rows = day_ends(candles.time[first:])
    made = [(index, each) for index, each in enumerate(combinations.strategies) if each is not None]
    require_cells(len(rows), len(made))
    attempts: list[Trial | Failed | None] = [None] * len(combinations.strategies)
    work = attempted(lambda number: tried(made[number][1], candles, terms, metric, first, timeframe), strategy)
    for ended, (number, attempt) in enumerate(outcomes(len(made), work, processes), 1):
        attempts[made[number][0]] = DIED if attempt is None else attempt
        if progress is not None:
            progress(ended)
    return SweepResult(strategy, combinations, metric, tuple(attempts), rows)


def attempted[R](work: Callable[[int], R], strategy: type[Strategy[Any]]) -> Callable[[int], R | Failed]:
    """The same work with `Failed` instead of an exception: the boundary of one combination among many."""

    def attempt(number: int) -> R | Failed:
        try:
            with author_errors(strategy):
                return work(number)
        except DomainError as error:
            return Failed(error.code, error.message)
        except Exception as error:
            return Failed("COMBINATION_FAILED", f"{type(error).__name__}: {error}")

    return attempt


def require_cells(days: int, combinations: int) -> None:
    """Raises `InvalidValue` (SWEEP_TOO_LARGE) for more daily returns than `MOST_CELLS`."""
    if days * combinations > MOST_CELLS:
        message = f"{days:,} days of {combinations:,} combinations are over {MOST_CELLS:,} daily returns"
        raise InvalidValue(message, "SWEEP_TOO_LARGE")


def require_metric(metric: str) -> None:
    if metric not in METRICS:
        raise InvalidValue(f"a combination is chosen by one of {', '.join(METRICS)}, not {metric[:60]!r}", "METRIC_UNKNOWN")


def value_of(result: Result, metric: str) -> float | None:
    """One metric of `METRICS`; the others are not computed where that saves something."""
    if metric in OF_DAYS:
        return OF_DAYS[metric](result.day_returns)
    if metric == "total_return":
        return result.pnl / result.cash
    found: float | None = getattr(result.metrics, metric)
    return found


def run_rows(
    strategy: Strategy[Any],
    candles: Candles,
    first: int,
    end: int,
    terms: PlainTerms | Terms,
    timeframe: Timeframe,
    watch: Callable[[int], None] = unwatched,
) -> Result:
    """Run the rows from `first` to before `end`; the result has these rows alone.

    The lookback's rows before them give their candles to indicators, and no decision. With fewer the first decisions come later.
    """
    before = min(first, strategy.lookback - 1)
    return without_history(run(strategy, candles.rows(first - before, end), terms, timeframe=timeframe, watch=watch), before)


def tried(
    strategy: Strategy[Any],
    candles: Candles,
    terms: PlainTerms | Terms,
    metric: str,
    first: int,
    timeframe: Timeframe,
    watch: Callable[[int], None] = unwatched,
) -> Trial:
    """Run one combination on the rows from `first`."""
    result = run_rows(strategy, candles, first, len(candles), terms, timeframe, watch)
    return Trial(
        value=value_of(result, metric),
        total_return=result.pnl / result.cash,
        sharpe_ratio=sharpe_ratio(result.day_returns),
        max_drawdown=drawdown(result.cash, result.equity, result.candles.time).depth,
        trades=len(result.trades),
        returns=result.day_returns,
    )


def heat_map(sweep: SweepResult) -> HeatMap | None:
    """The metric over the first two numeric axes with several values; other axes have the values of the best combination.

    None without two such axes, without a combination that has a value, and where the map would have too many cells.
    """
    grid = sweep.combinations.grid
    drawn = [number for number, axis in enumerate(grid.axes) if axis.is_ordered and len(axis.values) > 1][:2]
    if len(drawn) < 2 or sweep.best is None:
        return None
    x, y = (grid.axes[number] for number in drawn)
    if len(x.values) * len(y.values) > LARGEST_MAP:
        return None
    best, others = grid.place(sweep.best), [number for number in range(len(grid.axes)) if number not in drawn]
    beside = (grid.places[others] == grid.places[others, sweep.best][:, np.newaxis]).all(axis=0)
    table = np.full((len(x.values), len(y.values)), np.nan)
    table[tuple(grid.places[drawn][:, beside])] = sweep.values[beside]
    fixed = [f"{grid.axes[number].name} = {grid.axes[number].values[best[number]]}" for number in others]
    return HeatMap(
        metric=f"{sweep.metric} at {', '.join(fixed)}" if fixed else sweep.metric,
        x_name=x.name,
        x_values=_floats(x),
        y_name=y.name,
        y_values=_floats(y),
        values=table.T,
        tried=int(np.isfinite(sweep.values).sum()),
    )


def _floats(axis: Axis) -> tuple[float, ...]:
    return tuple(float(value) for value in axis.values)


def trial_rows(sweep: SweepResult) -> list[dict[str, Any]]:
    """A dictionary for each combination, from the best to the worst; failed combinations come last."""
    rows = [_row(sweep, int(index)) for index in sweep.order]
    failed = [index for index, each in enumerate(sweep.attempts) if isinstance(each, Failed)]
    return rows + [_row(sweep, index) for index in failed]


def _row(sweep: SweepResult, index: int) -> dict[str, Any]:
    attempt, plateau = sweep.attempts[index], float(sweep.plateaus[index])
    trial = attempt if isinstance(attempt, Trial) else None
    return {
        "parameters": sweep.combinations.grid.parameters(index),
        "value": None if trial is None else trial.value,
        "plateau": None if math.isnan(plateau) else plateau,
        "total_return": None if trial is None else trial.total_return,
        "sharpe_ratio": None if trial is None else trial.sharpe_ratio,
        "max_drawdown": None if trial is None else trial.max_drawdown,
        "trades": None if trial is None else trial.trades,
        "error": str(attempt) if isinstance(attempt, Failed) else None,
    }


def put_trials(sweep: SweepResult, file: TextIO) -> None:
    """Write a CSV table of the trials: a column for each parameter, and then those of a trial."""
    writer = csv.writer(file)
    axes = [axis.name for axis in sweep.combinations.grid.axes]
    rows = [{sweep.metric: row["value"], **row} for row in trial_rows(sweep)]
    names = [name for name in rows[0] if name not in ("parameters", "value")]
    writer.writerow((*axes, *names))
    for row in rows:
        writer.writerow((*row["parameters"].values(), *(row[name] for name in names)))


def sweep_document(sweep: SweepResult) -> dict[str, Any]:
    """The sweep as JSON has it; no number is NaN or infinite."""
    grid, best, broadest, doubt = sweep.combinations.grid, sweep.best, sweep.broadest, sweep.doubt
    return {
        "strategy": sweep.strategy.name,
        "metric": sweep.metric,
        **grid.document(),
        "tried": len(sweep.order),
        "refused": sweep.combinations.refused,
        "refusal": sweep.combinations.refusal or None,
        "failed": len(sweep.failures),
        "failure": str(sweep.failures[0]) if sweep.failures else None,
        "best": None if best is None else {**_row(sweep, best), "at_edge_of": list(grid.edges(best))},
        "broadest": None if broadest is None else {**_row(sweep, broadest), "at_edge_of": list(grid.edges(broadest))},
        "significance": {
            "days": doubt.days,
            "ruined": doubt.ruined,
            "independent_trials": doubt.independent_trials,
            "expected_best_sharpe_ratio": doubt.expected_best_sharpe,
            "deflated_sharpe_ratio": doubt.deflated_sharpe,
            "probability_of_overfitting": doubt.overfitting,
            "loss_probability": doubt.loss_probability,
            "halves": doubt.halves,
            "days_needed_for_overfitting": 2 * SPLITS,
        },
        "trials": trial_rows(sweep),
    }


def whole_document(
    sweep: SweepResult, best: Result, *, file: FileNotes, settings: Mapping[str, Any], versions: Mapping[str, str]
) -> dict[str, Any]:
    """The sweep with the backtest of its best combination, as JSON has them; the long table comes last."""
    judged = sweep_document(sweep)
    trials = judged.pop("trials")
    return {
        **judged,
        **span(best),
        "buy_and_hold": buy_and_hold(best),
        "notes": run_notes(best),
        "file": file_notes(file),
        "settings": dict(settings),
        "versions": dict(versions),
        "trials": trials,
    }
