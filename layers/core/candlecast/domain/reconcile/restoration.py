"""An account in a table that was restored to an earlier moment: minutes are lost, and its venue knows more than we do.

The table has a generation, which every function is told and which a restore raises. An account keeps the generation in which a
look has accounted for all that its venue has. While that is too low no entry is taken (invariant 14); exits and stops go on.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from candlecast.domain.account.account import MAX_SETTLED, Account, remembered
from candlecast.domain.account.suspension import resume, since, suspend
from candlecast.domain.orders.intent import Intent, IntentState
from candlecast.domain.reconcile.drift import is_our_id
from candlecast.domain.reconcile.reconcile import waits_for
from candlecast.domain.values.copying import replace
from candlecast.domain.values.ids import CLIENT_ORDER_ID_PREFIX
from candlecast.domain.values.money import require_utc
from candlecast.domain.values.reasons import Reason

FIRST_GENERATION = 1  # of a table that was never restored
# After the last function has begun to use the table. An older one may run for 60 s, and its order reaches the book 25 s later.
QUIET = timedelta(seconds=90)
# How long orders of before and after the lost minutes are told apart: a look may find its venue away.
KNOWN_FOR = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Restoration:
    """The marker of a restored table: which restore has made the table."""

    generation: int
    """Its generation; the stack's own table is the first and says nothing."""
    restored_to: datetime
    """The moment of its items (UTC); later changes are lost."""
    adopted_at: datetime | None = None
    """When every function had begun to use it (UTC); None until then."""

    def __post_init__(self) -> None:
        require_utc("restored_to", self.restored_to)
        if self.adopted_at is not None:
            require_utc("adopted_at", self.adopted_at)

    def is_quiet(self, now: datetime) -> bool:
        """Whether no order of the lost minutes can reach a venue's book any more."""
        return self.adopted_at is not None and now >= self.adopted_at + QUIET


def is_restoring(account: Account) -> bool:
    """Whether a look has begun to account for the lost minutes, and none has ended."""
    return since(account, Reason.TABLE_RESTORED) is not None


def begin(account: Account, now: datetime) -> Account:
    """The account at its first look in a restored table; the same if that was before.

    Nothing that is certain of an order holds any more. An order that was never sent may have been, so each open one is asked for
    by its client id, as after a lost answer. The keys may be others by now, so they are vetted again.
    """
    if is_restoring(account):
        return account
    asked = {key: _doubted(account, intent) for key, intent in account.intents.items()}
    doubted = remember(replace(account, intents=asked, vetted_at=None), account.intents, now)
    return suspend(suspend(doubted, Reason.TABLE_RESTORED, now), Reason.KEYS_NOT_VETTED, now)


def finish(account: Account, generation: int, now: datetime) -> Account:
    """The account once all that its venue has is accounted for: entries go, but for signals of before. The same if it is not."""
    if not is_accounted(account):
        return account
    return resume(replace(account, generation=generation, entries_from=now), Reason.TABLE_RESTORED, now)


def is_accounted(account: Account) -> bool:
    """Whether nothing is left to find out: each order settled, each difference told, each stop in its place."""
    asked = (it for it in account.intents.values() if waits_for(account, it) is None)  # a leg that waits was not sent yet
    unsettled = any(intent.state.is_unresolved for intent in asked)
    doubtful = any(not drift.reported for drift in account.drifts.values())
    return not (unsettled or doubtful or account.naked_positions())


def is_lost(account: Account, client_order_id: str) -> bool:
    """Whether an order is ours and of the lost minutes: its id is of our form, and the account does not know it."""
    known = any(intent.client_order_id == client_order_id for intent in account.intents.values())
    return is_our_id(client_order_id) and not known and remembered(of_client_id(client_order_id)) not in account.settled


def of_client_id(client_order_id: str) -> str:
    """The intent's id as far as its order's client id tells it, which is enough to remember it by."""
    return client_order_id.removeprefix(CLIENT_ORDER_ID_PREFIX)


def remember(account: Account, intent_ids: Collection[str], now: datetime) -> Account:
    """The account that knows these orders, and so plans nothing for a repeat of their signals."""
    settled = dict(account.settled)
    for intent_id in intent_ids:
        if len(settled) < MAX_SETTLED:
            settled[remembered(intent_id)] = (now + KNOWN_FOR).replace(second=0, microsecond=0)
    return replace(account, settled=settled)


def _doubted(account: Account, intent: Intent) -> Intent:
    """An open order as one whose outcome nobody knows; one in the venue's book is followed as ever.

    An exit that waited to close either side was sent, if ever, for the side that its position had.
    """
    asked = replace(intent, lookups=0, last_lookup_at=None, retry_at=None)
    if intent.state is IntentState.OPEN:
        return asked
    others = account.under_way(intent.subscription_id, intent.market)
    held = account.position(intent.subscription_id, intent.market)
    sides = [held.side] if held is not None else [it.position_side for it in others if it.position_side is not None]
    side = intent.position_side or next(iter(sides), None)
    return asked if side is None else replace(asked, state=IntentState.UNKNOWN, position_side=side)
