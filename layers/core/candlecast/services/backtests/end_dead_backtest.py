"""A task was dead-lettered: its backtest ends, so that its tenant knows and has room for another."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from candlecast.domain.signals.messages import BacktestTask
from candlecast.domain.values.errors import NotFound
from candlecast.ports.backtests import BacktestStore
from candlecast.ports.clock import Clock
from candlecast.services.retry_conflict import retry_conflict


@dataclass(frozen=True, slots=True)
class EndDeadBacktest:
    """Fails the backtest of a dead letter."""

    backtests: BacktestStore
    clock: Clock

    def __call__(self, task: BacktestTask, code: str) -> None:
        """End the backtest with the letter's code, unless it has ended or was forgotten. Raises `RetryLater`."""

        def attempt() -> None:
            found = self.backtests.find_backtest(task.tenant_id, task.backtest_id)
            if found.status.is_open:
                message = "it could not be computed: operations have its message"
                self.backtests.save_backtest(found.failed(code, message, self.clock.now()))

        with suppress(NotFound):
            retry_conflict(attempt)
