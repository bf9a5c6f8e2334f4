"""Binance USD-M as ccxt's HTTP session sees it: one market, one account, its errors and its silences.

Client ids are unique among open orders only (error -4116), so a market order that is sent again is executed again. Answers have
the fields and types of https://developers.binance.com/docs/derivatives/usds-margined-futures, as far as ccxt reads them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.exceptions import ReadTimeout
from requests.structures import CaseInsensitiveDict

from tests.crash_points.boundary import Crosser, Fault, FaultGroup, Operation
from tests.crash_points.world import PRICE, START, Arrival, Order, World

UNKNOWN_SECONDS = 0.0  # how long nothing is heard; what takes longer is a slow write
BLIND_SECONDS = 2.5  # a replica that answers reads lags behind by less than two look-ups are apart
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


class Session(requests.Session):
    """Takes the place of a client's HTTP session."""

    def __init__(self, crosser: Crosser, api_key: str) -> None:
        super().__init__()
        self._crosser, self._api_key = crosser, api_key

    def request(self, method: Any, url: Any, *_: Any, data: Any = None, headers: Any = None, **__: Any) -> requests.Response:
        if headers["X-MBX-APIKEY"] != self._api_key:
            raise AssertionError("signed with somebody else's key")
        split = urlsplit(str(url))
        body = data.decode() if isinstance(data, bytes) else data or ""
        parameters = dict(parse_qsl(f"{split.query}&{body}"))
        if len(parameters.pop("signature", "")) != 64:
            raise AssertionError("not signed")
        for moment in ("timestamp", "recvWindow"):
            parameters.pop(moment, None)
        operation = operation_of(str(method), split.path, parameters)
        try:
            return _response(200, self._crosser.cross(operation), {})
        except Refusal as no:
            return _response(no.status, {"code": no.code, "msg": no.text}, no.headers)


def operation_of(method: str, path: str, parameters: Parameters) -> Operation:
    """The request as a boundary."""
    if method == "POST" and path in (LIFE, ALGO):
        leg = parameters.get("type", "") or parameters.get("orderType", "")
        client_id = parameters["clientAlgoId" if path == ALGO else "newClientOrderId"]
        faults = _placing_faults(path, parameters)
        return Operation(f"create {parameters['side']} {leg}", _Placing(path, parameters), faults, client_id, at_venue=True)
    apply = _HANDLERS.get((method, path))
    if apply is None:
        raise AssertionError(f"the venue has no {method} {path}")
    faults = _changing_faults(apply, parameters) if method in ("DELETE", "POST") else _asking_faults()
    return Operation(f"{method} {path.removeprefix('/fapi/')}", lambda world: apply(world, parameters), faults, at_venue=True)


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


# -- orders -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Placing:
    path: str
    parameters: Parameters

    def __call__(self, world: World) -> Body:
        return _shown(place(world, self.path, self.parameters))


def place(world: World, path: str, parameters: Parameters, blind_seconds: float = 0, sent_at: float | None = None) -> Order:
    """Accept an order, and fill it at once if it is a market order; raises `Refusal`."""
    conditional = path == ALGO
    client_id = parameters["clientAlgoId" if conditional else "newClientOrderId"]
    if any(o.client_id == client_id and o.status == "NEW" and o.is_conditional is conditional for o in world.orders):
        raise Refusal(-4116, "ClientOrderId is duplicated.")
    quantity, side, reduces = Decimal(parameters["quantity"]), parameters["side"], parameters.get("reduceOnly") == "true"
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


def _cancel(world: World, parameters: Parameters) -> Body:
    conditional = "clientAlgoId" in parameters or "algoId" in parameters
    found = _found(world, parameters, conditional)
    if found is None or found.status != "NEW":
        raise Refusal(-2011, "Unknown order sent.")
    cancelled = replace(found, status="CANCELED", ended_at=world.now)
    world.orders = tuple(cancelled if order is found else order for order in world.orders)
    if conditional:
        return {"algoId": found.order_id, "clientAlgoId": found.client_id, "code": "200", "msg": "success"}
    return _shown(cancelled)


def _find(world: World, parameters: Parameters) -> Body:
    found = _found(world, parameters, "clientAlgoId" in parameters or "algoId" in parameters)
    if found is None or found.seen_from > world.now:
        raise Refusal(-2013, "Order does not exist.")
    return _shown(found)


def _found(world: World, parameters: Parameters, conditional: bool) -> Order | None:
    """The newest order of that client id, or the one of that id."""
    client_id = parameters.get("clientAlgoId" if conditional else "origClientOrderId")
    number = parameters.get("algoId" if conditional else "orderId")
    for order in reversed(world.orders):
        if order.is_conditional is conditional and (order.client_id == client_id or str(order.order_id) == number):
            return order
    return None


def _open(conditional: bool) -> Callable[[World, Parameters], Body]:
    def listed(world: World, _: Parameters) -> Body:
        resting = (o for o in world.orders if o.status == "NEW" and o.is_conditional is conditional)
        return [_shown(order) for order in resting if order.seen_from <= world.now]

    return listed


