"""Market data that needs no key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from paper_exchange.http import render_market as render
from paper_exchange.http.gate import AnyGate, required_symbols
from paper_exchange.markets.intervals import require_interval
from paper_exchange.markets.market_view import MarketView
from paper_exchange.requests.requests import Parameters, bounded, required, whole_number

router = APIRouter(prefix="/fapi", tags=["market data"])

DEFAULT_KLINES = 500
MAX_KLINES = 1_500


@router.get("/v1/ping")
async def ping(gate: AnyGate) -> Response:
    """Tells that the venue answers."""
    return await gate.public(lambda view, parameters: {})


@router.get("/v1/time")
async def time(gate: AnyGate) -> Response:
    """Wall time, which signatures are dated with."""
    return await gate.public(lambda view, parameters: {"serverTime": gate.opened.wall_ms})


@router.get("/v1/exchangeInfo")
async def exchange_info(gate: AnyGate) -> Response:
    """Markets with their filters."""

    def look(view: MarketView, parameters: Parameters) -> Any:
        specs = [view.spec(symbol) for symbol in required_symbols(view, {})]
        return render.exchange_info(specs, view.state.limits, gate.opened.wall_ms, view.now_ms)

    return await gate.public(look)


@router.get("/v1/klines")
async def klines(gate: AnyGate) -> Response:
    """Candles; the last candle may still be in the making."""

    def look(view: MarketView, parameters: Parameters) -> Any:
        symbol, interval = required(parameters, "symbol"), require_interval(required(parameters, "interval"))
        view.spec(symbol)
        start, end = whole_number(parameters, "startTime"), whole_number(parameters, "endTime")
        limit = bounded(parameters, "limit", DEFAULT_KLINES, MAX_KLINES)
        return [render.kline(bar, interval) for bar in view.candles(symbol, interval, start, end, limit)]

    return await gate.public(look)


@router.get("/v1/ticker/price")
@router.get("/v2/ticker/price")
async def ticker_price(gate: AnyGate) -> Response:
    """Last prices."""
    return await gate.public(_of_symbols(render.price_ticker))


@router.get("/v1/ticker/bookTicker")
async def ticker_book(gate: AnyGate) -> Response:
    """Best bid and ask: the last price with half a spread on either side."""
    return await gate.public(_of_symbols(render.book_ticker))


@router.get("/v1/ticker/24hr")
async def ticker_day(gate: AnyGate) -> Response:
    """The last 24 hours of market time."""
    return await gate.public(_of_symbols(render.day_ticker))


@router.get("/v1/premiumIndex")
async def premium_index(gate: AnyGate) -> Response:
    """Mark prices."""
    return await gate.public(_of_symbols(render.premium_index))


def _of_symbols(render_one: Callable[[MarketView, str], Any]) -> Callable[[MarketView, Parameters], Any]:
    """One symbol gives an object, none a list of all, as at the venue."""

    def look(view: MarketView, parameters: Parameters) -> Any:
        rows = [render_one(view, symbol) for symbol in required_symbols(view, parameters)]
        return rows[0] if "symbol" in parameters else rows

    return look
