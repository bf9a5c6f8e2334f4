"""The events of one write as they lie beside the account's body, in the same item.

Most of them tell what the body says, too: an order that is open, a position that is held. They only name it, so that a write of
many events costs little more than the account itself, and the item stays within its bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from candlecast.adapters.codec import list_from_json, list_to_sparse_json
from candlecast.domain.account.account import Account
from candlecast.domain.account.events import Event
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class Written:
    """An event without what the body holds under these keys."""

    event: Event
    intent: str | None = None
    position: str | None = None


def outbox_text(account: Account) -> str:
    """The account's outbox, to be stored beside its body."""
    return list_to_sparse_json(Written, tuple(_written(event, account) for event in account.outbox))


def outbox_events(text: str, account: Callable[[], Account]) -> tuple[Event, ...]:
    """The events that `outbox_text` was made of; `account` reads the body of the same item, if an event needs it.

    Older code stored the events whole; so do kill switches. Raises `InvalidValue` for anything else.
    """
    try:
        written = list_from_json(Written, text)
    except InvalidValue:
        return list_from_json(Event, text)
    if not any(each.intent or each.position for each in written):
        return tuple(each.event for each in written)
    body = account()
    try:
        return tuple(_whole(each, body) for each in written)
    except KeyError:
        raise InvalidValue("an event names what its account does not hold", code="UNREADABLE") from None


def _written(event: Event, account: Account) -> Written:
    intent = position = None
    if event.order is not None and account.intents.get(event.order.intent_id) == event.order:
        intent = event.order.intent_id
        event = replace(event, order=None)
    if event.position is not None and account.positions.get(event.position.key) == event.position:
        position = event.position.key
        event = replace(event, position=None)
    return Written(event, intent, position)


def _whole(written: Written, account: Account) -> Event:
    event = written.event
    if written.intent is not None:
        event = replace(event, order=account.intents[written.intent])
    if written.position is not None:
        event = replace(event, position=account.positions[written.position])
    return event
