"""Market and limit orders: place, ask, cancel, list, and what they filled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from functions.paper_exchange import errors
from functions.paper_exchange import render_account as render
from functions.paper_exchange.account import Order, Outcome
from functions.paper_exchange.exchange import Session
from functions.paper_exchange.gate import AnyGate
from functions.paper_exchange.matching import place_order
from functions.paper_exchange.requests import (
    Parameters,
    bounded,
    parse_amendment,
    parse_order,
    parse_reference,
    required,
    whole_number,
)
from functions.paper_exchange.resting import (
    MAX_CANCELLED_AT_ONCE,
    amend_order,
    cancel_order,
    cancel_some_orders,
    open_order,
)

router = APIRouter(prefix="/fapi/v1", tags=["orders"])

DEFAULT_ROWS = 500
MAX_ROWS = 1_000


@router.post("/order")
async def new_order(gate: AnyGate) -> Response:
    """Place an order; a market order answers with its fill."""

    def decide(session: Session, parameters: Parameters) -> tuple[Outcome, Any]:
        request = parse_order(parameters)
        outcome, order = place_order(session.account, request, session.quotes, session.stamp, session.fill_ratio)
        return outcome, render.order_answer(order, session.quotes.spec(order.symbol))

    return await gate.write(decide)


@router.get("/order")
async def query_order(gate: AnyGate) -> Response:
    """An order by the venue's id or the client's; of several with one client id, the open one, else the latest."""

    def look(session: Session, parameters: Parameters) -> Any:
        symbol = required(parameters, "symbol")
        spec = session.quotes.spec(symbol)
        reference = parse_reference(parameters, "orderId", "origClientOrderId")
        order = open_order(session.account, symbol, reference)
        account_id = session.account.account_id
        if order is None and reference.order_id is not None:
            order = session.store.order(account_id, reference.order_id)
        elif order is None:
            order = session.store.order_of_client(account_id, reference.client_id)
        if order is None or order.symbol != symbol:
            raise errors.order_does_not_exist()
        return render.order_answer(order, spec)

    return await gate.read(look)


@router.delete("/order")
async def delete_order(gate: AnyGate) -> Response:
    """Cancel an open order."""

    def decide(session: Session, parameters: Parameters) -> tuple[Outcome, Any]:
        symbol = required(parameters, "symbol")
        reference = parse_reference(parameters, "orderId", "origClientOrderId")
        outcome, order = cancel_order(session.account, symbol, reference, session.stamp.wall_ms)
        return outcome, render.order_answer(order, session.quotes.spec(symbol))

    return await gate.write(decide)


@router.put("/order")
async def put_order(gate: AnyGate) -> Response:
    """Give a resting limit order another price and quantity."""

    def decide(session: Session, parameters: Parameters) -> tuple[Outcome, Any]:
        amendment = parse_amendment(parameters)
        reference = parse_reference(parameters, "orderId", "origClientOrderId")
        outcome, order = amend_order(session.account, amendment, reference, session.quotes, session.stamp)
        return outcome, render.order_answer(order, session.quotes.spec(order.symbol))

    return await gate.write(decide)


@router.delete("/allOpenOrders")
async def delete_orders(gate: AnyGate) -> Response:
    """Cancel a symbol's open orders; conditional ones stay."""

    def decide(session: Session, parameters: Parameters) -> tuple[Outcome, Any]:
        symbol = session.quotes.spec(required(parameters, "symbol")).symbol
        return cancel_some_orders(session.account, symbol, session.stamp.wall_ms), render.ALL_CANCELLED

    return await gate.write_on(decide, more=lambda outcome: len(outcome.orders) == MAX_CANCELLED_AT_ONCE)


@router.get("/openOrders")
async def open_orders(gate: AnyGate) -> Response:
    """Resting orders; conditional ones are listed by openAlgoOrders."""

    def look(session: Session, parameters: Parameters) -> Any:
        orders = _of_symbol(session, parameters, session.account.orders.values())
        return [render.order_answer(order, session.quotes.spec(order.symbol)) for order in orders]

    return await gate.read(look)


@router.get("/allOrders")
async def all_orders(gate: AnyGate) -> Response:
    """Orders of a symbol, open and closed: from `orderId` or `startTime` on, else the latest."""

    def look(session: Session, parameters: Parameters) -> Any:
        spec = session.quotes.spec(required(parameters, "symbol"))
        rows = _orders_page(session, parameters, spec.symbol)
        return [render.order_answer(order, spec) for order in rows]

    return await gate.read(look)


@router.get("/userTrades")
async def user_trades(gate: AnyGate) -> Response:
    """Executions of a symbol: of one order, from `fromId` or `startTime` on, else the latest."""

    def look(session: Session, parameters: Parameters) -> Any:
        spec = session.quotes.spec(required(parameters, "symbol"))
        order_id, after = whole_number(parameters, "orderId"), whole_number(parameters, "fromId")

        def wanted(fill: Any) -> bool:
            return fill.symbol == spec.symbol and order_id in (None, fill.order_id)

        account_id = session.account.account_id
        rows = _page(
            lambda newest: session.store.fills(account_id, after=(after or 1) - 1, newest_first=newest),
            wanted,
            lambda fill: fill.time_ms,
            parameters,
            oldest_first=after is not None,
        )
        return [render.fill_answer(fill, spec) for fill in rows]

    return await gate.read(look)


def _of_symbol(session: Session, parameters: Parameters, orders: Iterable[Order]) -> Iterator[Order]:
    symbol = parameters.get("symbol")
    if symbol is not None:
        session.quotes.spec(symbol)
    return (order for order in orders if symbol in (None, order.symbol))


def _orders_page(session: Session, parameters: Parameters, symbol: str) -> list[Order]:
    """Closed orders of the page together with the open ones that belong to it."""
    first = whole_number(parameters, "orderId")
    account_id = session.account.account_id

    def both(newest: bool) -> Iterator[Order]:
        closed = session.store.orders(account_id, after=(first or 1) - 1, newest_first=newest)
        still_open = [order for order in session.account.orders.values() if order.order_id >= (first or 0)]
        yield from merge_by_id(closed, sorted(still_open, key=lambda order: order.order_id, reverse=newest), newest)

    return _page(
        both,
        lambda order: order.symbol == symbol,
        lambda order: order.placed_ms,
        parameters,
        oldest_first=first is not None,
    )


def merge_by_id(closed: Iterator[Order], still_open: list[Order], newest: bool) -> Iterator[Order]:
    """Two runs that are sorted by id as one."""
    waiting = list(still_open)
    for order in closed:
        while waiting and (waiting[0].order_id > order.order_id) is newest:
            yield waiting.pop(0)
        yield order
    yield from waiting


def _page[Row](
    rows: Callable[[bool], Iterator[Row]],
    wanted: Callable[[Row], bool],
    time_of: Callable[[Row], int],
    parameters: Parameters,
    *,
    oldest_first: bool,
) -> list[Row]:
    """The rows asked for, ascending: from a start on the first `limit`, without one the last `limit`."""
    start, end = whole_number(parameters, "startTime"), whole_number(parameters, "endTime")
    limit = bounded(parameters, "limit", DEFAULT_ROWS, MAX_ROWS)
    ascending = oldest_first or start is not None

    def within(row: Row) -> bool:
        return wanted(row) and (start is None or time_of(row) >= start) and (end is None or time_of(row) <= end)

    page = list(islice((row for row in rows(not ascending) if within(row)), limit))
    return page if ascending else page[::-1]
