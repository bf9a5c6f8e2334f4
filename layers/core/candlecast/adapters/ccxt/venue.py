"""A venue through ccxt's own classes, signing and parsing: orders of one account."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import ccxt

from candlecast.adapters.ccxt.clients import Templates, clone_for
from candlecast.adapters.ccxt.errors import NO_SUCH_ORDER, UNCHANGED, instruction, reading, venue_code
from candlecast.adapters.ccxt.session import whole_number
from candlecast.domain.account.account import Balance
from candlecast.domain.orders.intent import Intent
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import DomainError
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.terms import MarginMode, OrderType, PositionMode, PositionSide, Side
from candlecast.domain.venue.key_rights import KeyRights
from candlecast.domain.venue.reports import (
    FUNDING_AT_ONCE,
    FeeRates,
    LeverageCap,
    OrderRequest,
    VenueFunding,
    VenueOpenOrder,
    VenueOrder,
    VenueOrderStatus,
    VenuePosition,
    VenueTrade,
)
from candlecast.domain.venue.rules import BINANCE_USDM, VenueRules, rules_of
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
BOTH = "BOTH"  # the position side of one-way mode
MAX_TRADES = 1_000  # the most that Binance's userTrades lists at once
MARK_TOLERANCE = Decimal("0.01")  # of the notional: both are from one answer, so only rounding and lies are between them
_TRIGGER_PARAMETER = {  # which makes ccxt choose the venue's type: STOP, STOP_MARKET, TAKE_PROFIT ...
    OrderType.STOP_MARKET: "stopLossPrice",
    OrderType.STOP_LIMIT: "stopLossPrice",
    OrderType.TAKE_PROFIT_MARKET: "takeProfitPrice",
    OrderType.TAKE_PROFIT_LIMIT: "takeProfitPrice",
    OrderType.TRAILING_STOP: "trailingTriggerPrice",  # where it begins to follow
}


class CcxtVenue:
    """One venue as seen with one account's keys; every call is one request unless its docstring says otherwise."""

    def __init__(self, client: Any, rules: VenueRules = BINANCE_USDM) -> None:
        self._client = client
        self._rules = rules

    @property
    def used_weight(self) -> int | None:
        return whole_number(self._client.last_response_headers or {}, self._rules.used_weight_header)

    def create_order(self, request: OrderRequest) -> VenueOrder:
        """Place one order: plain ones at the order endpoint, those with a trigger at the one for conditional orders."""
        kind, price = ("limit", str(request.price)) if request.order_type.has_limit else ("market", None)
        sent = request.market, kind, request.side.value.lower(), str(request.quantity), price, _parameters(request)
        return self._call(lambda: _venue_order(self._client.create_order(*sent), request.client_order_id))

    def find_order(self, intent: Intent) -> VenueOrder | None:
        """Ask by client id; a filled order costs one more request for its fees, a triggered one another for its order."""
        conditional = intent.order_type.is_conditional
        found = self._find({"clientOrderId": intent.client_order_id, **({"trigger": True} if conditional else {})}, intent.market)
        if found is None:
            return None
        if conditional:
            placed = found["info"].get("actualOrderId")
            if found["info"].get("algoStatus") not in _TRIGGERED or not placed:
                return self._read(lambda: _venue_order(found, intent.client_order_id))
            found = self._find({}, intent.market, str(placed))
            if found is None:
                return None
        order = self._read(lambda: _venue_order(found, intent.client_order_id))
        return order if order.filled_quantity == 0 else self._with_fee(order, intent.market)

    def cancel_order(self, intent: Intent) -> None:
        """Cancel by client id; an order that is gone is cancelled.

        A conditional order with a price may have been triggered and rest in the book as another one: two requests more.
        """
        conditional = intent.order_type.is_conditional
        self._cancel(intent.client_order_id, intent.market, conditional=conditional)
        if conditional and intent.order_type.has_limit:
            found = self._find({"clientOrderId": intent.client_order_id, "trigger": True}, intent.market)
            placed = found["info"].get("actualOrderId") if found is not None else None
            if placed:
                self._settle(lambda: self._client.cancel_order(str(placed), intent.market), ignore=NO_SUCH_ORDER)

    def cancel_open_order(self, order: VenueOpenOrder) -> None:
        """Cancel by client id, as `cancel_order` does."""
        self._cancel(order.client_order_id, order.market, conditional=order.is_conditional)

    def set_market_settings(self, market: str, leverage: Decimal, margin_mode: MarginMode) -> None:
        """Set margin mode, then leverage: two requests."""
        self._settle(lambda: self._client.set_margin_mode(margin_mode.value.lower(), market), ignore=UNCHANGED)
        self._call(lambda: self._client.set_leverage(int(leverage), market))

    def set_position_mode(self, mode: PositionMode) -> None:
        """Set it for the whole account: one request."""
        self._settle(lambda: self._client.set_position_mode(mode is PositionMode.HEDGE), ignore=UNCHANGED)

    def find_order_by_venue_id(self, market: str, venue_order_id: str) -> VenueOrder | None:
        """Ask by the venue's id, for which the answer tells the client id."""
        found = self._find({}, market, venue_order_id)
        return None if found is None else self._read(lambda: _venue_order(found, str(found["clientOrderId"])))

    def open_orders(self, market: str | None = None) -> Sequence[VenueOpenOrder]:
        """Plain orders, then conditional ones: two requests, since Binance keeps them apart."""

        def listed(parameters: Mapping[str, Any], *, is_conditional: bool) -> list[VenueOpenOrder]:
            found = self._client.fetch_open_orders(market, params=dict(parameters))
            return [_open_order(order, is_conditional=is_conditional) for order in found]

        plain = self._read(lambda: listed({}, is_conditional=False))
        return plain + self._read(lambda: listed({"trigger": True}, is_conditional=True))

    def trades_since(self, market: str, since: datetime) -> Sequence[VenueTrade]:
        """Executions as `userTrades` lists them; Binance takes no start that is more than seven days ago."""
        return self._trades(market, since=_milliseconds(since))

    def positions(self) -> Sequence[VenuePosition]:
        """Positions that are not flat: net ones, or in hedge mode those of either side."""
        return self._read(lambda: _positions(self._client.fetch_positions()))

    def positions_in(self, market: str) -> Sequence[VenuePosition]:
        """The same of one market, by v2 of the endpoint, which lists a flat market too and never answers `[]`."""
        only = {"symbol": self._market(market)["id"], "useV2": True}
        return self._read(lambda: _positions(self._client.fetch_positions([market], only)))

    def balance(self, at: datetime) -> Balance:
        """Margin balance and its available part, as the venue values them."""
        return self._read(lambda: _balance(self._client.fetch_balance()["info"], at))

    def trades_of(self, market: str, venue_order_id: str) -> Sequence[VenueTrade]:
        """Executions of one order, whenever they were, as `userTrades` lists them."""
        return self._trades(market, of_order={"orderId": venue_order_id})

    def funding(self, since: datetime, until: datetime) -> Sequence[VenueFunding]:
        """Payments as the list of incomes has them, which goes three months back.

        A market that the catalogue lacks has the venue's own name.
        """
        span = {"startTime": _milliseconds(since), "endTime": _milliseconds(until)}
        asked = {"incomeType": "FUNDING_FEE", "limit": FUNDING_AT_ONCE, **span}
        return self._read(lambda: self._funding(self._client.fapiPrivateGetIncome(asked)))

    def fee_rates(self, market: str, at: datetime) -> FeeRates:
        """The account's own rates; Binance takes the discount for fees in BNB off afterwards."""
        asked = {"symbol": self._market(market)["id"]}
        return self._read(lambda: _fee_rates(self._client.fapiPrivateGetCommissionRate(asked), at))

    def leverage_caps(self, leverages: Mapping[str, Decimal], at: datetime) -> Mapping[str, LeverageCap]:
        """By the account's brackets; without a symbol all are listed, which weighs as much as those of one."""
        ids = {market: self._market(market)["id"] for market in leverages}
        listed = self._read(lambda: {row["symbol"]: row for row in self._client.fapiPrivateGetLeverageBracket()})
        return {market: _leverage_cap(listed.get(ids[market]), leverage, at) for market, leverage in leverages.items()}

    def mark_of(self, asset: str, quote: str) -> Decimal:
        """By Binance's name of a perpetual, which need not be in the catalogue."""
        asked = {"symbol": f"{asset}{quote}"}
        return self._read(lambda: _decimal(self._client.fapiPublicGetPremiumIndex(asked)["markPrice"]))

    def _trades(self, market: str, since: int | None = None, of_order: Mapping[str, str] | None = None) -> list[VenueTrade]:
        """As many executions as the venue lists at once; without a word it lists half of that."""
        quote, client = self._market(market)["quote"], self._client
        asked = market, since, MAX_TRADES, dict(of_order or {})
        return self._read(lambda: [_trade(fill["info"], market, quote) for fill in client.fetch_my_trades(*asked)])

    def _funding(self, rows: Sequence[Any]) -> list[VenueFunding]:
        known = self._client.markets_by_id
        paid = [_payment(row, known[row["symbol"]][0]["symbol"] if row["symbol"] in known else row["symbol"]) for row in rows]
        return sorted(paid, key=lambda payment: payment.paid_at)

    def key_rights(self) -> KeyRights | None:
        """The key's rights, which Binance tells at its spot host: one request; no request at a venue without the question."""
        if not self._rules.tells_key_rights:
            return None
        return self._read(lambda: _key_rights(self._client.sapiGetAccountApiRestrictions()))

    def _cancel(self, client_order_id: str, market: str, *, conditional: bool) -> None:
        parameters: dict[str, Any] = {"clientOrderId": client_order_id, **({"trigger": True} if conditional else {})}
        self._settle(lambda: self._client.cancel_order(None, market, parameters), ignore=NO_SUCH_ORDER)

    def _find(self, parameters: Mapping[str, Any], market: str, order_id: str | None = None) -> Any | None:
        try:
            return self._client.fetch_order(order_id, market, dict(parameters))
        except Exception as error:
            if isinstance(error, ccxt.OrderNotFound) or venue_code(error) in NO_SUCH_ORDER:
                return None
            raise reading(self._instruction(error)) from None

    def _with_fee(self, order: VenueOrder, market: str) -> VenueOrder:
        """The order with the fees of its fills in the quote currency; fees in another one leave it to be estimated."""
        trades = self.trades_of(market, order.venue_order_id)
        quantity = sum((trade.quantity for trade in trades), ZERO)
        if quantity != order.filled_quantity or any(trade.fee is None for trade in trades):
            return order
        notional = sum((trade.quantity * trade.price for trade in trades), ZERO)
        return replace(order, fee=sum((trade.fee_paid for trade in trades), ZERO), average_price=notional / quantity)

    def _call[T](self, request: Callable[[], T]) -> T:
        """Make a request that changes something; `from None` because ccxt's text holds the signed URL."""
        try:
            return request()
        except Exception as error:
            raise self._instruction(error) from None

    def _settle(self, request: Callable[[], Any], ignore: frozenset[str] | set[str]) -> None:
        """The same, where some refusals say that nothing is left to be done."""
        try:
            request()
        except Exception as error:
            if venue_code(error) not in ignore:
                raise self._instruction(error) from None

    def _market(self, symbol: str) -> Any:
        """ccxt's market; raises `Reject` (UNKNOWN_MARKET) if the catalogue does not have it."""
        return self._read(lambda: self._client.market(symbol))

    def _read[T](self, request: Callable[[], T]) -> T:
        try:
            return request()
        except Exception as error:
            raise reading(self._instruction(error)) from None

    def _instruction(self, error: Exception) -> DomainError:
        return instruction(error, self._client.last_response_headers)


