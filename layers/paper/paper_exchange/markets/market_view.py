"""The market as one request sees it: rules, prices and candles at one instant of the market clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from paper_exchange import errors
from paper_exchange.markets.candles import Bar, merge
from paper_exchange.markets.feed import Feed
from paper_exchange.markets.intervals import next_open, open_of, opens_before, opens_from
from paper_exchange.markets.markets import MarketSpec
from paper_exchange.markets.rates import rate_at
from paper_exchange.markets.state import ExchangeState

MARK_STEP = Decimal("0.00000001")  # the decimals of the venue's mark prices
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

    def mark_price(self, symbol: str) -> Decimal:
        ratio = self._ratio_at(symbol, self.now_ms)
        last = self.last_price(symbol)
        return last if ratio == 1 else (last * ratio).quantize(MARK_STEP)

    def mark_ratio(self, symbol: str) -> Decimal:
        return self._ratio_at(symbol, self.now_ms - 1)

    def mark_ratios(self, symbol: str, after_ms: int) -> list[Decimal]:
        self.spec(symbol)
        changes = self.state.listings[symbol].marks
        later = (1 + change.rate for change in changes if after_ms < change.from_ms <= self.now_ms)
        return [self._ratio_at(symbol, after_ms), *later]

    def _ratio_at(self, symbol: str, market_ms: int) -> Decimal:
        self.spec(symbol)
        return 1 + rate_at(self.state.listings[symbol].marks, market_ms)

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

    def mark_candles(self, symbol: str, interval: str, start_ms: int | None, end_ms: int | None, limit: int) -> list[Bar]:
        """The same candles of the mark price."""
        return [self._marked(symbol, interval, bar) for bar in self.candles(symbol, interval, start_ms, end_ms, limit)]

    def premium_candles(self, symbol: str, interval: str, start_ms: int | None, end_ms: int | None, limit: int) -> list[Bar]:
        """Candles of the mark's distance from the index price, which is the last price, as a fraction."""
        found = []
        for bar in self.candles(symbol, interval, start_ms, end_ms, limit):
            then = self.at(min(next_open(interval, bar.open_ms) - 1, self.now_ms))
            rates = [ratio - 1 for ratio in then.mark_ratios(symbol, bar.open_ms)]
            found.append(Bar(bar.open_ms, rates[0], max(rates), min(rates), rates[-1], Decimal(0)))
        return found

    def _marked(self, symbol: str, interval: str, bar: Bar) -> Bar:
        """A candle of the mark price: built from its base candles if the distance has changed within it."""
        closes = min(next_open(interval, bar.open_ms), self.now_ms)
        if len(self.at(closes - 1).mark_ratios(symbol, bar.open_ms)) == 1:
            return _scaled(bar, self._ratio_at(symbol, bar.open_ms))
        base = self.feed.interval_ms(symbol)
        parts = self.feed.bars(symbol, bar.open_ms, closes - base + 1)
        return merge(bar.open_ms, [_scaled(part, self._ratio_at(symbol, part.open_ms + base - 1)) for part in parts] or [bar])

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


def _scaled(bar: Bar, ratio: Decimal) -> Bar:
    if ratio == 1:
        return bar
    opened, high, low, close = ((price * ratio).quantize(MARK_STEP) for price in (bar.open, bar.high, bar.low, bar.close))
    return Bar(bar.open_ms, opened, high, low, close, bar.volume)
