"""The market as one request sees it: rules, prices and candles at one instant of the market clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from paper_exchange import errors
from paper_exchange.markets.candles import Bar, merge
from paper_exchange.markets.feed import Feed
from paper_exchange.markets.funding_rates import rate_at
from paper_exchange.markets.intervals import next_open, open_of, opens_before, opens_from
from paper_exchange.markets.markets import MarketSpec
from paper_exchange.markets.state import ExchangeState

CACHED_CANDLES = 50_000  # aggregated candles kept for the next request, about 30 MB


@dataclass(frozen=True, slots=True)
class MarketView:
    """Implements `quotes.Quotes` and builds candles of any interval from the base candles."""

    state: ExchangeState
    feed: Feed
    now_ms: int
    aggregated: dict[tuple[str, str, int], Bar]

    def at(self, market_ms: int) -> MarketView:
        return replace(self, now_ms=market_ms)

    def spec(self, symbol: str) -> MarketSpec:
        listing = self.state.listings.get(symbol)
        if listing is None:
            raise errors.invalid_symbol()
        return listing.spec

    def last_price(self, symbol: str) -> Decimal:
        self.spec(symbol)
        bar = self.feed.last_bar(symbol, self.now_ms)
        if bar is None:
            raise errors.no_price()
        return bar.close

    @property
    def liquidates(self) -> bool:
        return self.state.liquidating

    def funding_rate(self, symbol: str) -> Decimal:
        self.spec(symbol)
        return rate_at(self.state.listings[symbol].funding, self.now_ms)

    def pays_funding(self, symbol: str) -> bool:
        self.spec(symbol)
        return bool(self.state.listings[symbol].funding)

    def interval_ms(self, symbol: str) -> int:
        return self.feed.interval_ms(symbol)

    def closed_bars(self, symbol: str, after_ms: int) -> Sequence[Bar]:
        interval = self.feed.interval_ms(symbol)
        return self.feed.bars(symbol, after_ms - interval + 1, self.now_ms - interval + 1)

    def candles(self, symbol: str, interval: str, start_ms: int | None, end_ms: int | None, limit: int) -> list[Bar]:
        """Candles of `interval` that open within `[start_ms, end_ms]`: the first `limit` from a start, the last ones without.

        The last one may be still in the making; it holds what has closed of it so far, never anything later. A closed candle with
        missing base candles is left out. Raises `VenueError` -1120 for an interval shorter than the base candles.
        """
        if next_open(interval, 0) < self.feed.interval_ms(symbol):
            raise errors.invalid_interval()
        end = self.now_ms + 1 if end_ms is None else min(end_ms, self.now_ms) + 1
        opens = opens_before(interval, end, limit) if start_ms is None else opens_from(interval, start_ms, end, limit)
        self._aggregate([opened for opened in opens if not self._is_cached(symbol, interval, opened)], symbol, interval)
        candles = (self._candle(symbol, interval, opened) for opened in opens)
        return [candle for candle in candles if candle is not None]

    def _is_cached(self, symbol: str, interval: str, opened: int) -> bool:
        return (self.feed.cache_key(symbol), interval, opened) in self.aggregated

    def _candle(self, symbol: str, interval: str, opened: int) -> Bar | None:
        """A closed candle from the cache, or the one in the making."""
        if next_open(interval, opened) <= self.now_ms:
            return self.aggregated.get((self.feed.cache_key(symbol), interval, opened))
        base = self.feed.interval_ms(symbol)
        parts = self.feed.bars(symbol, opened, self.now_ms - base + 1)
        if parts:
            return merge(opened, parts)
        last = self.feed.last_bar(symbol, self.now_ms)
        return None if last is None else Bar(opened, last.close, last.close, last.close, last.close, Decimal(0))

    def _aggregate(self, missing: list[int], symbol: str, interval: str) -> None:
        """Build the closed ones among `missing` and keep them."""
        closed = [opened for opened in missing if next_open(interval, opened) <= self.now_ms]
        if not closed:
            return
        if len(self.aggregated) > CACHED_CANDLES:
            self.aggregated.clear()
        base, key = self.feed.interval_ms(symbol), self.feed.cache_key(symbol)
        parts: dict[int, list[Bar]] = {}
        for bar in self.feed.bars(symbol, closed[0], next_open(interval, closed[-1])):
            parts.setdefault(open_of(interval, bar.open_ms), []).append(bar)
        for opened in closed:
            bars = parts.get(opened, [])
            if len(bars) * base == next_open(interval, opened) - opened:
                self.aggregated[key, interval, opened] = merge(opened, bars)
