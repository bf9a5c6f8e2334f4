"""A client's requests, read from its parameters with the venue's own complaints about them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from paper_exchange import errors
from paper_exchange.accounts.account import EXPIRE_MAKER, MARK_PRICE, NO_MATCH, ZERO, OrderKind, PositionSide, Side

CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}", re.ASCII)
NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{0,20})?", re.ASCII)
CONDITIONAL_NAMES = frozenset(set(OrderKind) - {OrderKind.MARKET, OrderKind.LIMIT})
CLOSING_NAMES = frozenset({"STOP_MARKET", "TAKE_PROFIT_MARKET"})  # what closePosition may be sent with
MIN_CALLBACK_RATE, MAX_CALLBACK_RATE = Decimal("0.1"), Decimal(10)  # percent, the venue's bounds of a trailing distance
SELF_TRADE_PREVENTIONS = frozenset({"NONE", "EXPIRE_TAKER", EXPIRE_MAKER, "EXPIRE_BOTH"})
MATCHES = ("OPPONENT", "OPPONENT_5", "OPPONENT_10", "OPPONENT_20", "QUEUE", "QUEUE_5", "QUEUE_10", "QUEUE_20")
PRICE_MATCHES = frozenset({NO_MATCH, *MATCHES})
GTD = "GTD"  # good till a date
TIMES_IN_FORCE = frozenset({"GTC", "IOC", "FOK", "GTX", GTD})
WORKING_TYPES = frozenset({"CONTRACT_PRICE", MARK_PRICE})
MAX_LONG = 2**63 - 1

Parameters = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A checked POST /fapi/v1/order; `client_id` is empty if the client sent none.

    `names_reduce_only` tells that reduceOnly was sent at all, which hedge mode refuses. `wants_result` asks for the order's end
    in the answer, as far as the venue tells it there.
    """

    symbol: str
    side: Side
    kind: OrderKind
    quantity: Decimal
    price: Decimal
    time_in_force: str
    reduce_only: bool
    client_id: str
    position_side: PositionSide = PositionSide.BOTH
    names_reduce_only: bool = False
    self_trade_prevention: str = EXPIRE_MAKER
    wants_result: bool = False
    good_till_ms: int = 0
    price_match: str = NO_MATCH


@dataclass(frozen=True, slots=True)
class Amendment:
    """A checked PUT /fapi/v1/order; `price` is zero if it comes from the book. `reduce_only` is only checked."""

    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    price_match: str = NO_MATCH
    modify_id: int | None = None
    reduce_only: bool = False


@dataclass(frozen=True, slots=True)
class AlgoRequest:
    """A checked POST /fapi/v1/algoOrder; `quantity` is zero if it closes the position.

    `price` is zero unless the order becomes a limit order. `trigger_price` is zero unless there is a trigger. `activate_price` is
    zero if a trailing stop trails at once. `callback_rate` is in percent.
    """

    symbol: str
    side: Side
    kind: OrderKind
    quantity: Decimal
    trigger_price: Decimal
    reduce_only: bool
    close_position: bool
    working_type: str
    client_id: str
    position_side: PositionSide = PositionSide.BOTH
    names_reduce_only: bool = False
    time_in_force: str = "GTC"
    price: Decimal = ZERO
    activate_price: Decimal = ZERO
    callback_rate: Decimal = ZERO
    self_trade_prevention: str = EXPIRE_MAKER
    good_till_ms: int = 0
    price_match: str = NO_MATCH
    price_protect: bool = False


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


def position_side_of(parameters: Parameters) -> PositionSide:
    try:
        return PositionSide(parameters.get("positionSide", "BOTH"))
    except ValueError:
        raise errors.invalid_position_side() from None


def time_in_force_of(text: str) -> str:
    if text not in TIMES_IN_FORCE:
        raise errors.invalid_time_in_force()
    return text


def self_trade_prevention(parameters: Parameters) -> str:
    given = parameters.get("selfTradePreventionMode", EXPIRE_MAKER)
    if given not in SELF_TRADE_PREVENTIONS:
        raise errors.invalid_parameter("selfTradePreventionMode")
    return given


def wants_result(parameters: Parameters) -> bool:
    """Whether `newOrderRespType` is RESULT; the venue's default is ACK (-1136 for anything else)."""
    given = parameters.get("newOrderRespType", "ACK")
    if given not in ("ACK", "RESULT"):
        raise errors.invalid_response_type()
    return given == "RESULT"


def good_till_date(parameters: Parameters, time_in_force: str) -> int:
    """When an order ends, zero unless it is good till a date: then the date is mandatory, and else not wanted (-1106)."""
    date = whole_number(parameters, "goodTillDate")
    if time_in_force != GTD and date:
        raise errors.unwanted_parameter("goodTillDate")
    if time_in_force == GTD and date is None:
        raise errors.missing_parameter("goodTillDate")
    if time_in_force == GTD and not date:
        raise errors.invalid_good_till_date()
    return date or 0


def matched_price_of(parameters: Parameters) -> tuple[Decimal, str]:
    """A price, or the place in the book that it comes from; raises `VenueError` -5037, and -1106 for both."""
    match = parameters.get("priceMatch", NO_MATCH)
    if match not in PRICE_MATCHES:
        raise errors.invalid_price_match()
    if match == NO_MATCH:
        return required_decimal(parameters, "price"), match
    if "price" in parameters:
        raise errors.unwanted_parameter("price")
    return ZERO, match


def refuse_price_match(parameters: Parameters) -> None:
    """An order without a limit has no price to take from the book (-5038)."""
    if parameters.get("priceMatch", NO_MATCH) != NO_MATCH:
        raise errors.price_match_unsupported()


