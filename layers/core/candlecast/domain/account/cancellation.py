"""Whether the owner of an account may cancel one of its orders, and the wish to do so.

Only an entry can be cancelled. A stop or target protects, and an exit goes on until nothing is held. The wish is written first,
and the reconciler acts on it. So an order whose outcome is unknown is found or proven absent before it ends.
"""

from __future__ import annotations

from datetime import datetime

from candlecast.domain.account.account import Account
from candlecast.domain.account.events import order_event
from candlecast.domain.orders.intent import Intent, LegKind
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict

_REFUSED = {
    LegKind.EXIT: ("EXIT_UNDER_WAY", "an exit goes on until what it closes is closed: it cannot be cancelled"),
    LegKind.STOP_LOSS: ("PROTECTS_POSITION", "a stop goes with its position: move the stop, or close the position"),
    LegKind.TRAILING_STOP: ("PROTECTS_POSITION", "a trailing stop goes with its position: close the position"),
    LegKind.TAKE_PROFIT: ("PROTECTS_POSITION", "a target goes with its position: close the position, or cancel the entry"),
}


def require_cancellable(account: Account, order_id: str) -> Intent:
    """The entry of that id. Raises `Conflict`: ORDER_ENDED, EXIT_UNDER_WAY, PROTECTS_POSITION, NO_CREDENTIALS."""
    order = account.intents.get(order_id)
    if order is None:
        raise Conflict("ORDER_ENDED", "the order has ended: its state and its reason stand in the order")
    if order.kind in _REFUSED:
        raise Conflict(*_REFUSED[order.kind])
    if not account.can_be_looked_at:
        raise Conflict("NO_CREDENTIALS", "the account has no keys that work: cancel the order at the venue")
    return order


def ask_to_cancel(account: Account, order_id: str, now: datetime) -> Account:
    """The account with the wish that an entry is cancelled; a repeat changes nothing. Raises as `require_cancellable`."""
    order = require_cancellable(account, order_id)
    if order.cancel_asked_at is not None:
        return account
    asked = replace(order, cancel_asked_at=now)
    return replace(account, intents={**account.intents, order_id: asked}, outbox=(*account.outbox, order_event(asked, now)))
