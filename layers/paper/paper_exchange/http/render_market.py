"""Public answers in the venue's shapes: markets, prices, candles."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from paper_exchange.accounts.funding import next_funding_ms
from paper_exchange.markets.candles import Bar
from paper_exchange.markets.intervals import next_open
from paper_exchange.markets.market_view import MarketView
from paper_exchange.markets.markets import TRIGGER_PROTECT, MarketSpec
from paper_exchange.traffic.rate_limits import RateLimits

NEVER_DELIVERED_MS = 4_133_404_800_000  # the venue's delivery date of perpetuals
ORDER_TYPES = ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"]
DAY_MS = 86_400_000


def number(value: Decimal, places: int | None = None) -> str:
    """A number as the venue writes it: plain digits, with exactly `places` decimals if given."""
    if places is not None:
        return f"{value:.{places}f}"
    text = format(value.normalize(), "f")
    return "0" if text == "-0" else text


def exchange_info(specs: list[MarketSpec], limits: RateLimits, wall_ms: int, market_ms: int) -> dict[str, Any]:
    assets = sorted({asset for spec in specs for asset in (spec.base, spec.quote)})
    return {
        "timezone": "UTC",
        "serverTime": wall_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": [
            _rate_limit("REQUEST_WEIGHT", "MINUTE", 1, limits.weight_per_minute),
            *order_limits(limits),
        ],
        "exchangeFilters": [],
        "assets": [{"asset": asset, "marginAvailable": True, "autoAssetExchange": "-10000"} for asset in assets],
        "symbols": [_symbol(spec, market_ms) for spec in specs],
    }


def order_limits(limits: RateLimits) -> list[dict[str, Any]]:
    """How many orders an account may send."""
    return [
        _rate_limit("ORDERS", "MINUTE", 1, limits.orders_per_minute),
        _rate_limit("ORDERS", "SECOND", 10, limits.orders_per_ten_seconds),
    ]


def _rate_limit(kind: str, interval: str, number_of: int, limit: int) -> dict[str, Any]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number_of, "limit": limit}


def _symbol(spec: MarketSpec, market_ms: int) -> dict[str, Any]:
    return {
        "symbol": spec.symbol,
        "pair": spec.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": spec.delivery_ms or NEVER_DELIVERED_MS,
        "onboardDate": 1_569_398_400_000,
        "status": "SETTLING" if spec.has_ended(market_ms) else "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": spec.base,
        "quoteAsset": spec.quote,
        "marginAsset": spec.quote,
        "pricePrecision": spec.price_decimals,
        "quantityPrecision": spec.quantity_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": number(TRIGGER_PROTECT, 4),
        "liquidationFee": "0.012500",
        "marketTakeBound": number(spec.multiplier_up - 1),
        "maxMoveOrderLimit": 10_000,
        "filters": _filters(spec),
        "orderTypes": ORDER_TYPES,
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
    }


def _filters(spec: MarketSpec) -> list[dict[str, Any]]:
    step, smallest = number(spec.step_size), number(spec.min_quantity)
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": number(spec.min_price),
            "maxPrice": number(spec.max_price),
            "tickSize": number(spec.tick_size),
        },
        {"filterType": "LOT_SIZE", "minQty": smallest, "maxQty": number(spec.max_quantity), "stepSize": step},
        {"filterType": "MARKET_LOT_SIZE", "minQty": smallest, "maxQty": number(spec.max_market_quantity), "stepSize": step},
        {"filterType": "MAX_NUM_ORDERS", "limit": spec.max_orders},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": spec.max_algo_orders},
        {"filterType": "MIN_NOTIONAL", "notional": number(spec.min_notional)},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": number(spec.multiplier_up, 4),
            "multiplierDown": number(spec.multiplier_down, 4),
            "multiplierDecimal": "4",
        },
    ]


def kline(bar: Bar, interval: str) -> list[Any]:
    """A candle as a row. Turnover is estimated at the close; the taker's share, which nobody recorded, at a half."""
    turnover = bar.volume * bar.close
    return [
        bar.open_ms,
        number(bar.open),
        number(bar.high),
        number(bar.low),
        number(bar.close),
        number(bar.volume),
        next_open(interval, bar.open_ms) - 1,
        number(turnover),
        1 if bar.volume else 0,
        number(bar.volume / 2),
        number(turnover / 2),
        "0",
    ]


def price_ticker(view: MarketView, symbol: str) -> dict[str, Any]:
    return {"symbol": symbol, "price": number(view.last_price(symbol)), "time": view.now_ms}


def book_ticker(view: MarketView, symbol: str) -> dict[str, Any]:
    spec, last = view.spec(symbol), view.last_price(symbol)
    depth = number(spec.max_market_quantity)
    return {
        "symbol": symbol,
        "bidPrice": number(spec.bid(last)),
        "bidQty": depth,
        "askPrice": number(spec.ask(last)),
        "askQty": depth,
        "time": view.now_ms,
    }


def day_ticker(view: MarketView, symbol: str) -> dict[str, Any]:
    """The rolling 24 hours, from base candles."""
    last = view.last_price(symbol)
    bars = view.closed_bars(symbol, view.now_ms - DAY_MS)
    opened = bars[0].open if bars else last
    volume = sum((bar.volume for bar in bars), Decimal(0))
    turnover = sum((bar.volume * bar.close for bar in bars), Decimal(0))
    change = last - opened
    return {
        "symbol": symbol,
        "priceChange": number(change),
        "priceChangePercent": number(change / opened * 100, 3),
        "weightedAvgPrice": number(turnover / volume if volume else last, 8),
        "lastPrice": number(last),
        "lastQty": "0",
        "openPrice": number(opened),
        "highPrice": number(max((bar.high for bar in bars), default=last)),
        "lowPrice": number(min((bar.low for bar in bars), default=last)),
        "volume": number(volume),
        "quoteVolume": number(turnover),
        "openTime": bars[0].open_ms if bars else view.now_ms,
        "closeTime": view.now_ms,
        "firstId": 0,
        "lastId": 0,
        "count": len(bars),
    }


def premium_index(view: MarketView, symbol: str) -> dict[str, Any]:
    """The index price is the last price here; there is no next funding in a market without a rate."""
    price = number(view.last_price(symbol), 8)
    return {
        "symbol": symbol,
        "markPrice": number(view.mark_price(symbol), 8),
        "indexPrice": price,
        "estimatedSettlePrice": price,
        "lastFundingRate": number(view.funding_rate(symbol), 8),
        "interestRate": "0.00000000",
        "nextFundingTime": next_funding_ms(view.now_ms) if view.pays_funding(symbol) else 0,
        "time": view.now_ms,
    }


def leverage_brackets(spec: MarketSpec) -> dict[str, Any]:
    return {
        "symbol": spec.symbol,
        "notionalCoef": 1.0,
        "brackets": [
            {
                "bracket": index,
                "initialLeverage": bracket.leverage,
                "notionalCap": int(bracket.cap),
                "notionalFloor": int(bracket.floor),
                "maintMarginRatio": float(bracket.maintenance_rate),
                "cum": float(bracket.cumulative),
            }
            for index, bracket in enumerate(spec.brackets(), start=1)
        ],
    }
