"""Several orders in one request, and an order that is only tried: each answer stands for itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from paper_exchange.accounts.account import ZERO, Account, OrderStatus, Outcome
from paper_exchange.errors import VenueError
from paper_exchange.exchange import Session
from paper_exchange.http import render_account as render
from paper_exchange.http.gate import AnyGate
from paper_exchange.http.routes.orders import amend, cancel, place
from paper_exchange.matching.conditional import place_algo_order
from paper_exchange.matching.matching import place_order
from paper_exchange.requests.batches import id_list, order_list
from paper_exchange.requests.requests import CONDITIONAL_NAMES, Parameters, parse_algo_order, parse_order, required

router = APIRouter(prefix="/fapi/v1", tags=["orders"])

Step = Callable[[Session, Parameters], tuple[Outcome, Any]]


@router.post("/order/test")
async def test_order(gate: AnyGate) -> Response:
    """Everything that placing an order checks, and nothing is placed: the answer is the order as it would begin."""

    def look(session: Session, parameters: Parameters) -> Any:
        if parameters.get("type") in CONDITIONAL_NAMES:
            return _tried_conditional(session, parameters)
        _, order = place_order(session.account, parse_order(parameters), session.quotes, session.stamp)
        fresh = replace(order, status=OrderStatus.NEW, executed=ZERO, quote=ZERO)
        return render.order_answer(fresh, session.quotes.spec(order.symbol))

    return await gate.read(look)


def _tried_conditional(session: Session, parameters: Parameters) -> Any:
    """This endpoint alone still takes conditional orders, by the names from before they had endpoints of their own."""
    names = {"stopPrice": "triggerPrice", "activationPrice": "activatePrice", "newClientOrderId": "clientAlgoId"}
    given = {names.get(name, name): value for name, value in parameters.items()}
    request = parse_algo_order({"algoType": "CONDITIONAL", **given})
    outcome, algo = place_algo_order(session.account, request, session.quotes, session.stamp)
    return render.algo_answer(algo, session.quotes.spec(algo.symbol), outcome.account)


@router.post("/batchOrders")
async def new_orders(gate: AnyGate) -> Response:
    """Place up to five orders, one after the other; each is accepted or refused on its own."""
    return await gate.write(lambda session, parameters: _each(session, order_list(parameters), place))


@router.put("/batchOrders")
async def put_orders(gate: AnyGate) -> Response:
    """Amend up to five resting orders."""
    return await gate.write(lambda session, parameters: _each(session, order_list(parameters), amend))


@router.delete("/batchOrders")
async def delete_orders(gate: AnyGate) -> Response:
    """Cancel up to ten orders of a symbol, by the venue's ids or by the client's."""

    def decide(session: Session, parameters: Parameters) -> tuple[Outcome, Any]:
        symbol = session.quotes.spec(required(parameters, "symbol")).symbol
        name, ids = id_list(parameters)
        return _each(session, [{"symbol": symbol, name: one} for one in ids], cancel)

    return await gate.write(decide)


def _each(session: Session, wanted: list[dict[str, str]], step: Step) -> tuple[Outcome, list[Any]]:
    """Do a step for each request on the account that the step before has left; a refusal is an answer among the others."""
    outcome, answers = Outcome(session.account), []
    for parameters in wanted:
        try:
            then, answer = step(_after(session, outcome.account), parameters)
        except VenueError as error:
            answers.append({"code": error.code, "msg": error.message})
        else:
            outcome = outcome.then(then)
            answers.append(answer)
    return outcome, answers


def _after(session: Session, account: Account) -> Session:
    return replace(session, account=account)
