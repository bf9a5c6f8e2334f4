"""Candlecast's own JSON, for a sender that can choose.

`action` LONG, SHORT, EXIT_LONG, EXIT_SHORT, EXIT; `market` or `ticker`. Optional: `price`, `stop_loss`, `take_profits` (prices,
or objects with `price` and `share`), `entry` (how it is ordered), `confidence` (0 to 1), `signal_id`, `time`, `metadata`.
`leverage` is kept as metadata: each subscriber's own setting decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.signals.signal import MAX_TAKE_PROFITS, Action, TakeProfit
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.terms import PositionSide, TimeInForce
from candlecast.signals.dialect import ParsedSignal
from candlecast.signals.fields import instant, metadata, number, of_entry, positive_number, present, text, ticker, word
from candlecast.signals.levels import check_levels, even_shares
from candlecast.signals.message import Message
from candlecast.signals.refusal import Refusal, RefusedMessage

FIELDS = frozenset(
    {
        "action", "market", "ticker", "price", "stop_loss", "take_profits", "entry", "confidence", "signal_id", "time",
        "metadata", "leverage",
    }
)  # fmt: skip
ENTRY_FIELDS = frozenset({"type", "price", "trigger_price", "time_in_force", "post_only", "rests_seconds"})
RUNG_FIELDS = frozenset({"price", "share"})
ACTIONS = {action.value.lower(): action for action in Action}
UNSUPPORTED_ACTIONS = frozenset({"entry", "add", "reduce", "close", "reverse", "move_stop", "set_targets", "cancel", "info"})
SHARED_WORDS = frozenset({"exit", "add", "cancel"})  # TradersPost says these too, so they alone do not show the dialect


class Native:
    """The native dialect."""

    name = "native"

    def matches(self, message: Message) -> bool:
        action = message.fields.get("action")
        known = (ACTIONS.keys() | UNSUPPORTED_ACTIONS) - SHARED_WORDS
        return "market" in message.fields or (isinstance(action, str) and action.strip().lower() in known)

    def parse(self, message: Message) -> ParsedSignal:
        fields = message.fields
        action = _action(fields)
        is_entry = action.is_entry
        price = of_entry(positive_number, fields, "price", is_entry=is_entry)
        if is_entry:  # an exit is taken with other fields beside its own
            _refuse_unknown(fields, FIELDS)
        stop = positive_number(fields, "stop_loss") if is_entry else None
        targets = _targets(fields) if is_entry else ()
        entry = _entry(fields) if is_entry else None
        if is_entry:
            expected = price if entry is None else entry.price or entry.trigger_price or price
            check_levels(PositionSide(action.value), expected, stop, targets)
        return ParsedSignal(
            action=action,
            ticker=ticker(fields, "market" if present(fields, "market") else "ticker"),
            price=price,
            stop_loss=stop,
            take_profits=targets,
            confidence=of_entry(_confidence, fields, "confidence", is_entry=is_entry),
            sender_id=text(fields, "signal_id"),
            sent_at=of_entry(instant, fields, "time", is_entry=is_entry),
            entry=entry,
            metadata=metadata({"dialect": self.name, "leverage": fields.get("leverage")}, fields.get("metadata")),
        )


def _action(fields: Mapping[str, object]) -> Action:
    name = word(fields, "action")
    if name is None:
        raise RefusedMessage(Refusal.MISSING_FIELD, "action is required")
    if name in UNSUPPORTED_ACTIONS:
        raise RefusedMessage(Refusal.UNSUPPORTED_ACTION, f"action must be one of {', '.join(Action)}")
    if name not in ACTIONS:
        raise RefusedMessage(Refusal.INVALID_ACTION, f"action must be one of {', '.join(Action)}")
    return ACTIONS[name]


def _refuse_unknown(fields: Mapping[str, object], known: frozenset[str]) -> None:
    """Refuse an entry with a field that is none of ours: a misspelt stop would be no stop."""
    if not fields.keys() <= known:
        raise RefusedMessage(Refusal.UNKNOWN_FIELD, f"an entry has other fields than {', '.join(sorted(known))}")


def _confidence(fields: Mapping[str, object], name: str) -> Decimal | None:
    confidence = number(fields, name)
    if confidence is not None and not 0 <= confidence <= 1:
        raise RefusedMessage(Refusal.INVALID_NUMBER, f"{name} must lie between 0 and 1")
    return confidence


def _entry(fields: Mapping[str, object]) -> EntryOrder | None:
    """How the entry is to be ordered: an object of its own, since its prices are not the signal's."""
    if not present(fields, "entry"):
        return None
    given = fields["entry"]
    if not isinstance(given, dict):
        raise RefusedMessage(Refusal.INVALID_ORDER_TYPE, "entry must be an object with a type")
    _refuse_unknown(given, ENTRY_FIELDS)
    kind, time_in_force = (word(given, "type") or "").upper(), (word(given, "time_in_force") or TimeInForce.GTC).upper()
    post_only, rests = given.get("post_only", False), number(given, "rests_seconds")
    if kind not in EntryType.__members__ or time_in_force not in TimeInForce.__members__ or not isinstance(post_only, bool):
        raise RefusedMessage(
            Refusal.INVALID_ORDER_TYPE,
            f"entry: type is one of {', '.join(EntryType)}, time_in_force one of {', '.join(TimeInForce)}",
        )
    if rests is not None and rests != rests.to_integral_value():
        raise RefusedMessage(Refusal.INVALID_ORDER_TYPE, "entry: rests_seconds is a whole number")
    try:
        return EntryOrder(
            type=EntryType(kind),
            price=positive_number(given, "price"),
            trigger_price=positive_number(given, "trigger_price"),
            time_in_force=TimeInForce(time_in_force),
            post_only=post_only,
            rests_seconds=None if rests is None else int(rests),
        )
    except InvalidValue as error:
        raise RefusedMessage(Refusal.INVALID_ORDER_TYPE, f"entry: {error.message}") from None


def _targets(fields: Mapping[str, object]) -> tuple[TakeProfit, ...]:
    if not present(fields, "take_profits"):
        return ()
    given = fields["take_profits"]
    if not isinstance(given, list):
        raise RefusedMessage(Refusal.INVALID_TAKE_PROFIT, "take_profits must be a list")
    if len(given) > MAX_TAKE_PROFITS:
        raise RefusedMessage(Refusal.TOO_MANY_TARGETS, f"at most {MAX_TAKE_PROFITS} targets")
    rungs = [_rung(item if isinstance(item, dict) else {"price": item}) for item in given]
    shares = [share for _, share in rungs if share is not None]
    if not shares:
        return even_shares([price for price, _ in rungs])
    if len(shares) != len(rungs) or any(share > 1 for share in shares) or sum(shares) > 1:
        raise RefusedMessage(Refusal.INVALID_TAKE_PROFIT, "give every target a share, adding up to at most 1, or none of them")
    return tuple(TakeProfit(price, share) for price, share in rungs if share is not None)


def _rung(item: Mapping[str, object]) -> tuple[Decimal, Decimal | None]:
    _refuse_unknown(item, RUNG_FIELDS)
    price = positive_number(item, "price")
    if price is None:
        raise RefusedMessage(Refusal.INVALID_TAKE_PROFIT, "a target needs a price")
    return price, positive_number(item, "share")
