"""The venue's book of one account: the effect of an order, a cancellation or a question, and the venue's answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from verification.crash_points.world import PRICE, START, Arrival, Order, World

BLIND_SECONDS = 2.5  # a replica that answers reads lags behind by less than the time between two lookups
LATEST_SECONDS = 15.0  # receive window and processing time-out: a request that was sent is executed until then or never
FEE_RATE = Decimal("0.0004")
LIFE = "/fapi/v1/order"
ALGO = "/fapi/v1/algoOrder"
Parameters = Mapping[str, str]
Body = dict[str, Any] | list[dict[str, Any]]


class Refusal(Exception):
    """The venue's own no: a code, a text, an HTTP status."""

    def __init__(self, code: int, text: str, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code, text, status, dict(headers or {}))
        self.code, self.text, self.status, self.headers = code, text, status, dict(headers or {})


def arrive(world: World, arrival: Arrival) -> None:
    """Let a late request reach the book."""
    world.arrivals = tuple(other for other in world.arrivals if other is not arrival)
    try:
        place(world, arrival.path, dict(arrival.parameters), BLIND_SECONDS, world.now - LATEST_SECONDS)
    except Refusal:
        return  # nobody is there to hear it


def fill_resting(world: World) -> None:
    """Let the market come to the price of limit orders."""
    filled = (
        replace(order, status="FILLED", placed_at=world.now) if order.rests_at_its_price else order for order in world.orders
    )
    world.orders = tuple(filled)


# -- orders -------------------------------------------------------------------------------------------------------------------


def place(world: World, path: str, parameters: Parameters, blind_seconds: float = 0, sent_at: float | None = None) -> Order:
    """Accept an order, and fill it at once if it is a market order; raises `Refusal`."""
    conditional = path == ALGO
    client_id = parameters["clientAlgoId" if conditional else "newClientOrderId"]
    if any(o.client_id == client_id and o.status == "NEW" and o.is_conditional is conditional for o in world.orders):
        raise Refusal(-4116, "ClientOrderId is duplicated.")
    quantity, side, reduces = Decimal(parameters["quantity"]), parameters["side"], parameters.get("reduceOnly") == "true"
    if reduces and not conditional and world.refuses_exits:
        world.refuses_exits -= 1
        raise Refusal(-2022, "ReduceOnly Order is rejected.")
    if reduces and not conditional:
        held = max(world.net if side == "SELL" else -world.net, Decimal(0))
        quantity = min(quantity, held)
        if not quantity:
            raise Refusal(-2022, "ReduceOnly Order is rejected.")
    order = Order(
        order_id=1000 + len(world.orders),
        client_id=client_id,
        symbol=parameters["symbol"],
        side=side,
        kind=parameters["type"],
        quantity=quantity,
        reduce_only=reduces,
        trigger=parameters.get("triggerPrice"),
        status="NEW" if conditional or (parameters["type"] == "LIMIT" and world.now < world.reached_at) else "FILLED",
        sent_at=world.now if sent_at is None else sent_at,
        placed_at=world.now,
        seen_from=world.now + blind_seconds,
        price=parameters.get("price", "0.0"),
    )
    world.orders = (*world.orders, order)
    return order


def cancel(world: World, parameters: Parameters) -> Body:
    conditional = "clientAlgoId" in parameters or "algoId" in parameters
    found = _found(world, parameters, conditional)
    if found is None or found.status != "NEW":
        raise Refusal(-2011, "Unknown order sent.")
    cancelled = replace(found, status="CANCELED", ended_at=world.now)
    world.orders = tuple(cancelled if order is found else order for order in world.orders)
    if conditional:
        return {"algoId": found.order_id, "clientAlgoId": found.client_id, "code": "200", "msg": "success"}
    return shown(cancelled)


def find(world: World, parameters: Parameters) -> Body:
    found = _found(world, parameters, "clientAlgoId" in parameters or "algoId" in parameters)
    if found is None or found.seen_from > world.now:
        raise Refusal(-2013, "Order does not exist.")
    return shown(found)


def _found(world: World, parameters: Parameters, conditional: bool) -> Order | None:
    """The newest order of that client id, or the one of that id."""
    client_id = parameters.get("clientAlgoId" if conditional else "origClientOrderId")
    number = parameters.get("algoId" if conditional else "orderId")
    for order in reversed(world.orders):
        if order.is_conditional is conditional and (order.client_id == client_id or str(order.order_id) == number):
            return order
    return None


