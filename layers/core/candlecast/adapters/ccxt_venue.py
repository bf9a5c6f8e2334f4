"""A venue through ccxt's own classes, signing and parsing: orders of one account (EX13, D5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import ccxt

from candlecast.adapters.ccxt_clients import Templates, clone_for
from candlecast.adapters.ccxt_errors import NO_SUCH_ORDER, UNCHANGED, instruction, reading, venue_code
from candlecast.domain.account import Balance
from candlecast.domain.money import ZERO
from candlecast.domain.order import Intent, OrderRequest, OrderType, VenueOrder, VenueOrderStatus, VenuePosition
from candlecast.domain.signal import PositionSide
from candlecast.domain.subscription import MarginMode
from candlecast.ports.venue import Credentials

_STATUS = {
    "open": VenueOrderStatus.OPEN,
    "closed": VenueOrderStatus.FILLED,
    "canceled": VenueOrderStatus.CANCELLED,
    "canceling": VenueOrderStatus.OPEN,
    "expired": VenueOrderStatus.CANCELLED,
    "rejected": VenueOrderStatus.REJECTED,
}
_TRIGGERED = {"TRIGGERING", "TRIGGERED", "FINISHED"}  # Binance's algoStatus once an order was sent for it
_TRIGGER_PARAMETER = {OrderType.STOP_MARKET: "stopLossPrice", OrderType.TAKE_PROFIT_MARKET: "takeProfitPrice"}


class CcxtVenue:
    """One venue as seen with one account's keys; every call is one request unless its docstring says otherwise."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def create_order(self, request: OrderRequest) -> VenueOrder:
        """Place one order: market orders at the order endpoint, stops and targets at the one for conditional orders."""
        parameters: dict[str, Any] = {"clientOrderId": request.client_order_id}
        if request.reduce_only:
            parameters["reduceOnly"] = True
        if request.order_type.is_conditional:
            parameters[_TRIGGER_PARAMETER[request.order_type]] = str(request.trigger_price)
        answer = self._call(
            lambda: self._client.create_order(
                request.market, "market", request.side.value.lower(), str(request.quantity), None, parameters
            )
        )
        return _venue_order(answer, request.client_order_id)

    def find_order(self, intent: Intent) -> VenueOrder | None:
        """Ask by client id; a filled order costs one more request for its fees, a triggered one another for its order."""
        conditional = intent.order_type.is_conditional
        found = self._find({"clientOrderId": intent.client_order_id, **({"trigger": True} if conditional else {})}, intent.market)
        if found is None:
            return None
        if conditional:
            placed = found["info"].get("actualOrderId")
            if found["info"].get("algoStatus") not in _TRIGGERED or not placed:
                return _venue_order(found, intent.client_order_id)
            found = self._find({}, intent.market, str(placed))
            if found is None:
                return None
        order = _venue_order(found, intent.client_order_id)
        return order if order.filled_quantity == 0 else self._with_fee(order, intent.market)

    def cancel_order(self, intent: Intent) -> None:
        """Cancel by client id; an order that is gone is cancelled."""
        parameters = {"clientOrderId": intent.client_order_id}
        if intent.order_type.is_conditional:
            parameters |= {"trigger": True}  # type: ignore[dict-item]
        self._call(lambda: self._client.cancel_order(None, intent.market, parameters), ignore=NO_SUCH_ORDER)

    def set_market_settings(self, market: str, leverage: Decimal, margin_mode: MarginMode) -> None:
        """Set margin mode, then leverage: two requests."""
        self._call(lambda: self._client.set_margin_mode(margin_mode.value.lower(), market), ignore=UNCHANGED)
        self._call(lambda: self._client.set_leverage(int(leverage), market))

    def open_order_ids(self, market: str | None = None) -> frozenset[str]:
        """Client ids of open conditional orders: ours that rest are all of that kind."""
        orders = self._read(lambda: self._client.fetch_open_orders(market, params={"trigger": True}))
        return frozenset(str(order["clientOrderId"]) for order in orders)

    def positions(self) -> Sequence[VenuePosition]:
        """Net positions that are not flat."""
        return [
            VenuePosition(
                market=position["symbol"],
                side=PositionSide(position["side"].upper()),
                quantity=_decimal(position["contracts"]),
                entry_price=_decimal(position["entryPrice"]),
            )
            for position in self._read(lambda: self._client.fetch_positions())
            if position["contracts"]
        ]

    def balance(self, at: datetime) -> Balance:
        """Margin balance and what is available of it, as the venue values them."""
        info = self._read(lambda: self._client.fetch_balance())["info"]
        return Balance(equity=_decimal(info["totalMarginBalance"]), available=_decimal(info["availableBalance"]), as_of=at)

    def _find(self, parameters: Mapping[str, Any], market: str, order_id: str | None = None) -> Any | None:
        try:
            return self._client.fetch_order(order_id, market, dict(parameters))
        except ccxt.BaseError as error:
            if isinstance(error, ccxt.OrderNotFound) or venue_code(error) in NO_SUCH_ORDER:
                return None
            raise reading(instruction(error, self._client.last_response_headers)) from None

    def _with_fee(self, order: VenueOrder, market: str) -> VenueOrder:
        """The order with what its fills cost in the quote currency; fees in another one leave it to be estimated."""
        fills = self._read(lambda: self._client.fetch_my_trades(market, params={"orderId": order.venue_order_id}))
        quote = self._client.market(market)["quote"]
        fees = [fill["info"] for fill in fills]  # ccxt itself reads each fee twice, and drops one that is a Decimal already
        if not fees or any(fee["commissionAsset"] != quote for fee in fees):
            return order
        return VenueOrder(
            client_order_id=order.client_order_id,
            venue_order_id=order.venue_order_id,
            status=order.status,
            filled_quantity=order.filled_quantity,
            average_price=order.average_price,
            fee=sum((_decimal(fee["commission"]) for fee in fees), ZERO),
        )

    def _call(self, request: Callable[[], Any], ignore: frozenset[str] | set[str] = frozenset()) -> Any:
        """Make a request that changes something; `from None` because ccxt's text holds the signed URL."""
        try:
            return request()
        except ccxt.BaseError as error:
            if venue_code(error) in ignore:
                return None
            raise instruction(error, self._client.last_response_headers) from None

    def _read(self, request: Callable[[], Any]) -> Any:
        try:
            return request()
        except ccxt.BaseError as error:
            raise reading(instruction(error, self._client.last_response_headers)) from None


class CcxtVenues:
    """`ports.venue.Venues`."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    def connect(self, venue: str, account_id: str, credential_version: str, credentials: Credentials) -> CcxtVenue:
        """The venue with these keys; a clone costs so little that none is kept, so a replaced key is in force at once (SU7)."""
        return CcxtVenue(clone_for(self._templates.of(venue), credentials))


def _venue_order(answer: Any, client_order_id: str) -> VenueOrder:
    filled = _decimal(answer["filled"])
    status = _STATUS.get(str(answer["status"]), VenueOrderStatus.OPEN)
    return VenueOrder(
        client_order_id=client_order_id,
        venue_order_id=str(answer["id"]),
        status=status,
        filled_quantity=filled,
        average_price=_decimal(answer["average"]) if filled > 0 else None,
    )


def _decimal(value: object) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value or 0))
