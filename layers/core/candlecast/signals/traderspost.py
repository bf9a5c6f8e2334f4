"""TradersPost's webhook body (their "JSON Message Reference").

`sentiment` names the position that should be open afterwards, so a buy that should leave nothing or a short behind only covers.
Quantities are the sender's own and are kept as metadata: each subscriber's sizing decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.values.money import HUNDRED
from candlecast.domain.values.terms import PositionSide
from candlecast.signals.dialect import ParsedSignal
from candlecast.signals.fields import (
    instant,
    metadata,
    number,
    of_entry,
    positive_number,
    present,
    required_text,
    text,
    ticker,
    word,
)
from candlecast.signals.levels import check_levels, level
from candlecast.signals.message import Message
from candlecast.signals.refusal import Refusal, RefusedMessage

UNSUPPORTED_ACTIONS = frozenset({"cancel", "add", "reverse", "breakeven"})
SENTIMENTS = {"bullish": "bullish", "long": "bullish", "bearish": "bearish", "short": "bearish", "flat": "flat"}
ACTIONS = {
    ("buy", None): Action.LONG,
    ("buy", "bullish"): Action.LONG,
    ("buy", "bearish"): Action.EXIT_SHORT,
    ("buy", "flat"): Action.EXIT_SHORT,
    ("sell", None): Action.SHORT,
    ("sell", "bearish"): Action.SHORT,
    ("sell", "bullish"): Action.EXIT_LONG,
    ("sell", "flat"): Action.EXIT_LONG,
    ("exit", None): Action.EXIT,
    ("exit", "flat"): Action.EXIT,
}
ORDER_TYPES = frozenset({"limit", "stop", "stop_limit", "trailing_stop"})
ORDER_PRICES = ("limitPrice", "stopPrice", "trailAmount", "trailPercent")
TIMES_IN_FORCE = frozenset({"day", "gtc", "ioc", "fok"})  # a market order fills at once under any of these
EXPLAINING = ("quantity", "quantityType", "interval")
PROTECTIONS = frozenset({"stoploss", "takeprofit", "takeprofits", "sl", "tp"})  # in any case, with or without underscores
OPTION_FIELDS = ("optionType", "intrinsicValue", "expiration", "strikeCount", "strikesAway", "strikePrice")


class TradersPost:
    """The TradersPost dialect."""

    name = "traderspost"

    def matches(self, message: Message) -> bool:
        return message.fields.keys() >= {"ticker", "action"}

    def parse(self, message: Message) -> ParsedSignal:
        fields = message.fields
        action = _action(fields)
        _refuse_unsupported(fields, action)
        is_entry = action.is_entry
        if is_entry:
            _refuse_lost_terms(fields)
        price = of_entry(_price, fields, "signalPrice", is_entry=is_entry)
        stop, targets = _bracket(fields, PositionSide(action.value), price) if is_entry else (None, ())
        return ParsedSignal(
            action=action,
            ticker=ticker(fields, "ticker"),
            price=price,
            stop_loss=stop,
            take_profits=targets,
            sender_id=text(fields, "signal_id"),
            sent_at=of_entry(instant, fields, "time", is_entry=is_entry),
            metadata=metadata({"dialect": self.name} | {name: fields.get(name) for name in EXPLAINING}, fields.get("extras")),
        )


def _price(fields: Mapping[str, object], name: str) -> Decimal | None:
    """The reference price, by its name or by its alias `price`."""
    return positive_number(fields, name) or positive_number(fields, "price")


def _action(fields: Mapping[str, object]) -> Action:
    name = required_text(fields, "action").lower()
    if name in UNSUPPORTED_ACTIONS:
        raise RefusedMessage(Refusal.UNSUPPORTED_ACTION, "action must be one of buy, sell, exit")
    if name not in ("buy", "sell", "exit"):
        raise RefusedMessage(Refusal.INVALID_ACTION, "action must be one of buy, sell, exit")
    written = word(fields, "sentiment")
    if written is not None and written not in SENTIMENTS:
        raise RefusedMessage(Refusal.INVALID_SENTIMENT, "sentiment must be one of bullish, long, bearish, short, flat")
    sentiment = None if written is None else SENTIMENTS[written]
    if (name, sentiment) not in ACTIONS:
        raise RefusedMessage(Refusal.INVALID_SENTIMENT, "exit takes no sentiment but flat")
    return ACTIONS[name, sentiment]


def _refuse_unsupported(fields: Mapping[str, object], action: Action) -> None:
    """Refuse what a market order for every subscriber would only half do."""
    _check_order_type(fields)
    in_force = word(fields, "timeInForce")
    if in_force is not None and in_force not in TIMES_IN_FORCE:
        raise RefusedMessage(Refusal.UNSUPPORTED_TIME_IN_FORCE, "timeInForce must be one of day, gtc, ioc, fok")
    if any(present(fields, name) for name in OPTION_FIELDS):
        raise RefusedMessage(Refusal.UNSUPPORTED_OPTIONS, "options are not traded")
    if number(fields, "delay"):
        raise RefusedMessage(Refusal.UNSUPPORTED_DELAY, "delay must be 0: a signal is acted on at once")
    # A quantity means nothing to other accounts, but a share of the position means the same to all of them.
    if not action.is_entry and word(fields, "quantityType") == "percent_of_position":
        share = positive_number(fields, "quantity")
        if share is not None and share < HUNDRED:
            raise RefusedMessage(Refusal.UNSUPPORTED_PARTIAL_EXIT, "an exit closes the whole position")


def _refuse_lost_terms(fields: Mapping[str, object]) -> None:
    """Refuse an entry whose stop, target or price of order is named as another dialect names it: ignored, it would be none."""
    for name in fields.keys() - {"stopLoss", "takeProfit"}:
        if present(fields, name) and "".join(filter(str.isalnum, name)).lower() in PROTECTIONS:
            raise RefusedMessage(
                Refusal.UNKNOWN_FIELD,
                "this dialect names a stop stopLoss and a target takeProfit, each an object; native JSON (action LONG or SHORT) "
                "has stop_loss and take_profits",
            )
    if isinstance(fields.get("entry"), dict):
        raise RefusedMessage(Refusal.UNSUPPORTED_ORDER_TYPE, "entry belongs to native JSON, whose action is LONG or SHORT")


def _check_order_type(fields: Mapping[str, object]) -> None:
    order_type = word(fields, "orderType")
    if order_type in ORDER_TYPES or (order_type is None and any(present(fields, name) for name in ORDER_PRICES)):
        raise RefusedMessage(Refusal.UNSUPPORTED_ORDER_TYPE, "orderType must be market")
    if order_type not in (None, "market"):
        raise RefusedMessage(Refusal.INVALID_ORDER_TYPE, "orderType must be market")


def _bracket(
    fields: Mapping[str, object], side: PositionSide, price: Decimal | None
) -> tuple[Decimal | None, tuple[TakeProfit, ...]]:
    stop = _stop(fields, side, price)
    given = _object(fields, "takeProfit", Refusal.INVALID_TAKE_PROFIT)
    targets: tuple[TakeProfit, ...] = ()
    if given is not None:
        targets = (TakeProfit(level(given, "limitPrice", side, price, Refusal.INVALID_TAKE_PROFIT, winning=True)),)
    check_levels(side, price, stop, targets)
    return stop, targets


def _stop(fields: Mapping[str, object], side: PositionSide, price: Decimal | None) -> Decimal | None:
    given = _object(fields, "stopLoss", Refusal.INVALID_STOP_LOSS)
    if given is None:
        return None
    kind = word(given, "type")
    if kind == "trailing_stop" or present(given, "trailAmount") or present(given, "trailPercent"):
        raise RefusedMessage(Refusal.UNSUPPORTED_TRAILING_STOP, "stopLoss.type must be stop")
    if kind == "stop_limit" or present(given, "limitPrice"):
        raise RefusedMessage(Refusal.UNSUPPORTED_STOP_TYPE, "stopLoss.type must be stop")
    if kind not in (None, "stop"):
        raise RefusedMessage(Refusal.INVALID_STOP_LOSS, "stopLoss.type must be stop")
    return level(given, "stopPrice", side, price, Refusal.INVALID_STOP_LOSS, winning=False)


def _object(fields: Mapping[str, object], name: str, refusal: Refusal) -> Mapping[str, object] | None:
    if not present(fields, name):
        return None
    value = fields[name]
    if not isinstance(value, dict):
        raise RefusedMessage(refusal, f"{name} must be an object")
    return value or None
