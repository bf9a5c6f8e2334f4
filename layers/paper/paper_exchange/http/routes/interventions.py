"""The operator's hand in one account: orders as if somebody placed them in the venue's own app, and liquidation."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from paper_exchange.http import render_book as book
from paper_exchange.http.routes.operator import operator, operator_body
from paper_exchange.operator.interventions import Interventions
from paper_exchange.operator.operations import Operations
from paper_exchange.operator.requests import ByHand, HeldPosition, SettledMarket, WholeNumber

router = APIRouter(prefix="/operator/accounts/{account_id}", include_in_schema=False)


async def interventions(request: Request, _: Annotated[Operations, Depends(operator)]) -> Interventions:
    """For an operator only."""
    found: Interventions = request.app.state.interventions
    return found


Hand = Annotated[Interventions, Depends(interventions)]
Body = Annotated[bytes, Depends(operator_body)]


@router.post("/orders", status_code=201)
async def post_order(hand: Hand, body: Body, account_id: str) -> Response:
    """Place an order by hand, with the parameters of POST /fapi/v1/order."""
    order = hand.order(account_id, ByHand.read(body).parameters)
    return JSONResponse(book.order_row(account_id, order), 201)


@router.post("/algo-orders", status_code=201)
async def post_algo_order(hand: Hand, body: Body, account_id: str) -> Response:
    """Place a conditional order by hand, with the parameters of POST /fapi/v1/algoOrder."""
    algo = hand.algo_order(account_id, ByHand.read(body).parameters)
    return JSONResponse(book.algo_row(account_id, algo), 201)


@router.delete("/orders/{order_id}")
async def delete_order(hand: Hand, account_id: str, order_id: WholeNumber, symbol: str) -> Response:
    """Cancel an order by hand."""
    return JSONResponse(book.order_row(account_id, hand.cancel(account_id, symbol, order_id)))


@router.delete("/algo-orders/{algo_id}")
async def delete_algo_order(hand: Hand, account_id: str, algo_id: WholeNumber) -> Response:
    """Cancel a conditional order by hand."""
    return JSONResponse(book.algo_row(account_id, hand.cancel_algo(account_id, algo_id)))


@router.post("/close", status_code=201)
async def post_close(hand: Hand, body: Body, account_id: str) -> Response:
    """Close a position by hand."""
    return JSONResponse(book.order_row(account_id, hand.close(account_id, HeldPosition.read(body))), 201)


@router.post("/liquidate", status_code=201)
async def post_liquidation(hand: Hand, body: Body, account_id: str) -> Response:
    """Liquidate a position now."""
    return JSONResponse(book.order_row(account_id, hand.liquidate(account_id, HeldPosition.read(body))), 201)


@router.post("/settle", status_code=201)
async def post_settlement(hand: Hand, body: Body, account_id: str) -> Response:
    """Settle what the account has in a market."""
    orders = hand.settle(account_id, SettledMarket.read(body).symbol)
    return JSONResponse({"orders": [book.order_row(account_id, order) for order in orders]}, 201)
