"""More market data that needs no key: the book, the market's trades, funding, and candles of mark, index and premium."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from paper_exchange import errors
from paper_exchange.accounts.funding import FUNDING_INTERVAL_MS, next_funding_ms
from paper_exchange.http import render_history as render
from paper_exchange.http.gate import AnyGate, required_symbols
from paper_exchange.http.render_market import kline
from paper_exchange.markets.book import PublicTrade, depth, latest_trades, trades_between, trades_from
from paper_exchange.markets.candles import Bar
from paper_exchange.markets.intervals import require_interval
from paper_exchange.markets.market_view import MarketView
from paper_exchange.requests.requests import Parameters, bounded, required, whole_number
from paper_exchange.requests.signature import KEY_FORMAT

router = APIRouter(prefix="/fapi/v1", tags=["market data"])

DEPTH_LIMITS = (5, 10, 20, 50, 100, 500, 1_000)  # "Order Book": valid limits
DEFAULT_ROWS, MAX_ROWS = 500, 1_000
DEFAULT_FUNDINGS = 100
DEFAULT_KLINES, MAX_KLINES = 500, 1_500
LONGEST_TRADES_HOURS = 1  # "Compressed/Aggregate Trades List": the longest period between startTime and endTime
HOUR_MS = 3_600_000
CONTRACT_TYPES = frozenset({"PERPETUAL", "CURRENT_QUARTER", "NEXT_QUARTER", "TRADIFI_PERPETUAL"})


@router.get("/depth")
async def order_book(gate: AnyGate) -> Response:
    """The book as it is derived from the last candle; -4021 for a limit that is not in the list."""

    def look(view: MarketView, parameters: Parameters) -> Any:
        spec = view.spec(required(parameters, "symbol"))
        limit = whole_number(parameters, "limit", DEFAULT_ROWS) or 0
        if limit not in DEPTH_LIMITS:
            raise errors.invalid_depth_limit(limit)
        last = view.last_price(spec.symbol)
        bar = view.feed.last_bar(spec.symbol, view.now_ms)
        bids, asks = depth(spec, last, bar.volume if bar else last * 0, limit)
        return render.order_book(spec, bids, asks, view.now_ms)

    return await gate.public(look)


@router.get("/trades")
async def trades(gate: AnyGate) -> Response:
    """The market's latest trades."""

    def look(view: MarketView, parameters: Parameters) -> Any:
        spec = view.spec(required(parameters, "symbol"))
        limit = bounded(parameters, "limit", DEFAULT_ROWS, MAX_ROWS)
        return [render.trade(trade, spec) for trade in latest_trades(view, spec.symbol, limit)]

    return await gate.public(look)


@router.get("/historicalTrades")
async def historical_trades(gate: AnyGate) -> Response:
    """The market's trades from `fromId` on; needs a key, though no signature."""

    def look(view: MarketView, parameters: Parameters) -> Any:
        if not KEY_FORMAT.fullmatch(gate.opened.call.api_key):
            raise errors.key_format_invalid()
        spec = view.spec(required(parameters, "symbol"))
        limit = bounded(parameters, "limit", DEFAULT_ROWS, MAX_ROWS)
        first = whole_number(parameters, "fromId")
        found = latest_trades(view, spec.symbol, limit) if first is None else trades_from(view, spec.symbol, first, limit)
        return [render.trade(trade, spec) for trade in found]

    return await gate.public(look)


@router.get("/aggTrades")
async def aggregate_trades(gate: AnyGate) -> Response:
    """The market's trades from `fromId` on, or those of a time, at most an hour apart (-1127)."""

    def look(view: MarketView, parameters: Parameters) -> Any:
        spec = view.spec(required(parameters, "symbol"))
        return [render.aggregate(trade, spec) for trade in _wanted_trades(view, spec.symbol, parameters)]

    return await gate.public(look)


