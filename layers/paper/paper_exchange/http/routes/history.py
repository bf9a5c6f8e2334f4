"""The history of an account: all orders, executions, liquidations and incomes, by id or by time (wall time)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import islice, takewhile
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from paper_exchange import errors
from paper_exchange.accounts.account import Fill, Order
from paper_exchange.exchange import Session
from paper_exchange.http import render_account as render
from paper_exchange.http.gate import AnyGate
from paper_exchange.matching.liquidation import CLIENT_ID_PREFIX
from paper_exchange.requests.requests import MAX_LONG, Parameters, bounded, required, whole_number

router = APIRouter(prefix="/fapi/v1", tags=["history"])

DEFAULT_ROWS, MAX_ROWS = 500, 1_000
DEFAULT_INCOMES = 100
DEFAULT_LIQUIDATIONS, MAX_LIQUIDATIONS = 50, 100
MAX_PAGE = 1_000
LONGEST_DAYS = 7  # "All Orders", "Account Trade List": the longest period, and the one without any
LONGEST_MS = LONGEST_DAYS * 86_400_000


@dataclass(frozen=True, slots=True)
class Window:
    """Times within `[start, end]`; `ascending` if the request has a start, else the latest rows are wanted."""

    start_ms: int = 0
    end_ms: int = MAX_LONG
    ascending: bool = True

    def page[Row](self, rows: Iterable[Row], time_of: Callable[[Row], int], limit: int) -> list[Row]:
        """The first `limit` rows of a run in the window's own order, ascending; rows behind the window are not read."""
        near = takewhile(lambda row: self.start_ms <= time_of(row) if not self.ascending else time_of(row) <= self.end_ms, rows)
        page = list(islice((row for row in near if self.start_ms <= time_of(row) <= self.end_ms), limit))
        return page if self.ascending else page[::-1]


def window_of(parameters: Parameters, wall_ms: int, *, bounded_span: bool = True) -> Window:
    """The times asked for, or the last seven days; raises `VenueError` -1023, and -4165 if they lie more than that apart."""
    start, end = whole_number(parameters, "startTime"), whole_number(parameters, "endTime")
    if start is None:
        latest = wall_ms if end is None else end
        return Window(latest - LONGEST_MS, latest, ascending=False)
    if end is None:
        return Window(start, start + LONGEST_MS if bounded_span else MAX_LONG)
    if start > end:
        raise errors.start_after_end()
    if bounded_span and end - start > LONGEST_MS:
        raise errors.interval_too_long(LONGEST_DAYS)
    return Window(start, end)


@router.get("/allOrders")
async def all_orders(gate: AnyGate) -> Response:
    """Orders of a symbol, open and closed: from `orderId` on, or those of a time; without a start the latest."""

    def look(session: Session, parameters: Parameters) -> Any:
        spec = session.quotes.spec(required(parameters, "symbol"))
        limit = bounded(parameters, "limit", DEFAULT_ROWS, MAX_ROWS)
        first = whole_number(parameters, "orderId")
        window = window_of(parameters, session.stamp.wall_ms)
        if first is not None and not {"startTime", "endTime"} & set(parameters):
            window = Window()
        rows = (order for order in _orders(session, first or 0, ascending=window.ascending) if order.symbol == spec.symbol)
        return [render.order_answer(order, spec) for order in window.page(rows, lambda order: order.placed_ms, limit)]

    return await gate.read(look)


@router.get("/userTrades")
async def user_trades(gate: AnyGate) -> Response:
    """Executions of a symbol: of one order, from `fromId` on, or those of a time; -1128 if both of the latter are asked for."""

    def look(session: Session, parameters: Parameters) -> Any:
        spec = session.quotes.spec(required(parameters, "symbol"))
        order_id, first = whole_number(parameters, "orderId"), whole_number(parameters, "fromId")
        timed = bool({"startTime", "endTime"} & set(parameters))
        if first is not None and timed:
            raise errors.bad_combination("fromId, startTime, endTime")
        window = window_of(parameters, session.stamp.wall_ms)
        if first is not None or (order_id is not None and not timed):
            window = Window()
        rows = (
            fill
            for fill in _fills(session, first or 0, ascending=window.ascending)
            if fill.symbol == spec.symbol and order_id in (None, fill.order_id)
        )
        limit = bounded(parameters, "limit", DEFAULT_ROWS, MAX_ROWS)
        return [render.fill_answer(fill, spec) for fill in window.page(rows, lambda fill: fill.time_ms, limit)]

    return await gate.read(look)


@router.get("/forceOrders")
async def force_orders(gate: AnyGate) -> Response:
    """The venue's own orders that took a position over; deleveraging does not happen here."""

    def look(session: Session, parameters: Parameters) -> Any:
        symbol = parameters.get("symbol")
        if parameters.get("autoCloseType", "LIQUIDATION") != "LIQUIDATION":
            return []
        window = window_of(parameters, session.stamp.wall_ms)
        limit = bounded(parameters, "limit", DEFAULT_LIQUIDATIONS, MAX_LIQUIDATIONS)
        rows = (
            order
            for order in _orders(session, 0, ascending=window.ascending)
            if order.client_order_id.startswith(CLIENT_ID_PREFIX) and not order.signed_by and symbol in (None, order.symbol)
        )
        page = window.page(rows, lambda order: order.placed_ms, limit)
        return [render.order_answer(order, session.quotes.spec(order.symbol)) for order in page]

    return await gate.read(look)


@router.get("/income")
async def income(gate: AnyGate) -> Response:
    """Changes of the wallet: funding, liquidation clearance, and the profit and fee of every execution."""

    def look(session: Session, parameters: Parameters) -> Any:
        symbol, kind = parameters.get("symbol"), parameters.get("incomeType")
        limit = bounded(parameters, "limit", DEFAULT_INCOMES, MAX_ROWS)
        number = bounded(parameters, "page", 1, MAX_PAGE)
        window = window_of(parameters, session.stamp.wall_ms, bounded_span=False)
        wanted = (
            row
            for row in _incomes(session, ascending=window.ascending)
            if symbol in (None, row["symbol"]) and kind in (None, row["incomeType"])
        )
        page = window.page(wanted, lambda row: int(row["time"]), limit * number)
        return page[(number - 1) * limit :] if window.ascending else page[: len(page) - (number - 1) * limit]

    return await gate.read(look)


def _orders(session: Session, first: int, *, ascending: bool) -> Iterator[Order]:
    """Closed and open orders by id, from `first` on."""
    closed = session.store.orders(session.account.account_id, after=max(0, first - 1), newest_first=not ascending)
    still_open = [order for order in session.account.orders.values() if order.order_id >= first]
    still_open.sort(key=lambda order: order.order_id, reverse=not ascending)
    return merge(closed, still_open, key=lambda order: order.order_id, reverse=not ascending)


def _fills(session: Session, first: int, *, ascending: bool) -> Iterator[Fill]:
    return session.store.fills(session.account.account_id, after=max(0, first - 1), newest_first=not ascending)


def _incomes(session: Session, *, ascending: bool) -> Iterator[dict[str, Any]]:
    """Rows by time; those of one execution or settlement together."""
    others = session.store.incomes(session.account.account_id, newest_first=not ascending)
    order = 1 if ascending else -1
    of_fills = (row for fill in _fills(session, 0, ascending=ascending) for row in render.fill_incomes(fill)[::order])
    of_others = (row for income in others for row in render.income_answers(income)[::order])
    return merge(of_fills, of_others, key=lambda row: int(row["time"]), reverse=not ascending)
