"""The firings of the candle clock's schedules, so that a schedule which fires no more is noticed.

A schedule that somebody has disabled, deleted or pointed elsewhere makes no error anywhere: its candles are just not announced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from candlecast.domain.values.copying import replace
from candlecast.domain.values.firing import FiringRefused, instant_in
from candlecast.domain.values.timeframe import SCHEDULE_LEAD, Timeframe, TimeframeError

OVERDUE_AFTER = timedelta(minutes=3)  # as long as the alarms let a clock be silent; Scheduler itself is precise to a minute
MAX_MISSED = 60  # closes that one firing announces afterwards: an hour of minutes. Parity has older ones as closes without a run
WATCH_PAUSE = timedelta(minutes=5)  # a watch that has paused for longer begins anew: the clocks were off, and nothing was due


def firing_in(event: Mapping[str, Any]) -> tuple[Timeframe, datetime]:
    """The timeframe and the scheduled time of a candle clock's event; raises `FiringRefused` (FIRING_MALFORMED)."""
    scheduled_at = instant_in(event, "scheduled_time")
    try:
        timeframe = Timeframe.parse(event.get("timeframe", ""))
        timeframe.candle_close_for_schedule(scheduled_at)
    except TimeframeError as error:
        raise FiringRefused("FIRING_MALFORMED", f"timeframe and scheduled_time: {error.code}") from None
    return timeframe, scheduled_at


@dataclass(frozen=True, kw_only=True)
class Firings:
    """The memory of the watch over the candle clock's schedules."""

    newest: Mapping[Timeframe, datetime] = field(default_factory=dict)
    """The scheduled time of each timeframe's newest firing whose candles were announced."""
    watched_since: datetime | None = None
    """The beginning of the present watch: firings that were due earlier are not missed."""
    watched_at: datetime | None = None
    """The last minute of the watch."""

    def watched(self, now: datetime) -> Firings:
        """The memory after another minute of the watch."""
        goes_on = self.watched_at is not None and now - self.watched_at <= WATCH_PAUSE
        return replace(self, watched_since=self.watched_since if goes_on else now, watched_at=now)

    def missed(self, timeframe: Timeframe, close: datetime, most: int = MAX_MISSED) -> list[datetime]:
        """Closes between the newest announced close and this one, ascending: the newest `most` of them.

        Without a firing so far nothing was missed.
        """
        newest = self.newest.get(timeframe)
        if newest is None:
            return []
        count = (close - newest - SCHEDULE_LEAD) // timeframe.length - 1
        return [close - timeframe.length * back for back in range(min(count, most), 0, -1)]

    def overdue(self, now: datetime) -> tuple[Timeframe, ...]:
        """The timeframes whose last firing that was due during the watch has not come in time."""
        return tuple(timeframe for timeframe in Timeframe if self._is_overdue(timeframe, now))

    def _is_overdue(self, timeframe: Timeframe, now: datetime) -> bool:
        due = timeframe.floor(now - OVERDUE_AFTER + SCHEDULE_LEAD) - SCHEDULE_LEAD
        was_watched = self.watched_since is not None and self.watched_since <= due
        return was_watched and (timeframe not in self.newest or self.newest[timeframe] < due)
