"""What a client asks for, read from its parameters with the venue's own complaints about them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from functions.paper_exchange import errors
from functions.paper_exchange.account import ZERO, OrderKind, Side

CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}", re.ASCII)
NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{0,20})?", re.ASCII)
CONDITIONAL_NAMES = frozenset({"STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"})
TIMES_IN_FORCE = frozenset({"GTC", "IOC", "FOK", "GTX"})
WORKING_TYPES = frozenset({"CONTRACT_PRICE", "MARK_PRICE"})
MAX_LONG = 2**63 - 1

Parameters = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A checked POST /fapi/v1/order; `client_id` is empty if the client sent none."""

    symbol: str
    side: Side
    kind: OrderKind
    quantity: Decimal
    price: Decimal
    time_in_force: str
    reduce_only: bool
    client_id: str


@dataclass(frozen=True, slots=True)
class AlgoRequest:
    """A checked POST /fapi/v1/algoOrder; `quantity` is zero if it closes the position."""

    symbol: str
    side: Side
    kind: OrderKind
    quantity: Decimal
    trigger_price: Decimal
    reduce_only: bool
    close_position: bool
    working_type: str
    client_id: str


@dataclass(frozen=True, slots=True)
class OrderReference:
    """An order by the venue's id or by the client's; exactly one is set."""

    order_id: int | None
    client_id: str


def required(parameters: Parameters, name: str) -> str:
    value = parameters.get(name)
    if not value:
        raise errors.missing_parameter(name)
    return value


def whole_number(parameters: Parameters, name: str, default: int | None = None) -> int | None:
    """An integer parameter, or `default` if it was not sent."""
    text = parameters.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"-?[0-9]{1,19}", text, re.ASCII) or abs(int(text)) > MAX_LONG:
        raise errors.illegal_characters(name, r"^[0-9]{1,20}$")
    return int(text)


def bounded(parameters: Parameters, name: str, default: int, maximum: int) -> int:
    """A page size; one that is out of range is refused."""
    value = whole_number(parameters, name, default)
    if value is None or not 1 <= value <= maximum:
        raise errors.invalid_parameter(name)
    return value


def decimal_number(parameters: Parameters, name: str) -> Decimal | None:
    text = parameters.get(name)
    if text is None:
        return None
    if not text:
        raise errors.empty_parameter(name)
    if not NUMBER.fullmatch(text):
        raise errors.illegal_characters(name, r"^([0-9]{1,20})(\.[0-9]{1,20})?$")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise errors.illegal_characters(name, r"^([0-9]{1,20})(\.[0-9]{1,20})?$") from None


def required_decimal(parameters: Parameters, name: str) -> Decimal:
    value = decimal_number(parameters, name)
    if value is None:
        raise errors.missing_parameter(name)
    return value


def flag(parameters: Parameters, name: str) -> bool:
    """A boolean parameter; the venue takes `true` and `false` in any case."""
    text = parameters.get(name, "false").lower()
    if text not in ("true", "false"):
        raise errors.invalid_parameter(name)
    return text == "true"


def side_of(parameters: Parameters) -> Side:
    try:
        return Side(required(parameters, "side"))
    except ValueError:
        raise errors.invalid_side() from None


def client_id(parameters: Parameters, name: str) -> str:
    """A client's id for an order, empty if it sent none."""
    text = parameters.get(name)
    if text is None:
        return ""
    if not CLIENT_ID.fullmatch(text):
        raise errors.invalid_client_id()
    return text


def require_one_way(parameters: Parameters) -> None:
    if parameters.get("positionSide", "BOTH") != "BOTH":
        raise errors.position_side_mismatch()


def parse_order(parameters: Parameters) -> OrderRequest:
    """Read a market or limit order; conditional types belong to the algo endpoint (-4120)."""
    symbol, side = required(parameters, "symbol"), side_of(parameters)
    name = required(parameters, "type")
    if name in CONDITIONAL_NAMES:
        raise errors.use_algo_endpoint()
    if name not in (OrderKind.MARKET, OrderKind.LIMIT):
        raise errors.invalid_order_type()
    require_one_way(parameters)
    kind = OrderKind(name)
    price, time_in_force = ZERO, "GTC"
    if kind is OrderKind.LIMIT:
        price = required_decimal(parameters, "price")
        time_in_force = required(parameters, "timeInForce")
        if time_in_force not in TIMES_IN_FORCE:
            raise errors.invalid_time_in_force()
    elif "price" in parameters:
        raise errors.unwanted_parameter("price")
    return OrderRequest(
        symbol=symbol,
        side=side,
        kind=kind,
        quantity=required_decimal(parameters, "quantity"),
        price=price,
        time_in_force=time_in_force,
        reduce_only=flag(parameters, "reduceOnly"),
        client_id=client_id(parameters, "newClientOrderId"),
    )


def parse_algo_order(parameters: Parameters) -> AlgoRequest:
    """Read a stop or target that becomes a market order."""
    if required(parameters, "algoType") != "CONDITIONAL":
        raise errors.invalid_parameter("algoType")
    symbol, side = required(parameters, "symbol"), side_of(parameters)
    name = required(parameters, "type")
    if name not in (OrderKind.STOP_MARKET, OrderKind.TAKE_PROFIT_MARKET):
        raise errors.not_supported() if name in CONDITIONAL_NAMES else errors.invalid_order_type()
    require_one_way(parameters)
    close_position, reduce_only = flag(parameters, "closePosition"), flag(parameters, "reduceOnly")
    if close_position and "quantity" in parameters:
        raise errors.close_position_with_quantity()
    if close_position and "reduceOnly" in parameters:
        raise errors.unwanted_parameter("reduceOnly")
    working_type = parameters.get("workingType", "CONTRACT_PRICE")
    if working_type not in WORKING_TYPES:
        raise errors.invalid_parameter("workingType")
    return AlgoRequest(
        symbol=symbol,
        side=side,
        kind=OrderKind(name),
        quantity=ZERO if close_position else required_decimal(parameters, "quantity"),
        trigger_price=required_decimal(parameters, "triggerPrice"),
        reduce_only=reduce_only,
        close_position=close_position,
        working_type=working_type,
        client_id=client_id(parameters, "clientAlgoId"),
    )


def parse_reference(parameters: Parameters, id_name: str, client_id_name: str) -> OrderReference:
    """Which order is meant; the venue's id wins if both are sent."""
    order_id = whole_number(parameters, id_name)
    named = parameters.get(client_id_name, "")
    if order_id is None and not named:
        raise errors.VenueError(-1102, f"Param '{client_id_name}' or '{id_name}' must be sent, but both were empty/null!")
    return OrderReference(order_id, named if order_id is None else "")
