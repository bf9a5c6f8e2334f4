"""Each minute: count the candle clock's schedules that should have fired and have not."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.firings import FiringStore


@dataclass(frozen=True, slots=True)
class WatchSchedules:
    """A part of the reconcile clock, whose own silence is an alarm."""

    firings: FiringStore
    clock: Clock
    metrics: Metrics

    def __call__(self) -> tuple[Timeframe, ...]:
        """The timeframes that are overdue. None if the store does not answer: other alarms tell that, and looks matter more."""
        now = self.clock.now()
        try:
            known = self.firings.load_firings().watched(now)
            self.firings.save_watch(known)
        except RetryLater:
            return ()
        overdue = known.overdue(now)
        self.metrics.count("SchedulesOverdue", len(overdue))
        return overdue
