"""Closed candles and the rules that keep a strategy from seeing anything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import require_decimal, require_utc
from candlecast.domain.values.timeframe import Timeframe


class CandleError(InvalidValue):
    """A candle, or a row of candles, that breaks a rule; `code` says which."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, code)


@dataclass(frozen=True)
class Candle:
    """One bar of one market: prices in quote per base, volume in base units (or contracts, as the venue counts)."""

    open_time: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal

    def __post_init__(self) -> None:
        require_utc("open_time", self.open_time)
        for name in ("open", "high", "low", "close"):
            require_decimal(name, getattr(self, name), positive=True)
        require_decimal("volume", self.volume, non_negative=True)
        if self.high < max(self.open, self.close) or self.low > min(self.open, self.close):
            raise CandleError(
                "CANDLE_INCONSISTENT",
                f"open {self.open} and close {self.close} must lie between low {self.low} and high {self.high}",
            )

    def close_time(self, timeframe: Timeframe) -> datetime:
        """The instant at which this candle closed, if it is one of `timeframe`."""
        return self.open_time + timeframe.length


@dataclass(frozen=True)
class ClosedCandles:
    """Candles up to and including the one that closed at the requested instant; never empty, ascending."""

    candles: tuple[Candle, ...]


@dataclass(frozen=True)
class NotPublished:
    """The venue has not published the requested candle yet; `last_close` is the latest that it has."""

    close: datetime
    last_close: datetime | None


@dataclass(frozen=True)
class Gap:
    """`missing` candles between the one that opened at `after` and the one that opened at `before`."""

    after: datetime
    before: datetime
    missing: int


def closed_before(candles: Sequence[Candle], timeframe: Timeframe, close: datetime) -> ClosedCandles | NotPublished:
    """Select the candles that were closed at `close`.

    A candle that closes later is dropped, a candle in the making above all, so no decision on the result can look ahead. The last
    candle of a `ClosedCandles` closed at exactly `close`. If that candle is absent, the answer is `NotPublished`, even with
    others.

    Raises `CandleError` CANDLES_UNSORTED or CANDLE_MISALIGNED, `TimeframeError` NOT_A_BOUNDARY.
    """
    timeframe.require_close(close)
    _require_ascending(candles, timeframe)
    closed = tuple(candle for candle in candles if candle.close_time(timeframe) <= close)
    last_close = closed[-1].close_time(timeframe) if closed else None
    if last_close != close:
        return NotPublished(close, last_close)
    return ClosedCandles(closed)


def check_contiguous(candles: Sequence[Candle], timeframe: Timeframe) -> tuple[Gap, ...]:
    """Every gap between neighbours, ascending; empty if each candle opens where the one before it closed.

    Raises `CandleError` CANDLES_UNSORTED or CANDLE_MISALIGNED.
    """
    _require_ascending(candles, timeframe)
    gaps = []
    for earlier, later in pairwise(candles):
        missing = (later.open_time - earlier.open_time) // timeframe.length - 1
        if missing:
            gaps.append(Gap(earlier.open_time, later.open_time, missing))
    return tuple(gaps)


def aggregate(candles: Sequence[Candle], from_timeframe: Timeframe, to_timeframe: Timeframe) -> tuple[Candle, ...]:
    """Build candles of a timeframe that the venue does not serve from smaller ones.

    A candle with a missing part is dropped, at either end or in the middle: half a candle would be a different candle.
    Raises `CandleError` CANDLES_UNSORTED, CANDLE_MISALIGNED, or AGGREGATION_IMPOSSIBLE if the lengths do not fit.
    """
    if not from_timeframe.divides(to_timeframe):
        raise CandleError("AGGREGATION_IMPOSSIBLE", f"{to_timeframe} is not made of whole {from_timeframe} candles")
    _require_ascending(candles, from_timeframe)
    buckets: dict[datetime, list[Candle]] = {}
    for candle in candles:
        buckets.setdefault(to_timeframe.floor(candle.open_time), []).append(candle)
    parts = to_timeframe.minutes // from_timeframe.minutes
    return tuple(_merge(opened, bucket) for opened, bucket in buckets.items() if len(bucket) == parts)


def _merge(opened: datetime, bucket: Sequence[Candle]) -> Candle:
    return Candle(
        open_time=opened,
        open=bucket[0].open,
        high=max(candle.high for candle in bucket),
        low=min(candle.low for candle in bucket),
        close=bucket[-1].close,
        volume=sum((candle.volume for candle in bucket), Decimal(0)),
    )


def _require_ascending(candles: Sequence[Candle], timeframe: Timeframe) -> None:
    previous: datetime | None = None
    for candle in candles:
        if not timeframe.is_close(candle.open_time):
            raise CandleError("CANDLE_MISALIGNED", f"no {timeframe} candle opens at {candle.open_time.isoformat()}")
        if previous is not None and candle.open_time <= previous:
            raise CandleError("CANDLES_UNSORTED", f"{candle.open_time.isoformat()} does not follow {previous.isoformat()}")
        previous = candle.open_time