class CcxtVenues:
    """`ports.venue.Venues`."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    def connect(self, venue: str, account_id: str, credential_version: str, credentials: Credentials) -> CcxtVenue:
        """The venue with these keys; a clone costs so little that none is kept, so a replaced key is in force at once."""
        return CcxtVenue(clone_for(self._templates.of(venue), credentials), rules_of(venue))


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


def _parameters(request: OrderRequest) -> dict[str, Any]:
    """The parameters of ccxt's unified call beside side, quantity and price; prices as exact text."""
    parameters: dict[str, Any] = {"clientOrderId": request.client_order_id}
    if request.position_side is not None:
        parameters["positionSide"] = request.position_side.value  # hedge mode, in which Binance refuses reduceOnly (-1106)
    elif request.reduce_only:
        parameters["reduceOnly"] = True
    if request.trigger_price is not None:
        parameters[_TRIGGER_PARAMETER[request.order_type]] = str(request.trigger_price)
    if request.callback_percent is not None:
        parameters["trailingPercent"] = str(request.callback_percent)
    if request.post_only:
        parameters["postOnly"] = True
    elif request.good_till is not None:
        parameters |= {"timeInForce": "GTD", "goodTillDate": int(request.good_till.timestamp() * 1000)}
    elif request.order_type.has_limit:
        parameters["timeInForce"] = request.time_in_force.value
    if request.stop_trigger is not None:
        parameters["workingType"] = request.stop_trigger.working_type.value
        if request.order_type is not OrderType.TRAILING_STOP:  # which has no price protection
            parameters["priceProtect"] = "TRUE" if request.stop_trigger.price_protect else "FALSE"
    return parameters


