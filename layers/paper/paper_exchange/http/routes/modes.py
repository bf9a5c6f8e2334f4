"""An account's modes and limits, and the user data stream that this venue does not have yet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from paper_exchange import errors
from paper_exchange.accounts.account import Account, Outcome
from paper_exchange.exchange import Session
from paper_exchange.http.gate import AnyGate, required_symbols
from paper_exchange.http.render_market import order_limits
from paper_exchange.requests.requests import Parameters, flag, required

router = APIRouter(prefix="/fapi/v1", tags=["account"])

NO_TRADE_GROUP = -1  # accounts of one group do not trade with each other; the venue's value for an account of none
NO_SOCKETS = "This venue has no sockets yet: ask for orders, trades and balances over REST."
SUCCESS = {"code": 200, "msg": "success"}
ONE_ASSET = "Each asset is a margin of its own here."


@router.get("/multiAssetsMargin")
async def asset_mode(gate: AnyGate) -> Response:
    """Whether all assets are one margin together: they are not."""
    return await gate.read(lambda session, parameters: {"multiAssetsMargin": False})


@router.post("/multiAssetsMargin")
async def set_asset_mode(gate: AnyGate) -> Response:
    """Change the asset mode: -4171 for the present one, -4084 for Multi-Assets Mode, which is not simulated."""

    def decide(session: Session, parameters: Parameters) -> tuple[Outcome, Any]:
        required(parameters, "multiAssetsMargin")
        if flag(parameters, "multiAssetsMargin"):
            raise errors.not_yet(ONE_ASSET)
        raise errors.asset_mode_unchanged()

    return await gate.write(decide)


@router.get("/feeBurn")
async def fee_burn(gate: AnyGate) -> Response:
    """Whether fees are paid in BNB, with a discount."""
    return await gate.read(lambda session, parameters: {"feeBurn": session.account.burns_coin})


@router.post("/feeBurn")
async def set_fee_burn(gate: AnyGate) -> Response:
    """Pay fees in BNB from now on, or no more."""

    def decide(session: Session, parameters: Parameters) -> tuple[Outcome, Any]:
        required(parameters, "feeBurn")
        return Outcome(replace(session.account, burns_coin=flag(parameters, "feeBurn"))), SUCCESS

    return await gate.write(decide)


@router.get("/accountConfig")
async def account_config(gate: AnyGate) -> Response:
    """The account's rights and modes."""

    def look(session: Session, parameters: Parameters) -> Any:
        return {
            "feeTier": 0,
            "canTrade": True,
            "canDeposit": False,
            "canWithdraw": False,
            "dualSidePosition": session.account.hedged,
            "updateTime": session.account.created_ms,
            "multiAssetsMargin": False,
            "tradeGroupId": NO_TRADE_GROUP,
        }

    return await gate.read(look)


@router.get("/rateLimit/order")
async def rate_limit(gate: AnyGate) -> Response:
    """How many orders the account may send."""
    return await gate.read(lambda session, parameters: order_limits(session.state.limits))


@router.get("/adlQuantile")
async def adl_quantile(gate: AnyGate) -> Response:
    """The place in the queue of auto-deleveraging: always the last, since nobody is deleveraged here."""

    def look(session: Session, parameters: Parameters) -> Any:
        symbols = required_symbols(session.quotes, parameters)
        return [{"symbol": symbol, "adlQuantile": _quantiles(session.account, symbol)} for symbol in symbols]

    return await gate.read(look)


def _quantiles(account: Account, symbol: str) -> dict[str, int]:
    """HEDGE stands for the two sides of a cross position in hedge mode, BOTH for everything else."""
    shared = "HEDGE" if account.hedged and not account.settings_of(symbol).isolated else "BOTH"
    return {"LONG": 0, "SHORT": 0, shared: 0}


@router.post("/listenKey")
@router.put("/listenKey")
@router.delete("/listenKey")
async def listen_key(gate: AnyGate) -> Response:
    """There are no user data streams yet: -4084."""

    def refuse(view: Any, parameters: Parameters) -> Any:
        raise errors.not_yet(NO_SOCKETS)

    return await gate.public(refuse)
