"""Show how a strategy's runs went: states, durations and drift by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from candlecast.domain.strategies.execution_statistics import ExecutionStatistics, first_day
from candlecast.ports.clock import Clock
from candlecast.ports.store import ExecutionStore

USUAL_WINDOW = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class RecentExecutions:
    """The statistics, and the first day that they show."""

    since: date
    statistics: ExecutionStatistics


@dataclass(frozen=True, slots=True)
class ShowExecutionStatistics:
    """Reads the sums of a strategy."""

    executions: ExecutionStore
    clock: Clock

    def __call__(self, strategy_id: str, since: date | None = None) -> RecentExecutions:
        """The days from `since` on, as far back as days are kept; without it, those of the last thirty days."""
        now = self.clock.now()
        first = max((now - USUAL_WINDOW).date() if since is None else since, first_day(now))
        return RecentExecutions(first, self.executions.execution_statistics(strategy_id, first))
