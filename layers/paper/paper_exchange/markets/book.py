"""The public order book and the public trades: derived from the recorded candles, the same for every request.

A candle says nothing of its book or its trades, so both are made up by fixed rules. Nothing is drawn at random. The same candles
give the same answer in every process and at every moment.

- **Trades.** A closed candle with volume becomes at most four trades: its open, its two extremes, its close. They lie at its
  beginning, after one and two thirds, and in its last millisecond. A rising candle sees its low first, a falling candle its high.
  Each trade takes a fourth part of the volume in whole steps; the close takes the rest. Together they have its prices and
  volume. The number of a trade is four times the number of its candle since 1970, and its place in the candle.
- **Depth.** The best levels are those of the book ticker, at which any market order fills. Levels behind them lie one to three
  ticks apart and hold a share of the last candle's volume. Gaps and shares are a hash of the symbol and the last price.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from paper_exchange.markets.candles import Bar
from paper_exchange.markets.market_view import MarketView
from paper_exchange.markets.markets import MarketSpec

TRADES_A_BAR = 4
SHARES = 8  # a level holds between one and eight eighths of the last candle's volume
LEVEL_GAPS = 3  # levels are one to three ticks apart

Level = tuple[Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class PublicTrade:
    """A trade of the market, of nobody's account; `taker_sells` if it took the bid."""

    trade_id: int
    price: Decimal
    quantity: Decimal
    time_ms: int
    taker_sells: bool


def trades_of(bar: Bar, interval_ms: int, spec: MarketSpec) -> Iterator[PublicTrade]:
    """The trades of a closed candle, ascending; a candle without volume has none."""
    rises = bar.close >= bar.open
    prices = (bar.open, bar.low, bar.high, bar.close) if rises else (bar.open, bar.high, bar.low, bar.close)
    third = interval_ms // (TRADES_A_BAR - 1)
    quarter = spec.whole_steps(bar.volume / TRADES_A_BAR)
    quantities = (*(quarter,) * (TRADES_A_BAR - 1), bar.volume - quarter * (TRADES_A_BAR - 1))
    before = bar.open
    for place, (price, quantity) in enumerate(zip(prices, quantities, strict=True)):
        if quantity:
            time_ms = bar.open_ms + min(place * third, interval_ms - 1)
            yield PublicTrade(first_id(bar.open_ms, interval_ms) + place, price, quantity, time_ms, price < before)
        before = price


def first_id(open_ms: int, interval_ms: int) -> int:
    """The number of the first trade of the candle that opens then."""
    return open_ms // interval_ms * TRADES_A_BAR


def latest_trades(view: MarketView, symbol: str, limit: int) -> list[PublicTrade]:
    """The last trades before now, at most `limit`, ascending."""
    spec, interval = view.spec(symbol), view.interval_ms(symbol)
    found: list[PublicTrade] = []
    bars = -(-limit // TRADES_A_BAR)
    end = view.now_ms
    while len(found) < limit:
        begin = end - bars * interval
        closed = view.at(end).closed_bars(symbol, begin) if begin > 0 else []
        if not closed:
            break
        earlier = [trade for bar in closed for trade in trades_of(bar, interval, spec)]
        if not earlier:  # candles without volume: nothing traded there, and nobody looks further back than this
            break
        found = earlier + found
        end = begin
    return found[-limit:]


def trades_from(view: MarketView, symbol: str, trade_id: int, limit: int) -> list[PublicTrade]:
    """The first trades from a number on."""
    interval = view.interval_ms(symbol)
    return _after(view, symbol, trade_id // TRADES_A_BAR * interval, limit, lambda trade: trade.trade_id >= trade_id)


def trades_between(view: MarketView, symbol: str, start_ms: int, end_ms: int, limit: int) -> list[PublicTrade]:
    """The first trades within `[start_ms, end_ms]`."""
    interval = view.interval_ms(symbol)
    found = _after(view, symbol, start_ms // interval * interval, limit, lambda trade: trade.time_ms >= start_ms)
    return [trade for trade in found if trade.time_ms <= end_ms]


def _after(view: MarketView, symbol: str, open_ms: int, limit: int, wanted: Callable[[PublicTrade], bool]) -> list[PublicTrade]:
    """The first wanted trades of the candles that open from then on: as many candles as could hold them."""
    spec, interval = view.spec(symbol), view.interval_ms(symbol)
    until = min(view.now_ms, open_ms + (limit + 1) * interval)
    bars = view.at(until).closed_bars(symbol, open_ms + interval - 1) if until > open_ms else []
    return [trade for bar in bars for trade in trades_of(bar, interval, spec) if wanted(trade)][:limit]


def depth(spec: MarketSpec, last: Decimal, volume: Decimal, limit: int) -> tuple[list[Level], list[Level]]:
    """Bids and asks around a last price, best first, at most `limit` of each; bids end at the market's smallest price."""
    bids = _levels(spec, spec.bid(last), -spec.tick_size, volume, f"{spec.symbol}/{last}/bid", limit)
    return bids, _levels(spec, spec.ask(last), spec.tick_size, volume, f"{spec.symbol}/{last}/ask", limit)


def _levels(spec: MarketSpec, best: Decimal, tick: Decimal, volume: Decimal, seed: str, limit: int) -> list[Level]:
    levels: list[Level] = [(best, spec.max_market_quantity)]
    price = best
    pattern = hashlib.shake_128(seed.encode()).digest(limit)
    for place in range(1, limit):
        price += tick * (1 + pattern[place] % LEVEL_GAPS)
        if not spec.min_price <= price <= spec.max_price:
            break
        share = Decimal(1 + pattern[place] % SHARES) / SHARES
        levels.append((price, max(spec.whole_steps(volume * share), spec.min_quantity)))
    return levels


def matched_price(spec: MarketSpec, last: Decimal, match: str, *, buys: bool) -> Decimal | None:
    """The price that `priceMatch` means, None where the book has no such level.

    OPPONENT is the best price across the book and QUEUE the best on the order's own side; a number is the level's place.
    """
    side, _, place = match.partition("_")
    level = int(place or 1)
    bids, asks = depth(spec, last, Decimal(0), level)
    levels = asks if (side == "OPPONENT") == buys else bids
    return levels[level - 1][0] if len(levels) >= level else None
