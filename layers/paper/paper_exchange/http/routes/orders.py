"""Market and limit orders: place, ask, amend, cancel, list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from paper_exchange import errors
from paper_exchange.accounts.account import Order, Outcome
from paper_exchange.exchange import Session
from paper_exchange.http import render_account as render
from paper_exchange.http.gate import AnyGate
from paper_exchange.matching.matching import place_order
from paper_exchange.matching.resting import (
    MAX_CANCELLED_AT_ONCE,
    amend_order,
    cancel_order,
    cancel_some_orders,
    open_order,
)
from paper_exchange.requests.requests import (
    Parameters,
    parse_amendment,
    parse_order,
    parse_reference,
    required,
)

router = APIRouter(prefix="/fapi/v1", tags=["orders"])


@router.post("/order")
async def new_order(gate: AnyGate) -> Response:
    """Place an order; with newOrderRespType RESULT a market order answers with its fill."""
    return await gate.write(place)


@router.get("/order")
async def query_order(gate: AnyGate) -> Response:
    """An order by the venue's id or the client's; of several with one client id, the open one, else the latest."""

    def look(session: Session, parameters: Parameters) -> Any:
        spec = session.quotes.spec(required(parameters, "symbol"))
        return render.order_answer(find_order(session, spec.symbol, parameters), spec)

    return await gate.read(look)


@router.delete("/order")
async def delete_order(gate: AnyGate) -> Response:
    """Cancel an open order."""
    return await gate.write(cancel)


@router.put("/order")
async def put_order(gate: AnyGate) -> Response:
    """Give a resting limit order another price and quantity."""
    return await gate.write(amend)


@router.get("/openOrder")
async def query_open_order(gate: AnyGate) -> Response:
    """An order that is still open; -2013 for any other."""

    def look(session: Session, parameters: Parameters) -> Any:
        spec = session.quotes.spec(required(parameters, "symbol"))
        order = open_order(session.account, spec.symbol, parse_reference(parameters, "orderId", "origClientOrderId"))
        if order is None:
            raise errors.order_does_not_exist()
        return render.order_answer(order, spec)

    return await gate.read(look)


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


def find_order(session: Session, symbol: str, parameters: Parameters) -> Order:
    """The order that is meant, open or closed; raises `VenueError` -2013."""
    reference = parse_reference(parameters, "orderId", "origClientOrderId")
    order, account_id = open_order(session.account, symbol, reference), session.account.account_id
    if order is None and reference.order_id is not None:
        order = session.store.order(account_id, reference.order_id)
    elif order is None:
        order = session.store.order_of_client(account_id, reference.client_id)
    if order is None or order.symbol != symbol:
        raise errors.order_does_not_exist()
    return order


def place(session: Session, parameters: Parameters) -> tuple[Outcome, Any]:
    """Place one order."""
    request = parse_order(parameters)
    outcome, order = place_order(session.account, request, session.quotes, session.stamp, session.fill_ratio)
    return outcome, render.placed_answer(order, session.quotes.spec(order.symbol), wants_result=request.wants_result)


def amend(session: Session, parameters: Parameters) -> tuple[Outcome, Any]:
    """Amend one order."""
    amendment = parse_amendment(parameters)
    reference = parse_reference(parameters, "orderId", "origClientOrderId")
    outcome, order = amend_order(session.account, amendment, reference, session.quotes, session.stamp)
    named = {} if amendment.modify_id is None else {"modifyId": amendment.modify_id}
    return outcome, render.amended_answer(order, session.quotes.spec(order.symbol)) | named


def cancel(session: Session, parameters: Parameters) -> tuple[Outcome, Any]:
    """Cancel one order."""
    symbol = required(parameters, "symbol")
    reference = parse_reference(parameters, "orderId", "origClientOrderId")
    outcome, order = cancel_order(session.account, symbol, reference, session.stamp.wall_ms)
    return outcome, render.order_answer(order, session.quotes.spec(symbol))


def _of_symbol(session: Session, parameters: Parameters, orders: Iterable[Order]) -> Iterator[Order]:
    symbol = parameters.get("symbol")
    if symbol is not None:
        session.quotes.spec(symbol)
    return (order for order in orders if symbol in (None, order.symbol))
