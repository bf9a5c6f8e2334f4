"""The table that says what to do with an intent whose outcome is unknown. Every row of it is a test."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.position import position_key
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.venue.reports import VenueOrder
from candlecast.domain.venue.rules import VenueRules, rules_of

LOOKUPS_NEEDED = 2


class Step(StrEnum):
    """The next step for an intent that is not settled."""

    WAIT = "WAIT"
    SEND = "SEND"
    EXPIRE = "EXPIRE"


def may_send(intent: Intent, now: datetime, rules: VenueRules) -> bool:
    """Whether an order may still be sent under the mark that was written for it.

    Later, its absence could be proven too early; and a leg may have expired while the venue was asked for something else.
    """
    marked = intent.submitted_at is not None and now - intent.submitted_at <= rules.send_window
    return marked and (intent.expires_at is None or now <= intent.expires_at)


def settles_at(intent: Intent, rules: VenueRules) -> datetime:
    """When a request that was sent for the intent can no longer reach the venue's book."""
    return (intent.submitted_at or intent.created_at) + rules.settle_window


def tries_at(intent: Intent, rules: VenueRules) -> datetime:
    """The earliest retry of an order that was certainly not sent, however many ask for it."""
    if intent.retry_at is not None:
        return intent.retry_at
    return intent.submitted_at + rules.lookup_spacing if intent.submitted_at is not None else intent.created_at


def may_look_up(intent: Intent, now: datetime, rules: VenueRules) -> bool:
    """Whether asking the venue now can say more than the last lookup."""
    return intent.last_lookup_at is None or now - intent.last_lookup_at >= rules.lookup_spacing


def is_absent(intent: Intent, now: datetime, rules: VenueRules) -> bool:
    """Whether the order is proven not to exist: asked for often enough after the settle window (no earlier lookup counts)."""
    return now >= settles_at(intent, rules) and intent.lookups >= LOOKUPS_NEEDED


def waits_for(account: Account, intent: Intent) -> Intent | None:
    """The leg that has to end before this one can be sent.

    A stop or target waits for its entry, but a stop does not wait for the rest of an entry that fills in parts. An exit waits for
    every earlier order that moves its position, an entry for the exits before it. Earlier means written earlier into the account,
    so two legs never wait for each other.
    """
    if intent.kind.is_protective:
        entry = account.intents.get(intent.follows or "")
        return None if entry is not None and _is_filling(account, entry) and intent.kind is LegKind.STOP_LOSS else entry
    key = (intent.subscription_id, intent.market)
    for other in account.intents.values():
        if other.intent_id == intent.intent_id:
            return None
        moves = (other.subscription_id, other.market) == key and not other.kind.is_protective
        if moves and LegKind.EXIT in (other.kind, intent.kind):
            return other
    return None


def exit_behind(account: Account, entry: Intent) -> Intent | None:
    """The exit that waits for an entry to end, and so is the wish to cancel the entry where it rests; None without one."""
    return next((i for i in account.intents.values() if i.kind is LegKind.EXIT and waits_for(account, i) == entry), None)


def has_left(account: Account, leg: Intent) -> bool:
    """Whether an exit has ended and left held what it should have closed. Usually a stop filled first, unobserved.

    An exit of a part leaves the rest on purpose. It has left something if another has to follow it after a failure.
    """
    position = account.position(leg.subscription_id, leg.market)
    if leg.kind is not LegKind.EXIT or leg.intent_id in account.intents or position is None:
        return False
    failed = any(i.is_refused_exit for i in account.under_way(leg.subscription_id, leg.market))
    return position.side is leg.position_side and (leg.reduction is None or failed)


def is_left_over(account: Account, intent: Intent) -> bool:
    """Whether a stop or target is about a position that is not held (any more)."""
    held = account.position(intent.subscription_id, intent.market)
    return intent.kind.is_protective and (held is None or held.entry_intent_id != intent.bracket_of)


def closed_unknown(account: Account, intent: Intent, found: VenueOrder) -> bool:
    """Whether a left-over stop or target may have closed an entry fill that we have not recorded.

    More than is held, while an entry in its place is not settled. Recorded before the entry it would close nothing, and the
    entry would be held whole.
    """
    if not is_left_over(account, intent):
        return False
    place, held = (intent.subscription_id, intent.market), account.position(intent.subscription_id, intent.market)
    closes = found.filled_quantity - intent.filled_quantity
    if held is not None and closes <= held.quantity:
        return False
    entries = (i for i in account.intents.values() if i.kind is LegKind.ENTRY and i.state is not IntentState.PENDING)
    return closes > 0 and any((i.subscription_id, i.market) == place and i.side is not intent.side for i in entries)


def next_step(account: Account, intent: Intent, now: datetime) -> Step:
    """The step for an intent that the venue does not know (or that was certainly not sent: PENDING).

    A protective leg is sent behind its entry, or while its position is held. An exit is sent while a position is held that was
    opened before the exit's signal. An entry is sent only while it is fresh (invariant 6), its subscription active
    (invariant 7), and its cancellation not asked for. Nothing is sent for an account that is not active. Where the venue
    refuses its keys, a leg of a held position waits for the keys.
    """
    rules = rules_of(account.venue)
    if intent.state is not IntentState.PENDING and not is_absent(intent, now, rules):
        return Step.WAIT
    if account.status is not AccountStatus.ACTIVE:
        closes = intent.state is IntentState.PENDING and intent.kind is not LegKind.ENTRY and _is_held(account, intent)
        return Step.WAIT if closes and account.waits_for_keys else Step.EXPIRE
    if intent.cancel_asked_at is not None:
        return Step.EXPIRE
    first = waits_for(account, intent)
    if first is not None and (intent.kind is LegKind.EXIT or next_step(account, first, now) is not Step.SEND):
        return Step.WAIT
    if not _is_wanted(account, intent, first, now):
        return Step.EXPIRE
    return Step.WAIT if intent.state is IntentState.PENDING and now < tries_at(intent, rules) else Step.SEND


def _is_wanted(account: Account, intent: Intent, first: Intent | None, now: datetime) -> bool:
    if intent.kind is LegKind.ENTRY:
        adds_to_nothing = intent.is_add and not _is_held(account, intent)
        return _is_fresh(account, intent, now) and not adds_to_nothing
    return first is not None or _is_held(account, intent)


def _is_filling(account: Account, entry: Intent) -> bool:
    """Whether an entry rests at the venue and has been filled in part: its fills must be protected meanwhile."""
    held = account.position(entry.subscription_id, entry.market)
    return held is not None and entry.state is IntentState.OPEN and entry.order_type.rests and entry.filled_quantity > 0


def _is_held(account: Account, intent: Intent) -> bool:
    """Whether the position that a stop, target, exit or add is about is there."""
    position = account.position(intent.subscription_id, intent.market)
    if position is None or intent.bracket_of not in (None, position.entry_intent_id):
        return False
    if intent.kind is not LegKind.EXIT:
        return True
    return intent.position_side in (None, position.side) and intent.issued_at >= position.signal_issued_at


def _is_fresh(account: Account, intent: Intent, now: datetime) -> bool:
    subscribed = account.subscriptions.get(intent.subscription_id) is SubscriptionStatus.ACTIVE
    newest = account.newest_signals.get(position_key(intent.subscription_id, intent.market), intent.issued_at)
    if newest > intent.issued_at:  # an exit waits for it: entering first would only pay twice
        return False
    return subscribed and (intent.expires_at is None or now <= intent.expires_at)