def _positions(found: Sequence[Any]) -> list[VenuePosition]:
    return [_position(each) for each in found if each["contracts"]]


def _position(found: Any) -> VenuePosition:
    info = found["info"]
    amount = _decimal(info["positionAmt"])
    return VenuePosition(
        market=found["symbol"],
        side=PositionSide.LONG if amount > 0 else PositionSide.SHORT,
        quantity=abs(amount),
        entry_price=_decimal(found["entryPrice"]),
        mark_price=_mark(info, amount),
        liquidation_price=_known(found.get("liquidationPrice")),
        leverage=_known(found.get("leverage")),
        margin_mode=MarginMode(found["marginMode"].upper()) if found.get("marginMode") else None,
        unrealised_pnl=_known(found.get("unrealizedPnl")),
    )


def _mark(info: Any, amount: Decimal) -> Decimal | None:
    """The mark price if the position's notional agrees: stops move by this price, and losses are limited by this price."""
    mark, notional = _known(info.get("markPrice")), _known(info.get("notional"))
    if mark is None or mark <= 0:
        return None
    disagrees = notional is not None and abs(notional - amount * mark) > abs(amount) * mark * MARK_TOLERANCE
    return None if disagrees else mark


def _balance(info: Any, at: datetime) -> Balance:
    """`assets` names each asset with a margin balance of its own, profits of its positions included."""
    told = {str(asset["asset"]): _decimal(asset["marginBalance"]) for asset in info["assets"]}
    return Balance(
        equity=_decimal(info["totalMarginBalance"]),
        available=_decimal(info["availableBalance"]),
        as_of=at,
        assets={asset: amount for asset, amount in told.items() if amount},
    )


