"""Send the tasks of a backtest, and send those again that a killed process has left unsent.

The API writes a backtest before it sends the tasks. The store lists a backtest as unsent until its tasks are noted as sent.
Repeated tasks are harmless: a backtest has a lease, and two workers with one part of a sweep keep the same outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from candlecast.domain.backtests.backtest import Backtest
from candlecast.domain.signals.messages import BacktestTask
from candlecast.ports.backtests import BacktestStore
from candlecast.ports.clock import Clock
from candlecast.ports.queue import BacktestQueue

GRACE = timedelta(minutes=1)  # the API, which has 29 s, sends them itself
MOST_A_STEP = 20  # a queue that took nothing for an hour leaves hundreds; each sweep has up to fifty tasks


@dataclass(frozen=True, slots=True)
class SendTasks:
    """Sends the tasks of one backtest."""

    backtests: BacktestStore
    queue: BacktestQueue

    def __call__(self, backtest: Backtest) -> None:
        """Send all tasks and note that. Raises `RetryLater`: some may have been sent, and the backtest stays unsent."""
        self.queue.send_backtests(
            [
                BacktestTask(
                    tenant_id=backtest.tenant_id,
                    backtest_id=backtest.backtest_id,
                    correlation_id=backtest.correlation_id,
                    part=part,
                )
                for part in backtest.plan.parts
            ]
        )
        self.backtests.note_sent(backtest)


@dataclass(frozen=True, slots=True)
class SendUnsent:
    """Sends the tasks that were left behind: a step of the reconcile clock."""

    backtests: BacktestStore
    send: SendTasks
    clock: Clock

    def __call__(self) -> int:
        """Send the tasks of the oldest backtests that are still unsent, and say how many backtests. Raises `RetryLater`."""
        unsent = self.backtests.list_unsent(self.clock.now() - GRACE, MOST_A_STEP)
        for backtest in unsent:
            self.send(backtest)
        return len(unsent)