def _shown(order: Order) -> dict[str, Any]:
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


def _trades(world: World, parameters: Parameters) -> Body:
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


def _positions(world: World, _: Parameters) -> Body:
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


def _balance(_: World, __: Parameters) -> Body:
    return {"totalMarginBalance": "10000", "availableBalance": "10000", "assets": [], "positions": []}


def _leverage(_: World, parameters: Parameters) -> Body:
    return {"leverage": int(parameters["leverage"]), "maxNotionalValue": "1000000", "symbol": parameters["symbol"]}


def _margin_type(_: World, __: Parameters) -> Body:
    return {"code": 200, "msg": "success"}


_HANDLERS: Mapping[tuple[str, str], Callable[[World, Parameters], Body]] = {
    ("GET", LIFE): _find,
    ("GET", ALGO): _find,
    ("DELETE", LIFE): _cancel,
    ("DELETE", ALGO): _cancel,
    ("GET", "/fapi/v1/openOrders"): _open(False),
    ("GET", "/fapi/v1/openAlgoOrders"): _open(True),
    ("GET", "/fapi/v1/userTrades"): _trades,
    ("GET", "/fapi/v3/positionRisk"): _positions,
    ("GET", "/fapi/v3/account"): _balance,
    ("POST", "/fapi/v1/leverage"): _leverage,
    ("POST", "/fapi/v1/marginType"): _margin_type,
}


# -- what can go wrong ------------------------------------------------------------------------------------------------------


def _placing_faults(path: str, parameters: Parameters) -> tuple[Fault, ...]:
    def executed(world: World) -> None:
        place(world, path, parameters)

    def hidden(world: World) -> Body:
        return _shown(place(world, path, parameters, BLIND_SECONDS))

    def late(world: World) -> None:
        arrival = Arrival(world.now + LATEST_SECONDS, path, tuple(parameters.items()))
        world.arrivals = (*world.arrivals, arrival)

    def refused(world: World) -> None:
        world.refused_exits += path == LIFE and "reduceOnly" in parameters

    answers = {
        "accepted, then time-out": _then(executed, _time_out),
        "accepted, then 502": _then(executed, _gateway_error),
        "accepted, then -1007": _then(executed, _backend_timeout),
        "accepted, answered, not yet seen by readers": hidden,
        "lost on the way, time-out": _time_out,
        "not accepted, 503": _gateway_error,
        "not accepted, -1007": _backend_timeout,
        "arrives late, time-out": _then(late, _time_out),
        "rejected": _then(refused, _refused(-2019, "Margin is insufficient.")),
    }
    return (
        *(Fault(name, act, FaultGroup.ORDERS) for name, act in answers.items()),
        Fault("rate limited", _refused(-1003, "Too many requests.", 429, {"Retry-After": "5"})),
        Fault("order rate limited", _refused(-1015, "Too many new orders.", 429)),
    )


def _changing_faults(apply: Callable[[World, Parameters], Body], parameters: Parameters) -> tuple[Fault, ...]:
    def done(world: World) -> None:
        apply(world, parameters)

    return (
        Fault("done, then time-out", _then(done, _time_out)),
        Fault("not done, 503", _gateway_error),
        Fault("rate limited", _refused(-1003, "Too many requests.", 429, {"Retry-After": "5"})),
    )


def _asking_faults() -> tuple[Fault, ...]:
    return (Fault("time-out", _time_out), Fault("502", _gateway_error))


def _then(first: Callable[[World], None], answer: Callable[[World], Any]) -> Callable[[World], Any]:
    def both(world: World) -> Any:
        first(world)
        return answer(world)

    return both


def _time_out(world: World) -> Any:
    world.now += UNKNOWN_SECONDS
    raise ReadTimeout("Read timed out.")


def _gateway_error(world: World) -> Any:
    world.now += UNKNOWN_SECONDS
    raise Refusal(-1000, "An unknown error occurred while processing the request.", 502)


def _backend_timeout(world: World) -> Any:
    world.now += UNKNOWN_SECONDS
    raise Refusal(-1007, "Timeout waiting for response from backend server. Send status unknown; execution status unknown.", 408)


def _refused(code: int, text: str, status: int = 400, headers: Mapping[str, str] | None = None) -> Callable[[World], Any]:
    def refuse(_: World) -> Any:
        raise Refusal(code, text, status, headers)

    return refuse


def _milliseconds(at: float) -> int:
    return int(START.timestamp() * 1000 + at * 1000)


def _response(status: int, body: Body | Sequence[Any], headers: Mapping[str, str]) -> requests.Response:
    response = requests.Response()
    response.status_code, response.reason = status, ""
    response.headers = CaseInsensitiveDict({"Content-Type": "application/json", "x-mbx-used-weight-1m": "1", **headers})
    response._content = json.dumps(body).encode()
    return response