def _wanted_trades(view: MarketView, symbol: str, parameters: Parameters) -> list[PublicTrade]:
    limit = bounded(parameters, "limit", DEFAULT_ROWS, MAX_ROWS)
    first, start = whole_number(parameters, "fromId"), whole_number(parameters, "startTime")
    end = whole_number(parameters, "endTime")
    if start is not None and end is not None:
        if start > end:
            raise errors.start_after_end()
        if end - start > LONGEST_TRADES_HOURS * HOUR_MS:
            raise errors.too_many_hours(LONGEST_TRADES_HOURS)
    if first is not None:
        found = trades_from(view, symbol, first, limit)
        return [trade for trade in found if (start or 0) <= trade.time_ms <= (view.now_ms if end is None else end)]
    if start is not None:
        return trades_between(view, symbol, start, view.now_ms if end is None else end, limit)
    return latest_trades(view if end is None else view.at(min(view.now_ms, end + 1)), symbol, limit)


@router.get("/fundingRate")
async def funding_rates(gate: AnyGate) -> Response:
    """Settled funding, ascending: of one market or of all; a market without a rate has none."""

    def look(view: MarketView, parameters: Parameters) -> Any:
        limit = bounded(parameters, "limit", DEFAULT_FUNDINGS, MAX_ROWS)
        start, end = whole_number(parameters, "startTime"), whole_number(parameters, "endTime")
        if start is not None and end is not None and start > end:
            raise errors.start_after_end()
        rows = [
            (at_ms, symbol)
            for symbol in required_symbols(view, parameters)
            for at_ms in _funding_times(view, symbol, start, end, limit)
        ]
        page = sorted(rows)[:limit] if start is not None else sorted(rows)[-limit:]
        return [render.funding(view.at(at_ms), symbol, at_ms) for at_ms, symbol in page]

    return await gate.public(look)


def _funding_times(view: MarketView, symbol: str, start: int | None, end: int | None, limit: int) -> list[int]:
    """The settlements of a market within a time: the first `limit` from a start, the last ones without."""
    changes = view.state.listings[symbol].funding
    if not changes:
        return []
    first = next_funding_ms(max(changes[0].from_ms, start or 0) - 1)
    until = min(view.now_ms, view.now_ms if end is None else end)
    times = range(first, until + 1, FUNDING_INTERVAL_MS)
    return list(times[:limit] if start is not None else times[-limit:])


@router.get("/fundingInfo")
async def funding_info(gate: AnyGate) -> Response:
    """The bounds and the interval of each market's funding."""
    return await gate.public(lambda view, parameters: [render.funding_info(name) for name in required_symbols(view, {})])


@router.get("/markPriceKlines")
async def mark_klines(gate: AnyGate) -> Response:
    """Candles of the mark price."""
    return await gate.public(_candles("symbol", render.priced_kline, MarketView.mark_candles))


@router.get("/indexPriceKlines")
async def index_klines(gate: AnyGate) -> Response:
    """Candles of the index price, which is the last price here."""
    return await gate.public(_candles("pair", render.priced_kline))


@router.get("/premiumIndexKlines")
async def premium_klines(gate: AnyGate) -> Response:
    """Candles of the premium of the mark over the index price."""
    return await gate.public(_candles("symbol", render.premium_kline, MarketView.premium_candles))


@router.get("/continuousKlines")
async def continuous_klines(gate: AnyGate) -> Response:
    """Candles of a pair's contract; -4104 for any contract but the perpetual."""

    def look(view: MarketView, parameters: Parameters) -> Any:
        required(parameters, "pair")
        contract = required(parameters, "contractType")
        if contract not in CONTRACT_TYPES:
            raise errors.invalid_parameter("contractType")
        if contract != "PERPETUAL":
            raise errors.invalid_contract_type()
        return _candles("pair", kline)(view, parameters)

    return await gate.public(look)


def _candles(
    name: str,
    render_one: Callable[[Bar, str], Any],
    select: Callable[[MarketView, str, str, int | None, int | None, int], list[Bar]] = MarketView.candles,
) -> Callable[[MarketView, Parameters], Any]:
    """Candles as `klines` selects them, each rendered in its own way; `name` is the parameter that names the market."""

    def look(view: MarketView, parameters: Parameters) -> Any:
        symbol, interval = required(parameters, name), require_interval(required(parameters, "interval"))
        if name == "pair" and symbol not in view.state.listings:
            raise errors.invalid_pair()
        view.spec(symbol)
        start, end = whole_number(parameters, "startTime"), whole_number(parameters, "endTime")
        limit = bounded(parameters, "limit", DEFAULT_KLINES, MAX_KLINES)
        return [render_one(bar, interval) for bar in select(view, symbol, interval, start, end, limit)]

    return look
