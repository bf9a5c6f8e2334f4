"""The operator's door. Without the operator's key these paths do not exist, so a tenant cannot even tell that they are there."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import JSONResponse, Response

from paper_exchange import errors
from paper_exchange.errors import OperatorError
from paper_exchange.http import render_book as book
from paper_exchange.http.gate import read_body
from paper_exchange.markets.candles import parse_rows
from paper_exchange.markets.intervals import base_interval_ms
from paper_exchange.markets.state import ExchangeState
from paper_exchange.operator.key import OperatorKey
from paper_exchange.operator.operations import IssuedKey, Operations
from paper_exchange.operator.requests import (
    ClockStep,
    Counting,
    Liquidating,
    NewAccount,
    NewClock,
    NewDelivery,
    NewFault,
    NewFunding,
    NewKey,
    NewLimits,
    NewMark,
    NewMarkets,
    NewRights,
    NewSpread,
    Reset,
    WholeNumber,
)

MAX_BODY_BYTES = 5 * 1024 * 1024  # a function's request may have 6 MB
MAX_UNPACKED_BYTES = 40 * 1024 * 1024  # ten times as much: more is no candle file but a bomb
PAGE = 200


async def operator(request: Request) -> Operations:
    """Let an operator in; anybody else gets what an unknown path gives."""
    key: OperatorKey = request.app.state.operator_key
    if not key.matches(request.headers.get("x-operator-key", "")):
        raise errors.path_invalid(request.method, request.url.path)
    operations: Operations = request.app.state.operations
    return operations


async def operator_body(request: Request, _: Annotated[Operations, Depends(operator)]) -> bytes:
    """The body, unpacked if it is gzipped; raises `OperatorError` BODY_TOO_LARGE, BODY_INVALID."""
    try:
        body = await read_body(request, MAX_BODY_BYTES)
    except errors.VenueError:
        raise OperatorError("BODY_TOO_LARGE", f"at most {MAX_BODY_BYTES} bytes; send several parts", 413) from None
    if request.headers.get("content-encoding", "").lower() != "gzip":
        return body
    unpacker = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacker.decompress(body, MAX_UNPACKED_BYTES)
    except zlib.error:
        raise OperatorError("BODY_INVALID", "the body is not gzipped") from None
    if unpacker.unconsumed_tail:
        raise OperatorError("BODY_TOO_LARGE", f"at most {MAX_UNPACKED_BYTES} bytes unpacked", 413)
    return unpacked


router = APIRouter(prefix="/operator", include_in_schema=False)
Operator = Annotated[Operations, Depends(operator)]
Body = Annotated[bytes, Depends(operator_body)]
Limit = Annotated[WholeNumber, Query(ge=1, le=1_000)]


@router.put("/markets")
async def put_markets(operations: Operator, body: Body) -> Response:
    """Add or replace markets."""
    specs = [market.spec() for market in NewMarkets.read(body).markets]
    operations.list_markets(specs)
    return JSONResponse({"symbols": [spec.symbol for spec in specs]})


@router.post("/markets/{symbol}/candles")
async def post_candles(operations: Operator, body: Body, symbol: str, interval: str, restart: bool = False) -> Response:
    """Load `[[open time, open, high, low, close, volume], ...]`; `restart` throws away what is loaded."""
    length = base_interval_ms(interval)
    series = operations.load_candles(symbol, length, parse_rows(_rows(body), length), restart=restart)
    return JSONResponse({"symbol": symbol, "count": series.count, "first_open_ms": series.first_open_ms, "end_ms": series.end_ms})


@router.get("/clock")
async def get_clock(operations: Operator) -> Response:
    """The market clock, and which candles there are."""
    return JSONResponse(_clock(operations, operations.exchange.store.state().state))


@router.put("/clock")
async def put_clock(operations: Operator, body: Body) -> Response:
    """Set the market clock."""
    return JSONResponse(_clock(operations, operations.set_clock(NewClock.read(body))))


@router.post("/clock/step")
async def step_clock(operations: Operator, body: Body) -> Response:
    """Move a stepped clock forward."""
    return JSONResponse(_clock(operations, operations.step_clock(ClockStep.read(body).milliseconds)))


@router.post("/accounts", status_code=201)
async def post_account(operations: Operator, body: Body) -> Response:
    """Open an account; the secret is shown this once."""
    return _issued(operations.open_account(NewAccount.read(body)))


@router.get("/accounts")
async def get_accounts(operations: Operator, after: str = "", limit: Limit = PAGE) -> Response:
    """Accounts with balances, keys (never their secrets) and open orders, up to date."""
    return JSONResponse({"accounts": [book.account_row(account) for account in operations.accounts_page(after, limit)]})


@router.post("/accounts/{account_id}/keys", status_code=201)
async def post_key(operations: Operator, body: Body, account_id: str) -> Response:
    """Give an account another key."""
    return _issued(operations.add_key(account_id, NewKey.read(body)))


@router.put("/accounts/{account_id}/keys/{key_id}/rights")
async def put_rights(operations: Operator, body: Body, account_id: str, key_id: str) -> Response:
    """Set a key's rights, as its owner would on the venue's page."""
    rights = NewRights.read(body).rights
    operations.set_rights(account_id, key_id, rights)
    return JSONResponse({"rights": sorted(rights)})


@router.delete("/accounts/{account_id}/keys/{key_id}", status_code=204)
async def delete_key(operations: Operator, account_id: str, key_id: str) -> Response:
    """Revoke a key."""
    operations.revoke_key(account_id, key_id)
    return Response(status_code=204)


@router.put("/funding")
async def put_funding(operations: Operator, body: Body) -> Response:
    """Set a funding rate from now on."""
    return JSONResponse({"from_ms": operations.set_funding(NewFunding.read(body))})


@router.put("/mark")
async def put_mark(operations: Operator, body: Body) -> Response:
    """Set how far the mark price lies from the last price."""
    return JSONResponse({"from_ms": operations.set_mark(NewMark.read(body))})


@router.put("/markets/{symbol}/spread")
async def put_spread(operations: Operator, body: Body, symbol: str) -> Response:
    """Set how far bid and ask lie from the last price."""
    operations.set_spread(symbol, NewSpread.read(body).half_spread_bps)
    return JSONResponse({})


@router.put("/markets/{symbol}/delivery")
async def put_delivery(operations: Operator, body: Body, symbol: str) -> Response:
    """Announce when a market ends, or take that back."""
    operations.announce_delivery(symbol, NewDelivery.read(body).at_ms)
    return JSONResponse({})


@router.get("/limits")
async def get_limits(operations: Operator) -> Response:
    """The rate limits in force."""
    return JSONResponse(asdict(operations.exchange.store.state().state.limits))


@router.put("/limits")
async def put_limits(operations: Operator, body: Body) -> Response:
    """Set the rate limits; a limit that is not given is as documented."""
    limits = NewLimits.read(body).limits()
    operations.set_limits(limits)
    return JSONResponse(asdict(limits))


@router.put("/liquidating")
async def put_liquidating(operations: Operator, body: Body) -> Response:
    """Liquidate what cannot be carried any more, or let it run."""
    operations.liquidate_positions(liquidating=Liquidating.read(body).liquidating)
    return JSONResponse({})


@router.post("/faults", status_code=201)
async def post_fault(operations: Operator, body: Body) -> Response:
    """Spoil the next requests that match."""
    rule = NewFault.read(body).rule(operations.new_token()[:12])
    operations.set_fault(rule)
    return JSONResponse({"rule_id": rule.rule_id}, status_code=201)


@router.get("/faults")
async def get_faults(operations: Operator) -> Response:
    """The rules and how often each was applied."""
    return JSONResponse({"faults": book.fault_rows(operations)})


@router.delete("/faults/{rule_id}", status_code=204)
async def delete_fault(operations: Operator, rule_id: str) -> Response:
    """Withdraw a rule."""
    operations.withdraw_fault(rule_id)
    return Response(status_code=204)


@router.get("/book/{kind}")
async def get_book(operations: Operator, kind: book.BookKind, cursor: str = "", limit: Limit = PAGE) -> Response:
    """Rows of all accounts, page by page: `next_cursor` is null at the end."""
    rows, next_cursor = book.page(operations, kind, cursor, limit)
    return JSONResponse({"rows": rows, "next_cursor": next_cursor})


@router.put("/counting")
async def put_counting(operations: Operator, body: Body) -> Response:
    """Count requests from now on, or stop."""
    operations.count_requests(counting=Counting.read(body).counting)
    return JSONResponse({})


@router.get("/counts")
async def get_counts(operations: Operator) -> Response:
    """Requests by account and path, since counting was switched on."""
    return JSONResponse({"counts": operations.request_counts()})


@router.post("/reset")
async def post_reset(operations: Operator, body: Body) -> Response:
    """Begin anew."""
    operations.reset(markets=Reset.read(body).markets)
    return JSONResponse({})


def _rows(body: bytes) -> Any:
    def refuse(name: str) -> Any:
        raise OperatorError("CANDLE_NOT_A_NUMBER", f"{name} is not a number")

    try:
        return json.loads(body, parse_float=Decimal, parse_constant=refuse)
    except (ValueError, RecursionError):
        raise OperatorError("BODY_INVALID", "the body is not JSON") from None


def _clock(operations: Operations, state: ExchangeState) -> dict[str, Any]:
    series = {
        symbol: {
            "interval_ms": listing.series.interval_ms,
            "first_open_ms": listing.series.first_open_ms,
            "end_ms": listing.series.end_ms,
        }
        for symbol, listing in state.listings.items()
        if listing.series is not None
    }
    now_ms = state.clock.market_ms(operations.exchange.wall_clock())
    return {"mode": state.clock.mode, "now_ms": now_ms, "replay": state.clock.replay, "candles": series}


def _issued(key: IssuedKey) -> Response:
    shown = {"account_id": key.account_id, "api_key": key.api_key, "api_secret": key.api_secret, "key_id": key.key_id}
    return JSONResponse(shown, status_code=201)
