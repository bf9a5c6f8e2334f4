"""The market clock: twelve candle lengths, their boundaries and the schedules that announce them.

All instants are aware datetimes in UTC. A candle is the half-open interval `[open, close)`. Every length divides a
day, so all boundaries follow from the epoch and a day closes at 00:00 UTC. The candle of an execution is derived
from the *scheduled* time, never from the time of the run. So a late or repeated firing names the same candle.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from candlecast.domain.values.errors import InvalidValue

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SCHEDULE_LEAD = MINUTE  # EventBridge Scheduler is precise to the minute: fire one early, a delayed message lands on the close


class TimeframeError(InvalidValue):
    """An instant or a name that the market clock refuses; `code` says which rule it breaks."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, code)


@dataclass(frozen=True)
class Interval:
    """The span `[open, close)` of a candle."""

    open: datetime
    close: datetime

    def __contains__(self, instant: datetime) -> bool:
        return self.open <= instant < self.close


class Timeframe(StrEnum):
    """The length of a candle. The value is the name that venues and people use (`1m` ... `1d`)."""

    M1 = "1m"
    M3 = "3m"
    M5 = "5m"
    M10 = "10m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H2 = "2h"
    H4 = "4h"
    H6 = "6h"
    H12 = "12h"
    D1 = "1d"

    @classmethod
    def parse(cls, text: str) -> Timeframe:
        """The timeframe of that name; raises `TimeframeError` TIMEFRAME_UNKNOWN."""
        try:
            return cls(text)
        except ValueError:
            names = " ".join(member.value for member in cls)
            raise TimeframeError("TIMEFRAME_UNKNOWN", f"{text!r} is none of {names}") from None

    @classmethod
    def from_length(cls, length: timedelta) -> Timeframe:
        """The timeframe of that length; raises `TimeframeError` TIMEFRAME_UNKNOWN."""
        for member in cls:
            if member.length == length:
                return member
        raise TimeframeError("TIMEFRAME_UNKNOWN", f"no timeframe is {length} long")

    @property
    def minutes(self) -> int:
        return _MINUTES[self.value]

    @property
    def seconds(self) -> int:
        return self.minutes * 60

    @property
    def milliseconds(self) -> int:
        return self.seconds * 1000

    @property
    def length(self) -> timedelta:
        return timedelta(minutes=self.minutes)

    @property
    def schedule_expression(self) -> str:
        """EventBridge Scheduler expression (UTC) that fires one minute before each close; `1m` fires every minute."""
        return f"cron({_CRON[self.value]} * * ? *)"

    def floor(self, instant: datetime) -> datetime:
        """The last boundary at or before `instant`."""
        return EPOCH + self.length * ((_require_utc(instant) - EPOCH) // self.length)

    def next_close(self, instant: datetime) -> datetime:
        """The first close strictly after `instant`: that of the candle which contains it."""
        return self.floor(instant) + self.length

    def candle(self, instant: datetime) -> Interval:
        """The candle `[open, close)` that contains `instant`."""
        opened = self.floor(instant)
        return Interval(opened, opened + self.length)

    def is_close(self, instant: datetime) -> bool:
        """Whether a candle closes at exactly `instant`."""
        return self.floor(instant) == instant

    def require_close(self, instant: datetime) -> datetime:
        """Return `instant` if a candle closes there; raise `TimeframeError` NOT_A_BOUNDARY otherwise."""
        if not self.is_close(instant):
            raise TimeframeError("NOT_A_BOUNDARY", f"no {self.value} candle closes at {instant.isoformat()}")
        return instant

    def interval_key(self, close: datetime) -> str:
        """Stable name of the candle that closes at `close`, for locks and ids: `1m#2026-11-21T02:10:00Z`."""
        return f"{self.value}#{self.require_close(close):%Y-%m-%dT%H:%M:%SZ}"

    def candle_close_for_schedule(self, scheduled_time: datetime) -> datetime:
        """The close that a firing scheduled at `scheduled_time` announces: one minute later.

        Raises `TimeframeError` NOT_A_BOUNDARY if no candle of this timeframe closes then: the schedule and its input
        disagree.
        """
        return self.require_close(_require_utc(scheduled_time) + SCHEDULE_LEAD)

    def divides(self, larger: Timeframe) -> bool:
        """Whether candles of `larger` are made of whole candles of this timeframe."""
        return larger.minutes % self.minutes == 0

    def source_among(self, served: Collection[Timeframe]) -> Timeframe:
        """The timeframe to ask a venue for: this timeframe, or the largest served timeframe that divides this timeframe.

        Raises `TimeframeError` TIMEFRAME_NOT_SERVED if there is none.
        """
        candidates = [member for member in served if member.divides(self)]
        if not candidates:
            raise TimeframeError(
                "TIMEFRAME_NOT_SERVED", f"{self.value} can not be built from any timeframe that the venue serves"
            )
        return max(candidates, key=lambda member: member.minutes)


_MINUTES = {
    "1m": 1,
    "3m": 3,
    "5m": 5,
    "10m": 10,
    "15m": 15,
    "30m": 30,
    "1h": 60,
    "2h": 120,
    "4h": 240,
    "6h": 360,
    "12h": 720,
    "1d": 1440,
}

# Minutes and hours of Scheduler's cron, each one minute before a boundary; `a/b` is "from a, every b".
_CRON = {
    "1m": "* *",
    "3m": "2/3 *",
    "5m": "4/5 *",
    "10m": "9/10 *",
    "15m": "14/15 *",
    "30m": "29/30 *",
    "1h": "59 *",
    "2h": "59 1/2",
    "4h": "59 3/4",
    "6h": "59 5/6",
    "12h": "59 11/12",
    "1d": "59 23",
}


def _require_utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise TimeframeError("NAIVE_DATETIME", "an instant needs a time zone, and it must be UTC")
    if instant.utcoffset() != timedelta(0):
        raise TimeframeError("NOT_UTC", f"{instant.isoformat()} is not in UTC")
    return instant
