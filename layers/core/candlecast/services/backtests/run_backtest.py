"""Compute one backtest: candles, the engine, the results, and the word on each step.

The item is written at the begin, every few seconds on the way, and at the end. Each write is over the version that the worker
knows, so a cancellation or another worker is noticed by the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from candlecast.domain.backtests.backtest import RETRY_PAUSE_SECONDS, TIME_LIMIT, Backtest, BacktestStatus
from candlecast.domain.signals.messages import BacktestTask
from candlecast.domain.values.errors import Conflict, DomainError, InvalidValue, NotFound, Reject, RetryLater
from candlecast.ports.backtests import BacktestEngine, BacktestOutcome, BacktestResults, BacktestStore, Stopped
from candlecast.ports.clock import Clock, Metrics
from candlecast.services.backtests.read_inputs import ReadInputs
from candlecast.services.retry_conflict import retry_conflict

PROGRESS_EVERY = timedelta(seconds=2)  # a person watches; each word is one write
TOO_SLOW = "BACKTEST_TOO_SLOW"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunBacktest:
    """The use case of the backtest runner."""

    backtests: BacktestStore
    inputs: ReadInputs
    engine: BacktestEngine
    results: BacktestResults
    clock: Clock
    metrics: Metrics

    def __call__(self, task: BacktestTask, worker: str) -> None:
        """Compute the task's backtest, unless it has ended.

        Raises `RetryLater` while another worker has it, and if candles, code, results or the store cannot be had now. Raises
        `InvalidValue` for a task that is none of the backtest's.
        """
        try:
            found = self.backtests.find_backtest(task.tenant_id, task.backtest_id)
        except NotFound:
            return  # it was forgotten while its task waited
        if not found.status.is_open:
            return
        found.plan.require_part(task.part)
        held = _Held(self.backtests, found, self.clock)
        try:
            held.begin(worker)
            self._run(held)
        except Stopped:
            if self.backtests.find_backtest(task.tenant_id, task.backtest_id).status.is_open:
                message = "another worker has taken it"  # and may die: the task stays
                raise RetryLater("BACKTEST_RUNS", message, after_seconds=RETRY_PAUSE_SECONDS) from None

    def _run(self, held: _Held) -> None:
        began = self.clock.now()
        try:
            outcome = self._outcome(held)
        except Stopped:
            raise
        except (Reject, InvalidValue, NotFound) as error:
            self._fail(held, error)
            return
        except Exception:  # also an unforeseen one: its message comes back, and must not wait for the end of a lease
            held.write(Backtest.given_back)
            raise
        held.write(lambda known: known.done(outcome.summary, outcome.code_version, self.clock.now()))
        self.metrics.count("BacktestsDone")
        self.metrics.milliseconds("BacktestMilliseconds", (self.clock.now() - began) / timedelta(milliseconds=1))

    def _outcome(self, held: _Held) -> BacktestOutcome:
        inputs = self.inputs(held.known)
        held.at_row(0)
        outcome = self.engine.compute(inputs, held.watch)
        held.at_row(held.known.plan.rows)
        self.results.keep(held.known, outcome.files)
        return outcome

    def _fail(self, held: _Held, error: DomainError) -> None:
        held.write(lambda known: known.failed(error.code, error.message, self.clock.now()))
        self.metrics.count("BacktestsFailed")


class _Held:
    """A backtest in the hands of one worker, as it was written last."""

    def __init__(self, backtests: BacktestStore, known: Backtest, clock: Clock) -> None:
        self.known = known
        self._backtests = backtests
        self._clock = clock
        self._began = self._told = clock.now()

    def begin(self, worker: str) -> None:
        """Take the backtest. Raises `RetryLater` while another worker has it, `Stopped` if it was cancelled meanwhile."""
        try:
            self.known = self._backtests.save_backtest(self.known.begun(worker, self._began))
        except Conflict:
            found = self._backtests.find_backtest(self.known.tenant_id, self.known.backtest_id)
            if not found.status.is_open:
                raise Stopped from None
            # Our own write, whose answer was lost, or another's: this task must not end before that worker has ended.
            self.known = found if found.worker == worker else self._backtests.save_backtest(found.begun(worker, self._began))

    def watch(self, rows_done: int) -> None:
        """Tell the progress, now and then. Raises `Stopped`, and `Reject` (BACKTEST_TOO_SLOW) once the time is over."""
        now = self._clock.now()
        if now - self._began > TIME_LIMIT:
            raise Reject(TOO_SLOW, f"it takes over {TIME_LIMIT} to compute: choose fewer candles")
        if now - self._told < PROGRESS_EVERY:
            return
        self._told = now
        self.at_row(rows_done)

    def at_row(self, rows_done: int) -> None:
        """Tell the progress now. Raises `Stopped`."""
        try:
            self.write(lambda known: known.at_row(rows_done, self._clock.now()))
        except RetryLater:
            return  # the next word follows in seconds

    def write(self, change: Callable[[Backtest], Backtest]) -> None:
        """Write a change; raises `Stopped` if the backtest was cancelled or is another worker's by now."""
        try:
            self.known = self._backtests.save_backtest(change(self.known))
        except Conflict:
            self.known = retry_conflict(lambda: self._backtests.save_backtest(change(self._own())))

    def _own(self) -> Backtest:
        """The backtest as it stands, still ours: a write of ours whose answer was lost has been repeated."""
        found = self._backtests.find_backtest(self.known.tenant_id, self.known.backtest_id)
        if found.status is not BacktestStatus.RUNNING or found.worker != self.known.worker:
            raise Stopped
        return found
