"""A Bayesian search: the outcomes so far say where the next combinations are tried (Optuna's tree-structured Parzen estimator).

Combinations are asked for in rounds of one size, so a seed tries the same ones with any number of processes. Optuna is an extra
of the command, and no function has it.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from random import Random
from types import ModuleType
from typing import Any

import numpy as np

from candlecast.backtest.extras import load
from candlecast.backtest.grid import Combinations, Grid, Sample, combinations_in
from candlecast.backtest.metrics import day_ends
from candlecast.backtest.result import Note
from candlecast.backtest.strategy_file import author_errors
from candlecast.backtest.sweep import Failed, SweepResult, Trial, require_cells, run_sweep
from candlecast.domain.backtests.sweep import RandomSearch
from candlecast.strategy import Strategy
from candlecast_cli.author.many import Many

SEARCH = "bayesian"
ROUND = 8  # combinations that are tried before the next are asked for: work for eight processes
ASKS = 4  # for each combination of a round: the estimator repeats itself
LEARNS = Note(
    "SWEEP_SEARCH_LEARNS",
    "the search went where the metric was high. Its trials are alike, so the deflated Sharpe ratio flatters: keep candles out",
)

type Attempt = Trial | Failed | None


def require_optuna() -> ModuleType:
    """Optuna. Raises `ExtraMissing`."""
    return load("optuna", "search", "Bayesian searches")


def run_bayesian(many: Many, wanted: RandomSearch, metric: str, progress: Callable[[int], None]) -> SweepResult:
    """Try so many combinations of the axes, round by round. Raises as `run_sweep`, and `InvalidValue` (SWEEP_EMPTY)."""
    table, axes = many.table, many.combinations.grid.axes
    search, days = _Search(Grid(axes, Sample((), SEARCH, wanted.seed)), wanted.seed), day_ends(table.candles.time[table.first :])
    count = min(wanted.count, search.grid.choices)
    require_cells(len(days), count)
    tried = dict[int, tuple[Strategy[Any] | None, Attempt]]()
    refusal = ""
    while len(tried) < count:
        sample = Sample(tuple(sorted(search.ask(min(ROUND, count - len(tried))))), SEARCH, wanted.seed)
        with author_errors(many.strategy), redirect_stdout(sys.stderr):
            made = combinations_in(many.strategy, Grid(axes, sample))
        swept = run_sweep(
            many.strategy,
            made,
            table.candles,
            many.terms,
            metric=metric,
            first=table.first,
            timeframe=table.notes.timeframe,
            processes=many.processes,
        )
        refusal = refusal or made.refusal
        tried |= dict(zip(sample.numbers, zip(made.strategies, swept.attempts, strict=True), strict=True))
        search.tell({number: tried[number][1] for number in sample.numbers})
        progress(len(tried))
    numbers = tuple(sorted(tried))
    strategies, attempts = zip(*(tried[number] for number in numbers), strict=True)
    combinations = Combinations(Grid(axes, Sample(numbers, SEARCH, wanted.seed)), strategies, refusal).require_some()
    return SweepResult(many.strategy, combinations, metric, attempts, days)


class _Search:
    """The estimator, by numbers of the grid."""

    def __init__(self, grid: Grid, seed: int) -> None:
        self.grid = grid
        self._optuna = require_optuna()
        self._optuna.logging.set_verbosity(self._optuna.logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of parts that Optuna calls experimental; a later Optuna is a later extra
            sampler = self._optuna.samplers.TPESampler(seed=seed, constant_liar=True)  # it knows which are being tried
        self._study = self._optuna.create_study(direction="maximize", sampler=sampler)
        kinds = self._optuna.distributions
        self._places = {
            axis.name: kinds.IntDistribution(0, len(axis.values) - 1)
            if axis.is_ordered
            else kinds.CategoricalDistribution(range(len(axis.values)))
            for axis in grid.axes
        }
        self._draw = Random(seed)  # noqa: S311 - chance, and no secret
        self._asked = dict[int, Any]()

    def ask(self, count: int) -> list[int]:
        """So many numbers that were not asked before; the estimator's, and by chance where it keeps to those."""
        fresh = list[int]()
        for _ in range(ASKS * count):
            trial = self._study.ask(self._places)
            number = int(np.ravel_multi_index([trial.params[axis.name] for axis in self.grid.axes], self.grid.shape))
            if number in self._asked:
                self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)  # which counts for nothing
                continue
            self._asked[number] = trial
            fresh.append(number)
            if len(fresh) == count:
                return fresh
        while len(fresh) < count:
            number = self._draw.randrange(self.grid.choices)
            if number not in self._asked:
                place = np.unravel_index(number, self.grid.shape)
                self._study.enqueue_trial({axis.name: int(at) for axis, at in zip(self.grid.axes, place, strict=True)})
                self._asked[number] = self._study.ask(self._places)
                fresh.append(number)
        return fresh

    def tell(self, outcomes: dict[int, Attempt]) -> None:
        """The metric of each; a combination without one is worse than all that have one."""
        for number, attempt in outcomes.items():
            value = attempt.value if isinstance(attempt, Trial) else None
            if value is None or not math.isfinite(value):
                self._study.tell(self._asked[number], state=self._optuna.trial.TrialState.PRUNED)
            else:
                self._study.tell(self._asked[number], value)