def parse_order(parameters: Parameters) -> OrderRequest:
    """Read a market or limit order; conditional types belong to the algo endpoint (-4120)."""
    symbol, side = required(parameters, "symbol"), side_of(parameters)
    name = required(parameters, "type")
    if name in CONDITIONAL_NAMES:
        raise errors.use_algo_endpoint()
    if name not in (OrderKind.MARKET, OrderKind.LIMIT):
        raise errors.invalid_order_type()
    kind = OrderKind(name)
    price, match, time_in_force = ZERO, NO_MATCH, "GTC"
    if kind is OrderKind.LIMIT:
        price, match = matched_price_of(parameters)
        time_in_force = time_in_force_of(required(parameters, "timeInForce"))
    elif "price" in parameters:
        raise errors.unwanted_parameter("price")
    else:
        refuse_price_match(parameters)
    return OrderRequest(
        symbol=symbol,
        side=side,
        kind=kind,
        quantity=required_decimal(parameters, "quantity"),
        price=price,
        time_in_force=time_in_force,
        reduce_only=flag(parameters, "reduceOnly"),
        client_id=client_id(parameters, "newClientOrderId"),
        position_side=position_side_of(parameters),
        names_reduce_only="reduceOnly" in parameters,
        self_trade_prevention=self_trade_prevention(parameters),
        wants_result=wants_result(parameters),
        good_till_ms=good_till_date(parameters, time_in_force),
        price_match=match,
    )


def parse_amendment(parameters: Parameters) -> Amendment:
    """Read new terms of a resting limit order: the venue wants both price and quantity."""
    price, match = matched_price_of(parameters)
    return Amendment(
        symbol=required(parameters, "symbol"),
        side=side_of(parameters),
        quantity=required_decimal(parameters, "quantity"),
        price=price,
        price_match=match,
        modify_id=whole_number(parameters, "modifyId"),
        reduce_only=flag(parameters, "reduceOnly"),
    )


def parse_algo_order(parameters: Parameters) -> AlgoRequest:
    """Read a stop or target, with or without a limit, or a trailing stop."""
    if required(parameters, "algoType") != "CONDITIONAL":
        raise errors.invalid_parameter("algoType")
    symbol, side = required(parameters, "symbol"), side_of(parameters)
    name = required(parameters, "type")
    if name not in CONDITIONAL_NAMES:
        raise errors.invalid_order_type()
    kind = OrderKind(name)
    close_position = _closes_position(parameters, kind)
    working_type = parameters.get("workingType", "CONTRACT_PRICE")
    if working_type not in WORKING_TYPES:
        raise errors.invalid_parameter("workingType")
    wants_result(parameters)  # the algo service answers the same to either
    trails, lifetime = kind is OrderKind.TRAILING_STOP_MARKET, _lifetime(parameters, close_position=close_position)
    price, match = ZERO, NO_MATCH
    if kind.becomes_limit:
        price, match = matched_price_of(parameters)
    else:
        refuse_price_match(parameters)
    return AlgoRequest(
        symbol=symbol,
        side=side,
        kind=kind,
        quantity=ZERO if close_position else required_decimal(parameters, "quantity"),
        trigger_price=ZERO if trails else required_decimal(parameters, "triggerPrice"),
        reduce_only=flag(parameters, "reduceOnly"),
        close_position=close_position,
        working_type=working_type,
        client_id=client_id(parameters, "clientAlgoId"),
        position_side=position_side_of(parameters),
        names_reduce_only="reduceOnly" in parameters,
        time_in_force=lifetime,
        good_till_ms=good_till_date(parameters, lifetime),
        price=price,
        price_match=match,
        activate_price=_activation_price(parameters) if trails else ZERO,
        callback_rate=_callback_rate(parameters) if trails else ZERO,
        self_trade_prevention=self_trade_prevention(parameters),
        price_protect=flag(parameters, "priceProtect"),
    )


def _lifetime(parameters: Parameters, *, close_position: bool) -> str:
    """The time in force of a conditional order; every order that closes the whole position ends with that position."""
    given = parameters.get("timeInForce", "GTC")
    ends_with_position = close_position or given == "GTE_GTC"
    return "GTE_GTC" if ends_with_position else time_in_force_of(given)


def _closes_position(parameters: Parameters, kind: OrderKind) -> bool:
    close_position = flag(parameters, "closePosition")
    if close_position and kind not in CLOSING_NAMES:
        raise errors.invalid_combination(kind)
    if close_position and "quantity" in parameters:
        raise errors.close_position_with_quantity()
    if close_position and "reduceOnly" in parameters:
        raise errors.unwanted_parameter("reduceOnly")
    return close_position


def _activation_price(parameters: Parameters) -> Decimal:
    """Where a trailing stop begins; both of the venue's own names are taken, and answers use the shorter one."""
    name = "activationPrice" if "activationPrice" in parameters else "activatePrice"
    return decimal_number(parameters, name) or ZERO


def _callback_rate(parameters: Parameters) -> Decimal:
    """The trailing distance: 0.1 to 10 percent in steps of 0.1."""
    rate = required_decimal(parameters, "callbackRate")
    if not MIN_CALLBACK_RATE <= rate <= MAX_CALLBACK_RATE or rate % MIN_CALLBACK_RATE:
        raise errors.invalid_parameter("callbackRate")
    return rate


def parse_reference(parameters: Parameters, id_name: str, client_id_name: str) -> OrderReference:
    """Which order is meant; the venue's id wins if both are sent."""
    order_id = whole_number(parameters, id_name)
    named = parameters.get(client_id_name, "")
    if order_id is None and not named:
        raise errors.VenueError(-1102, f"Param '{client_id_name}' or '{id_name}' must be sent, but both were empty/null!")
    return OrderReference(order_id, named if order_id is None else "")
