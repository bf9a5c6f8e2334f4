"""Each minute: count the schedules that should have fired and have not: those of the candle clock, and parity's."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.market.firings import PARITY
from candlecast.domain.values.errors import RetryLater
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.firings import FiringStore


@dataclass(frozen=True, slots=True)
class WatchSchedules:
    """A part of the reconcile clock, whose own silence is an alarm."""

    firings: FiringStore
    clock: Clock
    metrics: Metrics

    def __call__(self) -> tuple[str, ...]:
        """The names of schedules that are overdue: timeframes, and `PARITY`.

        None if the store does not answer: other alarms tell that, and looks matter more.
        """
        now = self.clock.now()
        try:
            known = self.firings.load_firings().watched(now)
            self.firings.save_watch(known)
        except RetryLater:
            return ()
        overdue: tuple[str, ...] = known.overdue(now)
        if known.parity_is_overdue(now):
            overdue = (*overdue, PARITY)
        self.metrics.count("SchedulesOverdue", len(overdue))
        return overdue
