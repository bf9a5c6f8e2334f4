"""Compute one part of a sweep, and judge the whole sweep behind its last part.

A part has no lease: two workers with the same part keep the same outcome. Each kept part is noted in the sweep's item by a
conditional write, so exactly one write makes the sweep whole. A worker that is killed behind that write leaves its message, and
the next worker judges.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from candlecast.domain.backtests.backtest import TIME_LIMIT, Backtest, BacktestStatus
from candlecast.domain.signals.messages import BacktestTask
from candlecast.domain.values.errors import Conflict, InvalidValue, NotFound, Reject, RetryLater
from candlecast.ports.backtests import BacktestResults, BacktestStore, Stopped, SweepEngine, SweepParts
from candlecast.ports.clock import Clock, Metrics
from candlecast.services.backtests.read_inputs import ReadInputs
from candlecast.services.retry_conflict import retry_conflict

LOOK_EVERY = timedelta(seconds=5)  # for a cancellation; each look is one read
TOO_SLOW = "BACKTEST_TOO_SLOW"
BUSY_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSweepPart:
    """The use case of the backtest runner for a sweep."""

    backtests: BacktestStore
    inputs: ReadInputs
    engine: SweepEngine
    parts: SweepParts
    results: BacktestResults
    clock: Clock
    metrics: Metrics

    def __call__(self, task: BacktestTask, part: int) -> None:
        """Compute the task's part unless its outcome is kept, and then end the sweep if no other part is missing.

        Raises `RetryLater` if candles, code, results or the store cannot be had now, and `InvalidValue` for a part that the sweep
        does not have.
        """
        with suppress(Stopped, NotFound):  # a cancelled sweep, or one that was forgotten
            sweep = self._open(task)
            sweep.plan.require_part(part)
            try:
                self._run(sweep, task, part)
            except (Reject, InvalidValue, NotFound) as error:
                self._fail(task, error.code, error.message)

    def _run(self, sweep: Backtest, task: BacktestTask, part: int) -> None:
        if part not in sweep.parts_done:
            sweep = self._compute(sweep, task, part)
        if sweep.is_whole:
            self._judge(sweep, task)

    def _compute(self, sweep: Backtest, task: BacktestTask, part: int) -> Backtest:
        if sweep.status is BacktestStatus.QUEUED:
            sweep = self._change(task, lambda known: known if known.tries else known.swept(self.clock.now()))
        outcome = self.engine.try_part(self.inputs(sweep), part, self._watch(task))
        self.parts.keep_part(sweep, part, outcome)
        return self._change(task, lambda known: known.with_part(part))

    def _judge(self, sweep: Backtest, task: BacktestTask) -> None:
        outcome = self.engine.merge(self.inputs(sweep), self.parts.parts(sweep), self._watch(task))
        self.results.keep(sweep, outcome.files)
        self._change(task, lambda known: known.done(outcome.summary, outcome.code_version, self.clock.now()))
        self.metrics.count("BacktestsDone")
        if sweep.started_at is not None:
            self.metrics.milliseconds("BacktestMilliseconds", (self.clock.now() - sweep.started_at) / timedelta(milliseconds=1))

    def _fail(self, task: BacktestTask, code: str, message: str) -> None:
        self._change(task, lambda known: known.failed(code, message, self.clock.now()))
        self.metrics.count("BacktestsFailed")

    def _watch(self, task: BacktestTask) -> Callable[[], None]:
        """Raise `Stopped` once the sweep has ended, and `Reject` (BACKTEST_TOO_SLOW) once the time of this work is over."""
        began = looked = self.clock.now()

        def watch() -> None:
            nonlocal looked
            now = self.clock.now()
            if now - began > TIME_LIMIT:
                raise Reject(TOO_SLOW, f"a part or the judgement takes over {TIME_LIMIT}: choose fewer candles or windows")
            if now - looked >= LOOK_EVERY:
                looked = now
                self._look(task)

        return watch

    def _look(self, task: BacktestTask) -> None:
        with suppress(RetryLater):  # the next look follows in seconds
            self._open(task)

    def _open(self, task: BacktestTask) -> Backtest:
        """The sweep as it stands. Raises `NotFound`, and `Stopped` if it has ended."""
        found = self.backtests.find_backtest(task.tenant_id, task.backtest_id)
        if not found.status.is_open:
            raise Stopped
        return found

    def _change(self, task: BacktestTask, change: Callable[[Backtest], Backtest]) -> Backtest:
        """Write a change of the sweep as it stands. Raises `Stopped`, and `RetryLater` if others write all the time."""

        def attempt() -> Backtest:
            found = self._open(task)
            changed = change(found)
            return found if changed == found else self.backtests.save_backtest(changed)

        try:
            return retry_conflict(attempt)
        except Conflict:
            raise RetryLater("SWEEP_BUSY", "other parts end at the same time", after_seconds=BUSY_SECONDS) from None
