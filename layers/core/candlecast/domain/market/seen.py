"""The candles of a decision, in brief: enough to tell later whether others are the same, and which one is not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from candlecast.domain.market.candle import Candle
from candlecast.domain.values.ids import digest
from candlecast.domain.values.timeframe import EPOCH

MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, kw_only=True)
class SeenCandles:
    """The candles of one decision: how many from which opening, their digest, and the newest with its numbers.

    A venue may revise a candle later. The digest shows that; the newest candles of successive decisions show which one it was.
    """

    first_open: datetime
    rows: int
    newest: Candle
    digest: str

    @staticmethod
    def of(candles: Sequence[Candle]) -> SeenCandles:
        """Of at least one candle, oldest first."""
        return SeenCandles(
            first_open=candles[0].open_time, rows=len(candles), newest=candles[-1], digest=digest_of(map(text_of, candles))
        )


def digest_of(texts: Iterable[str]) -> str:
    """The digest of candles by their texts (`text_of`), oldest first."""
    return digest("candles", *texts)


def text_of(candle: Candle) -> str:
    """The candle as its digest reads it."""
    numbers = candle.open, candle.high, candle.low, candle.close, candle.volume
    return " ".join((str((candle.open_time - EPOCH) // MILLISECOND), *map(_plain, numbers)))


def _plain(value: Decimal) -> str:
    """The number as everybody writes it: 50000.10 and 5.00001E+4 are one."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
