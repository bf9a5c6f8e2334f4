"""The digest of a decision's candles: equal for equal candles, and for no others."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from candlecast.domain.market.candle import Candle
from candlecast.domain.market.seen import SeenCandles
from tests.support.builders import NOW, candles_until

CANDLES = candles_until(NOW, 3)


def test_first_opening_rows_and_newest_are_kept() -> None:
    seen = SeenCandles.of(CANDLES)
    assert (seen.first_open, seen.rows, seen.newest) == (CANDLES[0].open_time, 3, CANDLES[-1])


def test_a_number_is_one_however_it_is_written() -> None:
    candle = Candle(NOW, *(Decimal(text) for text in ("50000.10", "50100", "5E+4", "50000.1", "0.0")))
    other = Candle(NOW, *(Decimal(text) for text in ("50000.1", "50100.00", "50000", "5.00001E+4", "0")))
    assert SeenCandles.of([candle]).digest == SeenCandles.of([other]).digest


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume"])
@pytest.mark.parametrize("row", range(3))
def test_each_number_of_each_row_counts(row: int, name: str) -> None:
    candle = CANDLES[row]
    low = candle.low / 2
    changed = {
        "open": replace(candle, open=low, low=low),
        "high": replace(candle, high=candle.high + 1),
        "low": replace(candle, low=low),
        "close": replace(candle, close=low, low=low),
        "volume": replace(candle, volume=candle.volume + 1),
    }
    candles = [*CANDLES[:row], changed[name], *CANDLES[row + 1 :]]
    assert SeenCandles.of(candles).digest != SeenCandles.of(CANDLES).digest


def test_openings_and_the_number_of_rows_count() -> None:
    later = [replace(candle, open_time=candle.open_time + timedelta(minutes=1)) for candle in CANDLES]
    digests = {SeenCandles.of(each).digest for each in (CANDLES, CANDLES[1:], CANDLES[:-1], later)}
    assert len(digests) == 4
