"""Amendments of orders as their history, and the countdown that cancels a symbol's orders when its client falls silent."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from paper_exchange import errors
from paper_exchange.accounts.account import OrderChange, Outcome
from paper_exchange.exchange import Session
from paper_exchange.http.gate import AnyGate
from paper_exchange.http.render_market import number
from paper_exchange.http.routes.history import Window, window_of
from paper_exchange.http.routes.orders import find_order
from paper_exchange.markets.clock import MAX_TIME_MS
from paper_exchange.markets.markets import MarketSpec
from paper_exchange.matching.expiries import start_countdown
from paper_exchange.requests.requests import Parameters, bounded, required, whole_number

router = APIRouter(prefix="/fapi/v1", tags=["orders"])

DEFAULT_CHANGES, MAX_CHANGES = 50, 100


@router.post("/countdownCancelAll")
async def countdown(gate: AnyGate) -> Response:
    """Cancel a symbol's orders when the countdown ends, unless it is sent again before; zero stops it."""

    def decide(session: Session, parameters: Parameters) -> tuple[Outcome, Any]:
        symbol = session.quotes.spec(required(parameters, "symbol")).symbol
        milliseconds = whole_number(parameters, "countdownTime")
        if milliseconds is None:
            raise errors.missing_parameter("countdownTime")
        if not 0 <= milliseconds <= MAX_TIME_MS:
            raise errors.invalid_parameter("countdownTime")
        account = start_countdown(session.account, symbol, milliseconds, session.quotes)
        return Outcome(account), {"symbol": symbol, "countdownTime": str(milliseconds)}

    return await gate.write(decide)


@router.get("/orderAmendment")
async def order_changes(gate: AnyGate) -> Response:
    """The amendments of an order, the latest first."""

    def look(session: Session, parameters: Parameters) -> Any:
        spec = session.quotes.spec(required(parameters, "symbol"))
        order = find_order(session, spec.symbol, parameters)
        limit = bounded(parameters, "limit", DEFAULT_CHANGES, MAX_CHANGES)
        timed = bool({"startTime", "endTime"} & set(parameters))
        window = window_of(parameters, session.stamp.wall_ms, bounded_span=False) if timed else Window(ascending=False)
        rows = session.store.changes(session.account.account_id, newest_first=not window.ascending)
        own = (row for row in rows if row.order_id == order.order_id)
        page = window.page(own, lambda row: row.time_ms, limit)
        return [_change(row, spec) for row in reversed(page)]

    return await gate.read(look)


def _change(row: OrderChange, spec: MarketSpec) -> dict[str, Any]:
    prices = [number(price, spec.price_decimals) for price in row.prices]
    quantities = [number(quantity, spec.quantity_decimals) for quantity in row.quantities]
    named = {} if row.modify_id is None else {"modifyId": row.modify_id}
    return {
        "amendmentId": row.change_id,
        "symbol": row.symbol,
        "pair": row.symbol,
        "orderId": row.order_id,
        "clientOrderId": row.client_order_id,
        "time": row.time_ms,
        "amendment": {
            "price": dict(zip(("before", "after"), prices, strict=True)),
            "origQty": dict(zip(("before", "after"), quantities, strict=True)),
            "count": row.count,
            **named,
        },
        "priceMatch": row.price_match,
    }
