"""The sweep of `candlecast sweep`, a part at a time: the same trials, and the same judgement over all of them.

A part's outcome is JSON in which every float is written so that it is read as the same float.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from typing import Any

import numpy as np

from candlecast.adapters.aws.sandbox_function import SandboxFunction
from candlecast.adapters.backtest_engine import (
    code_version_of,
    definition_of,
    first_row,
    left_out,
    notes_of,
    outcome_of,
    refusals,
    settings_of,
    summary_of,
    terms_of,
    versions_of,
)
from candlecast.adapters.decided_columns import DecidedColumns, decided_columns
from candlecast.adapters.strategy_code import built_in_strategy
from candlecast.adapters.uploaded_code import UploadedCode
from candlecast.backtest.document import report_of, text_of
from candlecast.backtest.grid import REFUSALS, Axis, Combinations, Grid
from candlecast.backtest.metrics import day_ends
from candlecast.backtest.pictures.page import page_of
from candlecast.backtest.result import Note, Result
from candlecast.backtest.sweep import Failed, SweepResult, Trial, attempted, heat_map, put_trials, run_rows, tried, whole_document
from candlecast.backtest.walk_forward import Score, WalkForward, Window, scores_of, walk_forward_document, walked, windows_of
from candlecast.domain.backtests.sweep import HOUR, SweepPlan, Value
from candlecast.domain.values.errors import InvalidValue, Reject
from candlecast.ports.backtests import BacktestOutcome, Computation, ResultFiles
from candlecast.ports.code_store import CodeStore
from candlecast.strategy import Candles, Signals, Strategy
from candlecast.strategy.candles import MILLISECOND

AT_ONCE = Note("SWEEP_DECIDED_AT_ONCE", "the code had all candles at once, later ones too; live it has its lookback alone")
UNKNOWN = "PARAMETER_UNKNOWN"  # of all combinations alike: the sweep itself is wrong

CHOICES_KEPT = 8  # of a walk-forward, each with its decisions, 3 MB at most; windows often choose alike

# In the place of each combination that was tried: judging needs its trial alone.
STAND_IN = DecidedColumns(Signals(side=np.zeros(0, np.int8)), np.zeros(0, np.int64), 1)


class LiveCodeSweep:
    """`ports.backtests.SweepEngine`."""

    def __init__(self, code: CodeStore, sandbox: SandboxFunction) -> None:
        self._code = code
        self._sandbox = sandbox

    def try_part(self, computation: Computation, part: int, watch: Callable[[], None]) -> str:
        """Each combination of the part on its own: refused, failed, or tried."""
        with refusals():
            trials = _Trials(computation, self._code, self._sandbox)
            outcomes = [trials.outcome(number, watch) for number in trials.sweep.trials_of(part)]
        return json.dumps(outcomes)

    def merge(self, computation: Computation, parts: Sequence[str], watch: Callable[[], None]) -> BacktestOutcome:
        """Judge all trials as one process does, and show the best of them as a whole."""
        told = [outcome for part in parts for outcome in json.loads(part)]
        with refusals():
            trials = _Trials(computation, self._code, self._sandbox)
            if len(told) != trials.sweep.trials:  # an outcome's place names its combination
                raise InvalidValue(f"{len(told):,} outcomes of {trials.sweep.trials:,} combinations")
            if trials.sweep.walk_forward is not None:
                return self._walked(computation, trials, trials.walked(told, watch))
            swept = trials.swept(told)
            if not len(swept.order):
                raise Reject("SWEEP_FAILED", f"every combination failed, the first with {swept.failures[0]}")
            best = trials.result(int(swept.order[0]))
        return self._outcome(computation, swept, best)

    def _walked(self, computation: Computation, trials: _Trials, walk: WalkForward) -> BacktestOutcome:
        """The windows with their choices, and the tests as one backtest."""
        result = trials.noted(walk.result, {})
        judged = {**walk_forward_document(walk), "strategy": computation.strategy.name}
        return outcome_of(computation, result, lambda whole: {**judged, "out_of_sample": whole})

    def _outcome(self, computation: Computation, swept: SweepResult, best: Result) -> BacktestOutcome:
        code_version, notes, table = code_version_of(computation), notes_of(computation, best), io.StringIO()
        put_trials(swept, table)
        told = whole_document(swept, best, file=notes, settings=settings_of(computation), versions=versions_of(code_version))
        told["strategy"] = computation.strategy.name
        page = page_of(replace(report_of(best, notes), sweep=heat_map(swept)))
        files = ResultFiles(document=text_of(told).encode(), page=page.encode(), trades=table.getvalue().encode())
        return BacktestOutcome(summary=summary_of(best), code_version=code_version, files=files)


class _Trials:
    """The combinations of one sweep over its candles. Errors of the code and of the plan are `DomainError`."""

    def __init__(self, computation: Computation, code: CodeStore, sandbox: SandboxFunction) -> None:
        plan, version = computation.backtest.plan, computation.version
        assert plan.sweep is not None  # noqa: S101 - the caller has a part of it
        self.sweep: SweepPlan = plan.sweep
        self._computation = computation
        axes = tuple(Axis(name, tuple(values)) for name, values in self.sweep.axes.items())
        self._grid = Grid.of(axes, self.sweep.random)
        self._candles = Candles.from_candles(computation.candles)
        self._first = first_row(computation, self._candles)
        self._timeframe = plan.timeframe
        self._terms = terms_of(computation)
        self._others = definition_of(computation).parameters
        uploaded = None if version is None else version.source_hash
        self._uploaded = None if uploaded is None else UploadedCode(code, sandbox, computation, uploaded)

    def outcome(self, number: int, watch: Callable[[], None]) -> dict[str, Any]:
        """One combination: `refused` with the reason, `failed` with code and reason, or the trial."""
        watch()
        try:
            made = self._made(number)
        except Reject as error:
            if error.code in REFUSALS:
                return {"refused": error.message}
            if self._uploaded is None or error.code == UNKNOWN:
                raise
            return {"failed": [error.code, error.message]}
        ended: list[Exception] = []

        def watch_row(_: int) -> None:
            try:
                watch()
            except Exception as error:
                ended.append(error)
                raise

        told = self._tried(made, watch_row) if self.sweep.walk_forward is None else self._scored(made, watch_row)
        if ended:  # no failure of the combination, but the end of the whole work
            raise ended[0]
        return told

    def _tried(self, made: Strategy[Any], watch: Callable[[int], None]) -> dict[str, Any]:
        def work(_: int) -> Trial:
            return tried(made, self._candles, self._terms, self.sweep.metric, self._first, self._timeframe, watch)

        attempt = attempted(work, type(made))(0)
        if isinstance(attempt, Failed):
            return {"failed": [attempt.code, attempt.message]}
        return {**asdict(attempt), "returns": attempt.returns.tolist()}

    def _scored(self, made: Strategy[Any], watch: Callable[[int], None]) -> dict[str, Any]:
        scores = scores_of(made, self._candles, self._terms, self._windows(), self.sweep.metric, self._timeframe, watch)
        return {"scores": [asdict(score) for score in scores]}

    def swept(self, outcomes: Sequence[Mapping[str, Any]]) -> SweepResult:
        """The outcomes of all combinations as the result of one process."""
        return SweepResult(
            strategy=DecidedColumns,
            combinations=self._combinations(outcomes),
            metric=self.sweep.metric,
            attempts=tuple(_attempt(outcome) for outcome in outcomes),
            market_days=day_ends(self._candles.time[self._first :]),
        )

    def walked(self, outcomes: Sequence[Mapping[str, Any]], watch: Callable[[], None]) -> WalkForward:
        """The outcomes of all combinations on all windows as the walk-forward of one process."""

        def made(number: int) -> Strategy[Any]:
            watch()  # uploaded code decides all candles again, for each window
            return self._made(number)

        windows = self._windows()
        columns = [_scores(outcome, len(windows)) for outcome in outcomes]
        return walked(
            DecidedColumns,
            self._combinations(outcomes),
            self._candles,
            self._terms,
            windows,
            list(zip(*columns, strict=True)),
            lru_cache(CHOICES_KEPT)(made),
            metric=self.sweep.metric,
            timeframe=self._timeframe,
        )

    def _windows(self) -> tuple[Window, ...]:
        walk = self.sweep.walk_forward
        assert walk is not None  # noqa: S101 - a sweep without windows has trials
        hour = HOUR // MILLISECOND
        return windows_of(
            self._candles.time,
            train_ms=walk.train_hours * hour,
            test_ms=walk.test_hours * hour,
            anchored=walk.anchored,
            row=self._first,
        )

    def noted(self, result: Result, parameters: Mapping[str, Value]) -> Result:
        """The result with the strategy's name and the notes of a backtest on request."""
        notes = (*result.notes, *left_out(self._computation), *(() if self._uploaded is None else (AT_ONCE,)))
        return replace(result, strategy=self._computation.strategy.name, parameters=parameters, notes=notes)

    def result(self, number: int) -> Result:
        """The whole backtest of a combination that was tried."""
        result = run_rows(self._made(number), self._candles, self._first, len(self._candles), self._terms, self._timeframe)
        return self.noted(result, self._parameters(number))

    def _combinations(self, outcomes: Sequence[Mapping[str, Any]]) -> Combinations:
        refusals = [outcome["refused"] for outcome in outcomes if "refused" in outcome]
        if len(refusals) == len(outcomes):
            raise Reject("SWEEP_EMPTY", f"the strategy refuses all {len(outcomes):,} combinations: {refusals[0]}")
        made = tuple(None if "refused" in outcome else STAND_IN for outcome in outcomes)
        return Combinations(self._grid, made, refusals[0] if refusals else "")

    def _parameters(self, number: int) -> dict[str, Value]:
        return {**self._others, **self._grid.parameters(number)}

    def _made(self, number: int) -> Strategy[Any]:
        """A combination's strategy; raises `Reject` with the code of the refusal, or of the failure of uploaded code."""
        parameters = self._parameters(number)
        if self._uploaded is None:
            return built_in_strategy(replace(self._computation.strategy, parameters=parameters))
        lookback = self._uploaded.inspected(parameters).lookback
        begin = max(0, self._first - (lookback - 1))
        told = self._uploaded.decided(parameters, self._computation.candles[begin:])
        return decided_columns(told, self._candles.rows(begin, len(self._candles)), lookback)


def _attempt(outcome: Mapping[str, Any]) -> Trial | Failed | None:
    if "refused" in outcome:
        return None
    if "failed" in outcome:
        return Failed(*outcome["failed"])
    return Trial(**{**outcome, "returns": np.array(outcome["returns"], dtype=np.float64)})


def _scores(outcome: Mapping[str, Any], windows: int) -> list[Score | Failed | None]:
    """The outcome on each window."""
    if "scores" in outcome:
        return [Failed(**score) if "code" in score else Score(**score) for score in outcome["scores"]]
    return [_attempt(outcome) if "refused" in outcome else Failed(*outcome["failed"]) for _ in range(windows)]  # type: ignore[misc]
