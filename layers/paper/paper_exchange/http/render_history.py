"""The market's own history in the venue's shapes: book, trades, funding, candles of derived prices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from paper_exchange.accounts.funding import FUNDING_INTERVAL_MS
from paper_exchange.http.render_market import number
from paper_exchange.markets.book import Level, PublicTrade
from paper_exchange.markets.candles import Bar
from paper_exchange.markets.intervals import next_open
from paper_exchange.markets.market_view import MarketView
from paper_exchange.markets.markets import MarketSpec
from paper_exchange.markets.rates import MAX_RATE

RATE_PLACES = 8
HOUR_MS = 3_600_000


def order_book(spec: MarketSpec, bids: Sequence[Level], asks: Sequence[Level], now_ms: int) -> dict[str, Any]:
    """`lastUpdateId` grows with market time."""
    return {
        "lastUpdateId": now_ms,
        "E": now_ms,
        "T": now_ms,
        "bids": [_level(level, spec) for level in bids],
        "asks": [_level(level, spec) for level in asks],
    }


def _level(level: Level, spec: MarketSpec) -> list[str]:
    price, quantity = level
    return [number(price, spec.price_decimals), number(quantity, spec.quantity_decimals)]


def trade(trade: PublicTrade, spec: MarketSpec) -> dict[str, Any]:
    return {
        "id": trade.trade_id,
        "price": number(trade.price, spec.price_decimals),
        "qty": number(trade.quantity),
        "quoteQty": number(trade.price * trade.quantity),
        "time": trade.time_ms,
        "isBuyerMaker": trade.taker_sells,
        "isRPITrade": False,
    }


def aggregate(trade: PublicTrade, spec: MarketSpec) -> dict[str, Any]:
    """A trade as an aggregate of itself: no two lie close together."""
    return {
        "a": trade.trade_id,
        "p": number(trade.price, spec.price_decimals),
        "q": number(trade.quantity),
        "nq": number(trade.quantity),
        "f": trade.trade_id,
        "l": trade.trade_id,
        "T": trade.time_ms,
        "m": trade.taker_sells,
    }


def funding(view: MarketView, symbol: str, at_ms: int) -> dict[str, Any]:
    """A settlement, seen from its own moment."""
    return {
        "symbol": symbol,
        "fundingTime": at_ms,
        "fundingRate": number(view.funding_rate(symbol), RATE_PLACES),
        "markPrice": number(view.mark_price(symbol), RATE_PLACES),
    }


def funding_info(symbol: str) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "adjustedFundingRateCap": number(MAX_RATE, RATE_PLACES),
        "adjustedFundingRateFloor": number(-MAX_RATE, RATE_PLACES),
        "fundingIntervalHours": FUNDING_INTERVAL_MS // HOUR_MS,
        "disclaimer": False,
    }


def priced_kline(bar: Bar, interval: str) -> list[Any]:
    """A candle of a price that nobody trades at: prices alone, volumes zero."""
    prices = [number(price) for price in (bar.open, bar.high, bar.low, bar.close)]
    return _without_volume(bar, interval, prices)


def premium_kline(bar: Bar, interval: str) -> list[Any]:
    """A candle of the mark's premium over the index price, as fractions."""
    return _without_volume(bar, interval, [number(rate, RATE_PLACES) for rate in (bar.open, bar.high, bar.low, bar.close)])


def _without_volume(bar: Bar, interval: str, prices: list[str]) -> list[Any]:
    closes = next_open(interval, bar.open_ms) - 1
    return [bar.open_ms, *prices, "0", closes, "0", (closes + 1 - bar.open_ms) // 60_000, "0", "0", "0"]
