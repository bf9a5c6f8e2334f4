"""Margin of isolated positions, moved by hand, and the history of such moves."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from paper_exchange import errors
from paper_exchange.accounts.account import MarginChange, Outcome, PositionSide
from paper_exchange.accounts.isolated import move_margin
from paper_exchange.exchange import Session
from paper_exchange.http.gate import AnyGate
from paper_exchange.http.render_market import number
from paper_exchange.http.routes.history import Window
from paper_exchange.requests.requests import (
    MAX_LONG,
    Parameters,
    bounded,
    position_side_of,
    required,
    required_decimal,
    whole_number,
)

router = APIRouter(prefix="/fapi/v1/positionMargin", tags=["account"])

ADD, REDUCE = 1, 2
DEFAULT_ROWS, MAX_ROWS = 500, 1_000
LONGEST_DAYS = 30  # "The time between startTime and endTime can't be more than 30 days"
LONGEST_MS = LONGEST_DAYS * 86_400_000


@router.post("")
async def position_margin(gate: AnyGate) -> Response:
    """Add margin to an isolated position (type 1), or take margin out (type 2)."""

    def decide(session: Session, parameters: Parameters) -> tuple[Outcome, Any]:
        symbol, side = session.quotes.spec(required(parameters, "symbol")).symbol, position_side_of(parameters)
        if side not in session.account.sides:
            raise errors.position_side_mismatch()
        amount, kind = required_decimal(parameters, "amount"), _kind(required(parameters, "type"))
        if amount <= 0:
            raise errors.amount_not_positive()
        signed = amount if kind == ADD else -amount
        outcome = move_margin(session.account, symbol, side, signed, session.quotes, session.stamp)
        words = "Successfully modify position margin."
        return outcome, {"amount": float(amount), "code": 200, "msg": words, "type": kind}

    return await gate.write(decide)


@router.get("/history")
async def margin_history(gate: AnyGate) -> Response:
    """The latest moves of a symbol's margin, ascending; -4165 for more than thirty days."""

    def look(session: Session, parameters: Parameters) -> Any:
        symbol = session.quotes.spec(required(parameters, "symbol")).symbol
        kind = _kind(parameters["type"]) if "type" in parameters else None
        limit = bounded(parameters, "limit", DEFAULT_ROWS, MAX_ROWS)
        window = _window(parameters, session.stamp.wall_ms)
        rows = session.store.margin_changes(session.account.account_id, newest_first=True)
        wanted = (row for row in rows if row.symbol == symbol and kind in (None, _kind_of(row)))
        return [_row(row) for row in window.page(wanted, lambda row: row.time_ms, limit)]

    return await gate.read(look)


def _window(parameters: Parameters, wall_ms: int) -> Window:
    start, end = whole_number(parameters, "startTime"), whole_number(parameters, "endTime")
    if start is not None and end is not None:
        if start > end:
            raise errors.start_after_end()
        if end - start > LONGEST_MS:
            raise errors.interval_too_long(LONGEST_DAYS)
    first = wall_ms - LONGEST_MS if start is None else start
    return Window(first, MAX_LONG if end is None else end, ascending=False)


def _kind(text: str) -> int:
    if text not in (str(ADD), str(REDUCE)):
        raise errors.invalid_parameter("type")
    return int(text)


def _kind_of(row: MarginChange) -> int:
    return ADD if row.amount > 0 else REDUCE


def _row(row: MarginChange) -> dict[str, Any]:
    return {
        "symbol": row.symbol,
        "type": _kind_of(row),
        "deltaType": "USER_ADJUST",
        "amount": number(abs(row.amount)),
        "asset": row.asset,
        "time": row.time_ms,
        "positionSide": str(PositionSide(row.position_side)),
    }
