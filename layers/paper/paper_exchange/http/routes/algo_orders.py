"""Conditional orders: stops and targets that wait at the venue until the market reaches them."""

from __future__ import annotations

from itertools import islice
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from paper_exchange import errors
from paper_exchange.accounts.account import Outcome
from paper_exchange.exchange import Session
from paper_exchange.http import render_account as render
from paper_exchange.http.gate import AnyGate
from paper_exchange.matching.conditional import (
    MAX_CANCELLED_AT_ONCE,
    cancel_algo_order,
    cancel_some_algo_orders,
    open_algo_order,
    place_algo_order,
)
from paper_exchange.requests.requests import Parameters, bounded, parse_algo_order, parse_reference, required, whole_number

router = APIRouter(prefix="/fapi/v1", tags=["conditional orders"])

DEFAULT_ROWS = 500
MAX_ROWS = 1_000


@router.post("/algoOrder")
async def new_algo_order(gate: AnyGate) -> Response:
    """Place a stop or target."""

    def decide(session: Session, parameters: Parameters) -> tuple[Outcome, Any]:
        outcome, algo = place_algo_order(session.account, parse_algo_order(parameters), session.quotes, session.stamp)
        return outcome, render.algo_answer(algo, session.quotes.spec(algo.symbol), outcome.account)

    return await gate.write(decide)


@router.get("/algoOrder")
async def query_algo_order(gate: AnyGate) -> Response:
    """A conditional order, with the order that it became once it has triggered."""

    def look(session: Session, parameters: Parameters) -> Any:
        reference = parse_reference(parameters, "algoId", "clientAlgoId")
        algo = open_algo_order(session.account, reference)
        account_id = session.account.account_id
        if algo is None and reference.order_id is not None:
            algo = session.store.algo_order(account_id, reference.order_id)
        elif algo is None:
            algo = session.store.algo_order_of_client(account_id, reference.client_id)
        if algo is None:
            raise errors.order_does_not_exist()
        return render.algo_answer(algo, session.quotes.spec(algo.symbol), session.account)

    return await gate.read(look)


@router.delete("/algoOrder")
async def delete_algo_order(gate: AnyGate) -> Response:
    """Cancel an open conditional order."""

    def decide(session: Session, parameters: Parameters) -> tuple[Outcome, Any]:
        reference = parse_reference(parameters, "algoId", "clientAlgoId")
        outcome, algo = cancel_algo_order(session.account, reference, session.stamp.wall_ms)
        return outcome, render.algo_cancelled(algo)

    return await gate.write(decide)


@router.delete("/algoOpenOrders")
async def delete_algo_orders(gate: AnyGate) -> Response:
    """Cancel a symbol's conditional orders."""

    def decide(session: Session, parameters: Parameters) -> tuple[Outcome, Any]:
        symbol = session.quotes.spec(required(parameters, "symbol")).symbol
        outcome = cancel_some_algo_orders(session.account, symbol, session.stamp.wall_ms)
        return outcome, render.ALL_CANCELLED

    return await gate.write_on(decide, more=lambda outcome: len(outcome.algo_orders) == MAX_CANCELLED_AT_ONCE)


@router.get("/openAlgoOrders")
async def open_algo_orders(gate: AnyGate) -> Response:
    """Conditional orders that have not triggered: all, those of a symbol, or the one of an `algoId`."""

    def look(session: Session, parameters: Parameters) -> Any:
        symbol, algo_id = parameters.get("symbol"), whole_number(parameters, "algoId")
        if symbol is not None:
            session.quotes.spec(symbol)
        if parameters.get("algoType", "CONDITIONAL") != "CONDITIONAL":
            raise errors.invalid_parameter("algoType")
        waiting = session.account.algo_orders.values()
        algos = [algo for algo in waiting if symbol in (None, algo.symbol) and algo_id in (None, algo.algo_id)]
        return [render.algo_answer(algo, session.quotes.spec(algo.symbol), session.account) for algo in algos]

    return await gate.read(look)


@router.get("/allAlgoOrders")
async def all_algo_orders(gate: AnyGate) -> Response:
    """Conditional orders of a symbol, open and closed, the latest `limit`, ascending."""

    def look(session: Session, parameters: Parameters) -> Any:
        spec = session.quotes.spec(required(parameters, "symbol"))
        limit = bounded(parameters, "limit", DEFAULT_ROWS, MAX_ROWS)
        closed = session.store.algo_orders(session.account.account_id, newest_first=True)
        page = list(islice((algo for algo in closed if algo.symbol == spec.symbol), limit))
        page.extend(algo for algo in session.account.algo_orders.values() if algo.symbol == spec.symbol)
        page.sort(key=lambda algo: algo.algo_id)
        return [render.algo_answer(algo, spec, session.account) for algo in page[-limit:]]

    return await gate.read(look)
