"""When trading is allowed or is not: weekly windows, which may cross midnight, and dated blackouts. All times are UTC."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time

from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import require_utc

MINUTES_PER_DAY = 1_440
DAYS_PER_WEEK = 7
MINUTES_PER_WEEK = DAYS_PER_WEEK * MINUTES_PER_DAY
MAX_BLACKOUT_NAME = 60  # shown to people; it travels in every order message


@dataclass(frozen=True, order=True)
class TradingWindow:
    """A weekly window that opens on each of `days` (Monday is 0) and closes at the next `closes`, so it may cross midnight.

    Equal times mean a whole day. Whole minutes only.
    """

    days: tuple[int, ...]
    opens: time
    closes: time

    def __post_init__(self) -> None:
        if not self.days or any(not 0 <= day < DAYS_PER_WEEK for day in self.days):
            raise InvalidValue("a trading window has days from 0 (Monday) to 6")
        if any(at.second or at.microsecond or at.tzinfo is not None for at in (self.opens, self.closes)):
            raise InvalidValue("a trading window opens and closes at whole minutes of UTC")

    def minutes(self) -> tuple[tuple[int, int], ...]:
        """The window as half-open spans of minutes since Monday 00:00."""
        opens = self.opens.hour * 60 + self.opens.minute
        length = (self.closes.hour * 60 + self.closes.minute - opens) % MINUTES_PER_DAY or MINUTES_PER_DAY
        spans: list[tuple[int, int]] = []
        for day in self.days:
            start = day * MINUTES_PER_DAY + opens
            end = start + length
            spans.append((start, min(end, MINUTES_PER_WEEK)))
            if end > MINUTES_PER_WEEK:
                spans.append((0, end - MINUTES_PER_WEEK))
        return tuple(spans)


@dataclass(frozen=True, order=True)
class Blackout:
    """A dated halt, for news or maintenance: no entry from `starts_at` until before `ends_at`."""

    starts_at: datetime
    ends_at: datetime
    name: str = ""

    def __post_init__(self) -> None:
        require_utc("starts_at", self.starts_at)
        require_utc("ends_at", self.ends_at)
        if self.starts_at >= self.ends_at:
            raise InvalidValue("a blackout ends after it starts")
        if len(self.name) > MAX_BLACKOUT_NAME:
            raise InvalidValue(f"a blackout's name has at most {MAX_BLACKOUT_NAME} characters")


def is_open(windows: Iterable[TradingWindow], now: datetime) -> bool:
    """Whether one of the windows is open."""
    minute = now.weekday() * MINUTES_PER_DAY + now.hour * 60 + now.minute
    return any(start <= minute < end for window in windows for start, end in window.minutes())


def is_blacked_out(blackouts: Iterable[Blackout], now: datetime) -> bool:
    """Whether one of the blackouts is in force."""
    return any(blackout.starts_at <= now < blackout.ends_at for blackout in blackouts)


def common_windows(one: tuple[TradingWindow, ...], other: tuple[TradingWindow, ...]) -> tuple[TradingWindow, ...]:
    """The windows in which both are open, split at midnight; the same windows for the same minutes, however they were written."""
    if one == other:
        return one
    spans = _merged(
        (max(start, from_), min(end, until))
        for start, end in _merged(span for window in one for span in window.minutes())
        for from_, until in _merged(span for window in other for span in window.minutes())
        if max(start, from_) < min(end, until)
    )
    days_of: dict[tuple[time, time], list[int]] = {}
    for start, end in spans:
        for day in range(start // MINUTES_PER_DAY, (end - 1) // MINUTES_PER_DAY + 1):
            first = max(start - day * MINUTES_PER_DAY, 0)
            last = min(end - day * MINUTES_PER_DAY, MINUTES_PER_DAY)
            days_of.setdefault((_time(first), _time(last)), []).append(day)
    return tuple(sorted(TradingWindow(tuple(days), opens, closes) for (opens, closes), days in days_of.items()))


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _time(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)
