"""The venue's candle intervals and where their candles begin. A week begins on Monday, a month on its first day, UTC."""

from __future__ import annotations

from datetime import UTC, datetime

from paper_exchange.errors import OperatorError, invalid_interval

MINUTE_MS = 60_000
DAY_MS = 1_440 * MINUTE_MS
FIRST_MONDAY_MS = 4 * DAY_MS  # 1970-01-05; the epoch was a Thursday
MONTH = "1M"
LENGTHS_MS = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": 60 * MINUTE_MS,
    "2h": 120 * MINUTE_MS,
    "4h": 240 * MINUTE_MS,
    "6h": 360 * MINUTE_MS,
    "8h": 480 * MINUTE_MS,
    "12h": 720 * MINUTE_MS,
    "1d": DAY_MS,
    "3d": 3 * DAY_MS,
    "1w": 7 * DAY_MS,
}


def require_interval(name: str) -> str:
    """Return the interval's name; raises `VenueError` -1120."""
    if name != MONTH and name not in LENGTHS_MS:
        raise invalid_interval()
    return name


def base_interval_ms(name: str) -> int:
    """Length of an interval in which candles may be recorded; raises `OperatorError` INTERVAL_UNKNOWN."""
    length = LENGTHS_MS.get(name, 0)
    if not length or length > DAY_MS:
        raise OperatorError("INTERVAL_UNKNOWN", f"candles can be loaded in intervals from 1m to 1d, not {name[:10]!r}")
    return length


def open_of(interval: str, instant_ms: int) -> int:
    """When the candle that contains `instant_ms` opens."""
    if interval == MONTH:
        at = datetime.fromtimestamp(instant_ms / 1000, UTC)
        return int(datetime(at.year, at.month, 1, tzinfo=UTC).timestamp()) * 1000
    offset = FIRST_MONDAY_MS if interval == "1w" else 0
    length = LENGTHS_MS[interval]
    return (instant_ms - offset) // length * length + offset


def next_open(interval: str, open_ms: int) -> int:
    """When the candle after the one that opens at `open_ms` opens: its close."""
    if interval == MONTH:
        at = datetime.fromtimestamp(open_ms / 1000, UTC)
        year, month = (at.year + 1, 1) if at.month == 12 else (at.year, at.month + 1)
        return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000
    return open_ms + LENGTHS_MS[interval]


def opens_before(interval: str, end_ms: int, count: int) -> list[int]:
    """The opening times of the last `count` candles that open before `end_ms`, ascending."""
    opens: list[int] = []
    at = end_ms
    while len(opens) < count and at > 0:
        at = open_of(interval, at - 1)
        opens.append(at)
    return opens[::-1]


def opens_from(interval: str, start_ms: int, end_ms: int, count: int) -> list[int]:
    """The first `count` opening times in `[start_ms, end_ms)`."""
    at = open_of(interval, start_ms)
    if at < start_ms:
        at = next_open(interval, at)
    opens: list[int] = []
    while len(opens) < count and at < end_ms:
        opens.append(at)
        at = next_open(interval, at)
    return opens