def open_orders(conditional: bool) -> Callable[[World, Parameters], Body]:
    def listed(world: World, _: Parameters) -> Body:
        resting = (o for o in world.orders if o.status == "NEW" and o.is_conditional is conditional)
        return [shown(order) for order in resting if order.seen_from <= world.now]

    return listed


def shown(order: Order) -> dict[str, Any]:
    if order.is_conditional:
        return {
            "algoId": order.order_id,
            "clientAlgoId": order.client_id,
            "algoType": "CONDITIONAL",
            "orderType": order.kind,
            "symbol": order.symbol,
            "side": order.side,
            "positionSide": "BOTH",
            "timeInForce": "GTC",
            "quantity": str(order.quantity),
            "algoStatus": order.status,
            "actualOrderId": "",
            "actualPrice": "0.00000",
            "triggerPrice": order.trigger,
            "price": "0.0",
            "closePosition": False,
            "reduceOnly": order.reduce_only,
            "createTime": _milliseconds(order.placed_at),
            "updateTime": _milliseconds(order.placed_at),
        }
    return {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "status": order.status,
        "clientOrderId": order.client_id,
        "price": order.price,
        "avgPrice": str(PRICE if order.executed else 0),
        "origQty": str(order.quantity),
        "executedQty": str(order.executed),
        "cumQuote": str(order.executed * PRICE),
        "timeInForce": "GTC",
        "type": order.kind,
        "reduceOnly": order.reduce_only,
        "side": order.side,
        "positionSide": "BOTH",
        "stopPrice": "0",
        "origType": order.kind,
        "time": _milliseconds(order.placed_at),
        "updateTime": _milliseconds(order.placed_at),
    }


# -- the account ------------------------------------------------------------------------------------------------------------


def trades(world: World, parameters: Parameters) -> Body:
    since, number = int(parameters.get("startTime", 0)), parameters.get("orderId")
    filled = (o for o in world.orders if o.status == "FILLED" and o.seen_from <= world.now)
    return [
        {
            "id": order.order_id * 10,
            "orderId": order.order_id,
            "symbol": order.symbol,
            "side": order.side,
            "buyer": order.side == "BUY",
            "maker": False,
            "price": str(PRICE),
            "qty": str(order.quantity),
            "quoteQty": str(order.quantity * PRICE),
            "commission": str(order.quantity * PRICE * FEE_RATE),
            "commissionAsset": "USDT",
            "realizedPnl": "0",
            "positionSide": "BOTH",
            "time": _milliseconds(order.placed_at),
        }
        for order in filled
        if _milliseconds(order.placed_at) >= since and number in (None, str(order.order_id))
    ]


def positions(world: World, _: Parameters) -> Body:
    seen = replace(world, orders=tuple(order for order in world.orders if order.seen_from <= world.now))
    if not seen.net:
        return []
    return [
        {
            "symbol": "BTCUSDT",
            "positionSide": "BOTH",
            "positionAmt": str(seen.net),
            "entryPrice": str(PRICE),
            "breakEvenPrice": str(PRICE),
            "markPrice": str(PRICE),
            "unRealizedProfit": "0",
            "liquidationPrice": "0",
            "isolatedMargin": "0",
            "notional": str(seen.net * PRICE),
            "marginAsset": "USDT",
            "isolatedWallet": "0",
            "initialMargin": "0",
            "maintMargin": "0",
            "positionInitialMargin": "0",
            "openOrderInitialMargin": "0",
            "adl": 0,
            "updateTime": _milliseconds(world.now),
        }
    ]


def balance(_: World, __: Parameters) -> Body:
    return {"totalMarginBalance": "10000", "availableBalance": "10000", "assets": [], "positions": []}


def incomes(_: World, __: Parameters) -> Body:
    return []


def fee_rates(_: World, parameters: Parameters) -> Body:
    return {"symbol": parameters["symbol"], "makerCommissionRate": "0.0002", "takerCommissionRate": "0.0005"}


def leverage_brackets(_: World, __: Parameters) -> Body:
    return [{"symbol": "BTCUSDT", "brackets": [{"bracket": 1, "initialLeverage": 125, "notionalCap": 1_000_000}]}]


def set_leverage(_: World, parameters: Parameters) -> Body:
    return {"leverage": int(parameters["leverage"]), "maxNotionalValue": "1000000", "symbol": parameters["symbol"]}


def set_margin_type(_: World, __: Parameters) -> Body:
    return {"code": 200, "msg": "success"}


def _milliseconds(at: float) -> int:
    return int(START.timestamp() * 1000 + at * 1000)
