"""When trading is allowed or is not: weekly windows, which may cross midnight, and dated blackouts. All times are UTC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time
from itertools import islice

from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import require_utc

MINUTES_PER_DAY = 1_440
DAYS_PER_WEEK = 7
MINUTES_PER_WEEK = DAYS_PER_WEEK * MINUTES_PER_DAY
MAX_BLACKOUT_NAME = 60  # shown to people; it travels in every order message
MAX_OPENINGS_PER_WEEK = 50  # of one level: seven a day. Seven levels together then stay below `MAX_COMMON_WINDOWS`
MAX_COMMON_WINDOWS = 400  # of all levels together: a message carries them, and each of its looks reads them


@dataclass(frozen=True, order=True)
class TradingWindow:
    """A weekly window that opens on each of `days` (Monday is 0) and closes at the next `closes`, so it may cross midnight.

    Equal times mean a whole day. Whole minutes only. `days` is kept sorted and without repeats, so a window has eight spans at
    most, however it was written.
    """

    days: tuple[int, ...]
    opens: time
    closes: time

    def __post_init__(self) -> None:
        if not self.days or any(type(day) is not int or not 0 <= day < DAYS_PER_WEEK for day in self.days):
            raise InvalidValue("a trading window has days from 0 (Monday) to 6")
        object.__setattr__(self, "days", tuple(sorted(set(self.days))))
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


def openings_per_week(windows: Iterable[TradingWindow]) -> int:
    """How often the windows open in a week, where windows that touch or overlap count as one."""
    return len(_spans(windows))


def common_windows(one: tuple[TradingWindow, ...], other: tuple[TradingWindow, ...]) -> tuple[TradingWindow, ...]:
    """The windows in which both are open, split at midnight; the same windows for the same minutes, however they were written.

    Takes as many steps as both lists have spans. There are at most `MAX_COMMON_WINDOWS`: lists that were
    stored without a bound may have more, and their later windows stay closed. So an absurd list tightens, and stops no message.
    """
    if one == other:
        return one
    days_of: dict[tuple[time, time], list[int]] = {}
    for start, end in _common(_spans(one), _spans(other)):
        for day in range(start // MINUTES_PER_DAY, (end - 1) // MINUTES_PER_DAY + 1):
            first = max(start - day * MINUTES_PER_DAY, 0)
            last = min(end - day * MINUTES_PER_DAY, MINUTES_PER_DAY)
            days_of.setdefault((_time(first), _time(last)), []).append(day)
    kept = islice(days_of.items(), MAX_COMMON_WINDOWS)
    return tuple(sorted(TradingWindow(tuple(days), opens, closes) for (opens, closes), days in kept))


def _common(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The minutes that both lists of sorted, disjoint spans cover: one walk along both."""
    first, second = iter(one), iter(other)
    here, there = next(first, None), next(second, None)
    while here is not None and there is not None:
        start, end = max(here[0], there[0]), min(here[1], there[1])
        if start < end:
            yield start, end
        if here[1] <= there[1]:
            here = next(first, None)
        else:
            there = next(second, None)


def _spans(windows: Iterable[TradingWindow]) -> list[tuple[int, int]]:
    """The minutes of the week in which one of the windows is open: sorted, disjoint, half-open."""
    return _merged(span for window in windows for span in window.minutes())


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
