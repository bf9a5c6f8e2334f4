"""The firings of the candle clock's schedules and of parity's, so that a schedule which fires no more is noticed.

A schedule that somebody has disabled, deleted or pointed elsewhere makes no error anywhere. Its candles are just not announced,
or its day is not compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from candlecast.domain.values.copying import replace
from candlecast.domain.values.firing import FiringRefused, instant_in
from candlecast.domain.values.timeframe import SCHEDULE_LEAD, Timeframe, TimeframeError

OVERDUE_AFTER = timedelta(minutes=3)  # as long as the alarms let a clock be silent; Scheduler itself is precise to a minute
MAX_MISSED = 60  # closes that one firing announces afterwards: an hour of minutes. Parity has older ones as closes without a run
PARITY = "parity"  # name of the schedule that asks for the day before
PARITY_AT = time(1, 20)  # UTC: when it is due
PARITY_OVERDUE_AFTER = timedelta(minutes=75)  # Scheduler retries its firing for an hour
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
    parity: datetime | None = None
    """The scheduled time of the newest firing for which all days were asked for."""
    parity_since: datetime | None = None
    """The beginning of the watch over that schedule, which a watch from before did not know."""

    def watched(self, now: datetime) -> Firings:
        """The memory after another minute of the watch."""
        goes_on = self.watched_at is not None and now - self.watched_at <= WATCH_PAUSE
        since = self.watched_since if goes_on else now
        return replace(self, watched_since=since, watched_at=now, parity_since=self.parity_since or now)

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

    def parity_is_overdue(self, now: datetime) -> bool:
        """Whether the firing of parity that was due during the watch has not come in time."""
        late = now - PARITY_OVERDUE_AFTER
        due = late.replace(hour=PARITY_AT.hour, minute=PARITY_AT.minute, second=0, microsecond=0)
        if due > late:
            due -= timedelta(days=1)
        watches = (self.watched_since, self.parity_since)
        was_watched = all(since is not None and since <= due for since in watches)
        return was_watched and (self.parity is None or self.parity < due)

    def _is_overdue(self, timeframe: Timeframe, now: datetime) -> bool:
        due = timeframe.floor(now - OVERDUE_AFTER + SCHEDULE_LEAD) - SCHEDULE_LEAD
        was_watched = self.watched_since is not None and self.watched_since <= due
        return was_watched and (timeframe not in self.newest or self.newest[timeframe] < due)
