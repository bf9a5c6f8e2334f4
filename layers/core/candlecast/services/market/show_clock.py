"""Show the candle clock: the last firing of each timeframe, and the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from candlecast.domain.values.timeframe import SCHEDULE_LEAD, Timeframe
from candlecast.ports.clock import Clock
from candlecast.ports.firings import FiringStore


@dataclass(frozen=True, slots=True)
class ShownTimeframe:
    """A timeframe's schedule: it fires a minute before the close of the candle that it announces."""

    timeframe: Timeframe
    last_firing: datetime | None
    """Scheduled time of the newest firing whose candles were announced; None before the first."""
    next_close: datetime
    """Close of the candle that the next firing announces."""
    is_overdue: bool
    """Whether a firing that was due has not come."""

    @property
    def next_firing(self) -> datetime:
        return self.next_close - SCHEDULE_LEAD


@dataclass(frozen=True, slots=True)
class ShowClock:
    """Reads the memory of the watch over the schedules."""

    firings: FiringStore
    clock: Clock

    def __call__(self) -> Sequence[ShownTimeframe]:
        """All timeframes, shortest first. One read. Raises `RetryLater`."""
        now, firings = self.clock.now(), self.firings.load_firings()
        overdue = firings.overdue(now)
        return [
            ShownTimeframe(each, firings.newest.get(each), each.next_close(now + SCHEDULE_LEAD), each in overdue)
            for each in Timeframe
        ]
