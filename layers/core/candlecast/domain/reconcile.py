"""The table that says what to do with an intent whose outcome is unknown. Every row of it is a test."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from candlecast.domain.account import Account, AccountStatus
from candlecast.domain.order import Intent, IntentState, LegKind

VENUE_PROCESSING_TIMEOUT = timedelta(seconds=10)  # Binance answers -1007 after 10 s without a word from its engine
RECEIVE_WINDOW = timedelta(seconds=5)  # Binance refuses a request older than its recvWindow, 5 s by default
SETTLE_MARGIN = timedelta(seconds=5)
SETTLE_WINDOW = VENUE_PROCESSING_TIMEOUT + RECEIVE_WINDOW + SETTLE_MARGIN
LOOKUP_SPACING = timedelta(seconds=3)  # the second look-up must not see the same stale replica of the venue
LOOKUPS_NEEDED = 2
OPEN_ORDER_INTERVAL = timedelta(seconds=60)  # how long a triggered stop may go unnoticed; each look costs the venue's budget


class Step(StrEnum):
    """What to do next with an unresolved intent."""

    WAIT = "WAIT"
    SEND = "SEND"
    EXPIRE = "EXPIRE"
    DROP = "DROP"


def settles_at(intent: Intent) -> datetime:
    """When a request that was sent for the intent can no longer reach the venue's book."""
    return (intent.submitted_at or intent.created_at) + SETTLE_WINDOW


def may_look_up(intent: Intent, now: datetime) -> bool:
    """Whether asking the venue now can say more than the last look-up."""
    return intent.last_lookup_at is None or now - intent.last_lookup_at >= LOOKUP_SPACING


def is_absent(intent: Intent, now: datetime) -> bool:
    """Whether the order is proven not to exist: asked for often enough after the settle window (no earlier look-up counts)."""
    return now >= settles_at(intent) and intent.lookups >= LOOKUPS_NEEDED


def next_step(account: Account, intent: Intent, now: datetime) -> Step:
    """What to do with an intent that the venue does not know (or that was certainly not sent: PENDING).

    A protective leg is sent as long as its position is held; an exit always; an entry only while it is fresh (invariant 6).
    """
    if intent.state is not IntentState.PENDING and not is_absent(intent, now):
        return Step.WAIT
    if intent.kind.is_protective:
        return _protective_step(account, intent)
    if intent.kind is LegKind.EXIT:
        return Step.SEND if account.position(intent.subscription_id, intent.market) else Step.EXPIRE
    if intent.expires_at is not None and now > intent.expires_at:
        return Step.EXPIRE
    return Step.SEND


def _protective_step(account: Account, intent: Intent) -> Step:
    entry = account.intents.get(intent.bracket_of or "")
    if entry is not None and (entry.state.is_unresolved or entry.state is IntentState.PENDING):
        return Step.WAIT
    position = account.position(intent.subscription_id, intent.market)
    held = position is not None and position.entry_intent_id == intent.bracket_of
    return Step.SEND if held else Step.DROP


def next_due(account: Account, now: datetime) -> datetime | None:
    """When the account must be looked at next; None if nothing is open or its keys cannot be used."""
    if account.status is not AccountStatus.ACTIVE:
        return None
    if account.unresolved():
        return min(max(settles_at(i), now + LOOKUP_SPACING) for i in account.unresolved())
    if account.orphans() or account.naked_positions():
        return now
    if account.intents or account.positions:
        return now + OPEN_ORDER_INTERVAL
    return None


OPEN_ORDER_INTERVAL = timedelta(
    seconds=60
)  # how long a triggered stop may go unnoticed; each look costs the venue's weight budget
