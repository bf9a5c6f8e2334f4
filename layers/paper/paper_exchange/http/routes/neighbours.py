"""Other addresses of the same company that clients of the futures ask by default: the wallet, spot, coin-margined futures.

There is one market place here. Its neighbours exist so that a client which asks them at its start goes on: they have no markets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from paper_exchange.exchange import Session
from paper_exchange.http.gate import AnyGate
from paper_exchange.markets.market_view import MarketView
from paper_exchange.requests.requests import Parameters

router = APIRouter(tags=["neighbours"])


@router.get("/sapi/v1/system/status")
async def system_status(gate: AnyGate) -> Response:
    """The venue is up as long as it answers."""
    return await gate.public(lambda view, parameters: {"status": 0, "msg": "normal"})


@router.get("/sapi/v1/capital/config/getall")
async def coins(gate: AnyGate) -> Response:
    """The assets of the markets. Nothing can be paid in or out here, so no asset has a network."""

    def look(session: Session, parameters: Parameters) -> Any:
        names = {name for spec in _assets(session.quotes) for name in spec} | set(session.account.balances)
        return [_coin(name) for name in sorted(names)]

    return await gate.read(look)


def _assets(view: MarketView) -> Iterator[tuple[str, str]]:
    return ((listing.spec.base, listing.spec.quote) for listing in view.state.listings.values())


def _coin(name: str) -> dict[str, Any]:
    """An asset in the spot wallet, which is empty: all balances are in the futures wallet."""
    nothing = dict.fromkeys(("free", "locked", "freeze", "withdrawing", "ipoing", "ipoable", "storage"), "0")
    switches = {"depositAllEnable": False, "withdrawAllEnable": False, "trading": True, "isLegalMoney": False}
    return {"coin": name, "name": name, **switches, **nothing, "networkList": []}


@router.get("/sapi/v1/margin/allPairs")
@router.get("/sapi/v1/margin/isolated/allPairs")
async def margin_pairs(gate: AnyGate) -> Response:
    """Pairs of margin trading: none."""
    return await gate.public(lambda view, parameters: [])


@router.get("/api/v3/ping")
@router.get("/dapi/v1/ping")
async def ping(gate: AnyGate) -> Response:
    """Tells that the venue answers."""
    return await gate.public(lambda view, parameters: {})


@router.get("/api/v3/time")
@router.get("/dapi/v1/time")
async def time(gate: AnyGate) -> Response:
    """Wall time, the same at every address."""
    return await gate.public(lambda view, parameters: {"serverTime": gate.opened.wall_ms})


@router.get("/api/v3/exchangeInfo")
@router.get("/dapi/v1/exchangeInfo")
async def exchange_info(gate: AnyGate) -> Response:
    """Spot and coin-margined markets: none."""

    def look(view: MarketView, parameters: Parameters) -> Any:
        empty: dict[str, list[Any]] = {"rateLimits": [], "exchangeFilters": [], "symbols": []}
        return {"timezone": "UTC", "serverTime": gate.opened.wall_ms, **empty}

    return await gate.public(look)
