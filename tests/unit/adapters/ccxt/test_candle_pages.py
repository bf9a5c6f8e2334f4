"""Candles in pages: a venue lists so many from a start on, and begins with a market's first candle after any earlier start."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from candlecast.adapters.ccxt.clients import Templates
from candlecast.adapters.ccxt.market_data import CANDLES_AT_ONCE, CcxtMarketData
from candlecast.domain.values.timeframe import Timeframe
from tests.support.builders import BTC, NOW

MINUTE_MS = 60_000
NOW_MS = round(NOW.timestamp() * 1000)


class Listing:
    """A market of a certain age, as Binance lists its candles."""

    def __init__(self, age_minutes: int) -> None:
        self.timeframes, self.markets, self.last_response_headers = ("1m", "5m"), (BTC,), None
        self.first_ms = NOW_MS - age_minutes * MINUTE_MS
        self.limits: list[int] = []

    def fetch_ohlcv(self, market: str, timeframe: str, since: int, limit: int) -> list[list[Any]]:
        self.limits.append(limit)
        length = Timeframe(timeframe).milliseconds
        start = max(since, self.first_ms)
        opens = range(start, NOW_MS, length)[:limit]
        return [[opened, *[Decimal(1)] * 5] for opened in opens]


def data_of(listing: Listing) -> CcxtMarketData:
    return CcxtMarketData(cast(Templates, SimpleNamespace(of=lambda venue: listing)))


@pytest.mark.parametrize(("count", "limits"), [(1, [1]), (1_000, [1_000]), (1_001, [1_000, 1]), (1_500, [1_000, 500])])
def test_a_thousand_candles_are_asked_for_at_once(count: int, limits: list[int]) -> None:
    listing = Listing(age_minutes=10_000)
    found = data_of(listing).candles("venue", BTC, Timeframe.M1, NOW, count)
    assert listing.limits == limits
    assert max(limits) <= CANDLES_AT_ONCE
    assert [candle.open_time for candle in found] == [NOW - timedelta(minutes=count - number) for number in range(count)]


def test_a_young_market_has_each_of_its_candles_once() -> None:
    found = data_of(Listing(age_minutes=300)).candles("venue", BTC, Timeframe.M1, NOW, 1_500)
    assert [candle.open_time for candle in found] == [NOW - timedelta(minutes=300 - number) for number in range(300)]


def test_a_length_that_the_venue_lacks_is_made_of_as_many_pages_as_it_takes() -> None:
    listing = Listing(age_minutes=20_000)
    found = data_of(listing).candles("venue", BTC, Timeframe.M10, NOW, 1_500)
    assert (listing.limits, len(found), found[-1].close_time(Timeframe.M10)) == ([1_000] * 3, 1_500, NOW)
