"""An account's state and settings: balances, positions, leverage, margin type, fees, the key's rights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from paper_exchange import errors
from paper_exchange.accounts.account import Account, KeyRight, Outcome, SymbolSettings
from paper_exchange.accounts.margin import asset_margin
from paper_exchange.exchange import Session
from paper_exchange.http import render_account as render
from paper_exchange.http.gate import AnyGate, required_symbols
from paper_exchange.http.render_market import leverage_brackets, number
from paper_exchange.requests.requests import Parameters, flag, required, whole_number

router = APIRouter(tags=["account"])

SUCCESS = {"code": 200, "msg": "success"}


@router.get("/fapi/v3/account")
async def account_v3(gate: AnyGate) -> Response:
    """Balances and open positions."""
    return await gate.read(lambda session, parameters: render.account_answer(session.account, session.quotes))


@router.get("/fapi/v2/account")
async def account_v2(gate: AnyGate) -> Response:
    """Balances and all symbols with their settings."""
    return await gate.read(lambda session, parameters: render.account_answer_v2(session.account, session.quotes))


@router.get("/fapi/v3/balance")
async def balance_v3(gate: AnyGate) -> Response:
    """Balances."""
    return await gate.read(lambda session, parameters: render.balance_answer(session.account, session.quotes))


@router.get("/fapi/v2/balance")
async def balance_v2(gate: AnyGate) -> Response:
    """Balances."""
    return await gate.read(lambda session, parameters: render.balance_answer(session.account, session.quotes))


@router.get("/fapi/v3/positionRisk")
async def position_risk_v3(gate: AnyGate) -> Response:
    """Open positions; with a symbol, its position even if there is none."""

    def look(session: Session, parameters: Parameters) -> Any:
        symbols = required_symbols(session.quotes, parameters)
        account = session.account
        sides = [(symbol, side) for symbol in symbols for side in account.sides]
        shown = [key for key in sides if "symbol" in parameters or account.position(*key).amount]
        return [render.position_risk(account, symbol, side, session.quotes) for symbol, side in shown]

    return await gate.read(look)


@router.get("/fapi/v2/positionRisk")
async def position_risk_v2(gate: AnyGate) -> Response:
    """All symbols, with leverage and margin type."""

    def look(session: Session, parameters: Parameters) -> Any:
        symbols = required_symbols(session.quotes, parameters)
        account = session.account
        return [render.position_risk_v2(account, symbol, side, session.quotes) for symbol in symbols for side in account.sides]

    return await gate.read(look)


@router.get("/fapi/v1/leverageBracket")
async def leverage_bracket(gate: AnyGate) -> Response:
    """How leverage falls as a position grows."""

    def look(session: Session, parameters: Parameters) -> Any:
        symbols = required_symbols(session.quotes, parameters)
        return [leverage_brackets(session.quotes.spec(symbol)) for symbol in symbols]

    return await gate.read(look)


@router.get("/fapi/v1/commissionRate")
async def commission_rate(gate: AnyGate) -> Response:
    """Fees of a symbol."""

    def look(session: Session, parameters: Parameters) -> Any:
        spec = session.quotes.spec(required(parameters, "symbol"))
        rates = {"makerCommissionRate": number(spec.maker_fee), "takerCommissionRate": number(spec.taker_fee)}
        rates["rpiCommissionRate"] = number(spec.maker_fee)  # an order of retail price improvement only makes
        return {"symbol": spec.symbol, **rates}

    return await gate.read(look)


@router.post("/fapi/v1/leverage")
async def leverage(gate: AnyGate) -> Response:
    """Set a symbol's leverage.

    -4028 beyond its brackets, -4161 for less leverage of an isolated position, -2028 if open orders and positions could not be
    carried with it.
    """

    def decide(session: Session, parameters: Parameters) -> tuple[Outcome, Any]:
        spec = session.quotes.spec(required(parameters, "symbol"))
        wanted = whole_number(parameters, "leverage")
        if wanted is None:
            raise errors.missing_parameter("leverage")
        if not 1 <= wanted <= spec.highest_leverage:
            raise errors.invalid_leverage(wanted)
        settings = session.account.settings_of(spec.symbol)
        holds = any(symbol == spec.symbol for symbol, _ in session.account.held)
        if settings.isolated and holds and wanted < settings.leverage:
            raise errors.isolated_leverage_reduced()
        account = _with_settings(session, spec.symbol, replace(settings, leverage=wanted))
        if wanted < settings.leverage and asset_margin(account, spec.quote, session.quotes).available < 0:
            raise errors.leverage_too_small()
        most = number(spec.max_notional(wanted))
        return Outcome(account), {"symbol": spec.symbol, "leverage": wanted, "maxNotionalValue": most}

    return await gate.write(decide)


@router.post("/fapi/v1/marginType")
async def margin_type(gate: AnyGate) -> Response:
    """Set a symbol's margin type; -4046 if it is so already, -4047 and -4048 while orders or a position are open."""

    def decide(session: Session, parameters: Parameters) -> tuple[Outcome, Any]:
        symbol = session.quotes.spec(required(parameters, "symbol")).symbol
        wanted = required(parameters, "marginType")
        if wanted not in ("ISOLATED", "CROSSED"):
            raise errors.invalid_parameter("marginType")
        account, settings = session.account, session.account.settings_of(symbol)
        if settings.isolated == (wanted == "ISOLATED"):
            raise errors.margin_type_unchanged()
        resting = {order.symbol for order in account.orders.values()} | {algo.symbol for algo in account.algo_orders.values()}
        if symbol in resting:
            raise errors.margin_type_with_orders()
        if any(symbol == held for held, _ in account.held):
            raise errors.margin_type_with_position()
        changed = replace(settings, isolated=wanted == "ISOLATED")
        return Outcome(_with_settings(session, symbol, changed)), SUCCESS

    return await gate.write(decide)