def _payment(row: Any, market: str) -> VenueFunding:
    paid_at = datetime.fromtimestamp(int(row["time"]) / 1000, UTC)
    return VenueFunding(market=market, asset=str(row["asset"]), amount=_decimal(row["income"]), paid_at=paid_at)


def _fee_rates(told: Any, at: datetime) -> FeeRates:
    return FeeRates(_decimal(told["makerCommissionRate"]), _decimal(told["takerCommissionRate"]), at)


def _leverage_cap(told: Any, leverage: Decimal, at: datetime) -> LeverageCap:
    """The highest cap of the brackets that allow the leverage.

    `notionalCoef` is an account's own multiplier. The documents leave open whether the caps include it, so it only widens them.
    """
    rows = () if told is None else told["brackets"]
    caps = [_decimal(row["notionalCap"]) for row in rows if _decimal(row["initialLeverage"]) >= leverage]
    wider = max(Decimal(1), _decimal(None if told is None else told.get("notionalCoef")))
    return LeverageCap(leverage, max(caps) * wider if caps else None, at)


def _key_rights(told: Any) -> KeyRights:
    """https://developers.binance.com/docs/wallet/account/api-key-permission. Portfolio margin leaves `enableFutures` false."""
    return KeyRights(
        withdraws=told["enableWithdrawals"],
        transfers=told["enableInternalTransfer"] or told["permitsUniversalTransfer"],
        trades=told["enableReading"] and told["enableFutures"],
        is_bound=told["ipRestrict"],
    )


def _open_order(order: Any, *, is_conditional: bool) -> VenueOpenOrder:
    trigger = order["info"].get("triggerPrice")  # of conditional orders only; ccxt drops one that is a Decimal already
    return VenueOpenOrder(
        client_order_id=str(order["clientOrderId"]),
        venue_order_id=str(order["id"]),
        market=str(order["symbol"]),
        side=Side(str(order["side"]).upper()),
        quantity=_decimal(order["amount"]),
        trigger_price=_known(trigger) or None,
        is_conditional=is_conditional,
        reduce_only=_only_closes(order),
    )


def _only_closes(order: Any) -> bool:
    """Whether an order can open nothing: by its flag, or in hedge mode, where no order has the flag, by its side."""
    flagged = str(order["info"].get("reduceOnly", False)).lower() == "true"
    held = order["info"].get("positionSide")
    return flagged or (str(order["side"]).upper(), held) in (("SELL", "LONG"), ("BUY", "SHORT"))


def _trade(info: Any, market: str, quote: str) -> VenueTrade:
    """From the venue's own fields: ccxt reads a fee twice, and drops one that is a Decimal already."""
    return VenueTrade(
        trade_id=str(info["id"]),
        venue_order_id=str(info["orderId"]),
        market=market,
        side=Side(info["side"]),
        quantity=_decimal(info["qty"]),
        price=_decimal(info["price"]),
        fee=_decimal(info["commission"]) if info["commissionAsset"] == quote else None,
        traded_at=datetime.fromtimestamp(int(info["time"]) / 1000, UTC),
        position_side=PositionSide(info["positionSide"]) if info.get("positionSide", BOTH) != BOTH else None,
        fee_paid=_decimal(info["commission"]),
        fee_asset=str(info["commissionAsset"]),
    )


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def _known(value: object) -> Decimal | None:
    return None if value in (None, "") else _decimal(value)


def _decimal(value: object) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value or 0))