@router.get("/fapi/v1/positionSide/dual")
async def position_mode(gate: AnyGate) -> Response:
    """Whether long and short positions stand side by side (hedge mode) or net each other out (one-way mode)."""
    return await gate.read(lambda session, parameters: {"dualSidePosition": session.account.hedged})


@router.post("/fapi/v1/positionSide/dual")
async def set_position_mode(gate: AnyGate) -> Response:
    """Change the mode for every symbol; -4059 if it is so already, -4067 and -4068 while orders or positions are open."""

    def decide(session: Session, parameters: Parameters) -> tuple[Outcome, Any]:
        required(parameters, "dualSidePosition")
        hedged, account = flag(parameters, "dualSidePosition"), session.account
        if account.hedged is hedged:
            raise errors.position_mode_unchanged()
        if account.orders or account.algo_orders:
            raise errors.position_mode_with_orders()
        if account.held:
            raise errors.position_mode_with_position()
        return Outcome(replace(account, hedged=hedged)), SUCCESS

    return await gate.write(decide)


@router.get("/fapi/v1/symbolConfig")
async def symbol_config(gate: AnyGate) -> Response:
    """Margin type and leverage of symbols, which v3 of positionRisk does not tell."""

    def look(session: Session, parameters: Parameters) -> Any:
        symbols = required_symbols(session.quotes, parameters)
        return [render.symbol_config(session.account, symbol, session.quotes) for symbol in symbols]

    return await gate.read(look)


@router.get("/sapi/v1/account/apiRestrictions")
async def api_restrictions(gate: AnyGate) -> Response:
    """The key's rights, as its owner has set them at the operator's door."""

    def look(session: Session, parameters: Parameters) -> Any:
        key = session.account.keys[session.stamp.signed_by]
        return {"createTime": key.created_ms, **{right: right in key.rights for right in KeyRight}}

    return await gate.read(look)


def _with_settings(session: Session, symbol: str, settings: SymbolSettings) -> Account:
    return replace(session.account, settings={**session.account.settings, symbol: settings})
