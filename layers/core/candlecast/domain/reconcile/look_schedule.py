"""When an account is looked at: at once where something is unsettled, every minute while something is open, else every five.

Looks that are not urgent are spread over time by a hash of the account's name. So thousands of accounts do not ask their venue
in the same second. A turn is a point of the clock and not a pause, so accounts do not drift together after an outage either.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zlib import crc32

from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.account.findings import QUICK_LOOKS, Drift
from candlecast.domain.account.suspension import since
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.reconcile.adopt import cancels_at
from candlecast.domain.reconcile.reconcile import settles_at, tries_at, waits_for
from candlecast.domain.reconcile.restoration import is_restoring
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.reasons import Reason
from candlecast.domain.venue.refusals import CONFIRM_REFUSAL_AFTER
from candlecast.domain.venue.rules import rules_of

OPEN_ORDER_INTERVAL = timedelta(seconds=60)  # how long a triggered stop may go unnoticed; each look costs weight at the venue
WHOLE_LOOK_INTERVAL = timedelta(hours=1)  # orders in markets where nothing is ours: forty times the weight of one market's
VETTING_INTERVAL = timedelta(days=1)  # how long wrong rights of keys may go unnoticed
VETTING_RETRY = timedelta(hours=1)  # after a vetting that nobody has answered in spite of all its receives
FULL_LOOK_INTERVAL = timedelta(minutes=5)  # positions and balance: half the age of a stale state (10 minutes)
NEVER = datetime.max.replace(tzinfo=UTC)


def slot_after(account_id: str, instant: datetime, interval: timedelta) -> datetime:
    """The first instant after `instant` at which it is the account's turn; turns are `interval` apart."""
    seconds = int(interval.total_seconds())
    own = crc32(account_id.encode()) % seconds
    turns = (int(instant.timestamp()) - own) // seconds + 1
    return datetime.fromtimestamp(turns * seconds + own, UTC)


def next_full_look(account: Account) -> datetime:
    """When positions and balance are to be compared next; from the beginning of its life for an account that never was.

    Refused keys are asked for again when a second look may confirm the refusal.
    """
    if account.reconciled_at is None:
        return account.created_at
    turn = slot_after(account.account_id, account.reconciled_at, FULL_LOOK_INTERVAL)
    refused_at = since(account, Reason.KEYS_REFUSED)
    return turn if refused_at is None else min(turn, refused_at + CONFIRM_REFUSAL_AFTER)


def whole_look_is_due(account: Account, now: datetime) -> bool:
    """Whether open orders are to be asked for in all markets, not only where something is ours."""
    last = account.reconciled_at
    return last is None or now >= slot_after(account.account_id, last, WHOLE_LOOK_INTERVAL)


def is_idle(account: Account) -> bool:
    """Whether nothing of ours is open and nothing is doubtful, so that only a full look can say anything; not after a restore."""
    return not (account.intents or account.positions or _doubtful(account) or is_restoring(account))


def _doubtful(account: Account) -> list[Drift]:
    """Differences that a second look has to confirm."""
    return [drift for drift in account.drifts.values() if drift.counts and not drift.reported]


def next_answer(account: Account, now: datetime) -> datetime | None:
    """When the next look at the venue can settle an order; None if every order is settled."""
    soonest = now + rules_of(account.venue).lookup_spacing
    return min([*_answers(account, now), *(max(at, soonest) for at in _expiries(account))], default=None)


def _answers(account: Account, now: datetime) -> list[datetime]:
    """When the venue can say what became of an order. A leg that waits for another has nothing to ask for itself."""
    looks, rules = [], rules_of(account.venue)
    for intent in account.intents.values():
        if intent.state.is_unresolved:
            looks.append(max(settles_at(intent, rules), now + rules.lookup_spacing))
        elif intent.cancel_asked_at is not None:
            looks.append(now if intent.state is IntentState.PENDING else max(cancels_at(account, intent), now))
        elif intent.state is IntentState.PENDING:
            first = waits_for(account, intent)
            tries = (
                min(tries_at(intent, rules), intent.expires_at or NEVER) if first is None else _ends_at(account, first, intent)
            )
            looks += [] if tries is None else [max(tries, now)]
        elif intent.lookups or not (intent.kind.is_protective or intent.order_type.rests):
            looks.append(now + rules.lookup_spacing)
    if any(drift.changes < QUICK_LOOKS for drift in _doubtful(account)):
        looks.append(now + rules.lookup_spacing)
    if is_restoring(account):
        looks.append(now + OPEN_ORDER_INTERVAL)
    return looks


def _ends_at(account: Account, first: Intent, waiting: Intent) -> datetime | None:
    """When a look can end the order that an exit waits for: a resting entry is cancelled, an older unsent entry expires."""
    if waiting.kind is not LegKind.EXIT or first.kind is not LegKind.ENTRY:
        return None
    if first.state is IntentState.OPEN:
        return cancels_at(account, first)
    expires = first.state is IntentState.PENDING and first.issued_at < waiting.issued_at
    return first.created_at if expires else None


def _expiries(account: Account) -> list[datetime]:
    """When orders that rest must rest no longer; until then each is looked at as every open order, for it may fill."""
    resting = (i for i in account.intents.values() if i.state is IntentState.OPEN and i.order_type.rests)
    return [order.expires_at for order in resting if order.expires_at is not None and not order.kind.is_protective]


def expires_before_next_look(account: Account, now: datetime) -> datetime | None:
    """When an order expires that the next of the looks once a minute would find resting too late; None if none does."""
    return min((at for at in _expiries(account) if now <= at <= now + OPEN_ORDER_INTERVAL), default=None)


def next_look(account: Account, now: datetime) -> datetime | None:
    """When the venue must be asked next because something is not as it should be; None if everything is."""
    return now if account.orphans() or account.naked_positions() else next_answer(account, now)


def due_in_turn(account: Account) -> datetime | None:
    """The time of the account's turn, independent of its open orders; None if its venue cannot be asked.

    No order moves it, only a look does: so an account that is written all the time is looked at all the same. An account that
    nobody trades on has its turn while charges are to be read, and when its keys are to be vetted.
    """
    if not account.can_be_looked_at or account.status is not AccountStatus.ACTIVE:
        return None
    trades = SubscriptionStatus.ACTIVE in account.subscriptions.values()
    return next_full_look(account) if trades or account.awaits_charges else next_vetting(account)


def next_vetting(account: Account) -> datetime:
    """From when on a full look asks for the next vetting of the keys: once a day, at the account's own second.

    Until the vetting is done, the first full look of each hour asks again.
    """
    looked = account.reconciled_at or account.created_at
    retry = slot_after(account.account_id, looked, VETTING_RETRY)
    if since(account, Reason.KEYS_NOT_VETTED) is not None:
        return retry
    last = looked if account.vetted_at is None else account.vetted_at + VETTING_INTERVAL / 2  # not again an hour after new keys
    due = slot_after(account.account_id, last, VETTING_INTERVAL)
    return due if due > looked else retry


def due_soon(account: Account, now: datetime) -> datetime | None:
    """When the account must be looked at because something of it is open; None if nothing is, or its venue cannot be asked.

    Resting orders count from the last full look, not from the last write.
    """
    if not account.can_be_looked_at:
        return None
    if account.waits_for_keys:  # asked for at the slow pace: each write after a look in vain moves it
        return slot_after(account.account_id, now, FULL_LOOK_INTERVAL)
    urgent = [now] if account.orphans() or account.naked_positions() else _answers(account, now)
    if urgent:
        return min(urgent)
    if is_idle(account):
        return None
    return min([(account.reconciled_at or account.created_at) + OPEN_ORDER_INTERVAL, *_expiries(account)])


def next_due(account: Account, now: datetime) -> datetime | None:
    """When the account must be looked at next; None if nothing is open and nobody trades on it, or its venue cannot be asked."""
    soon = due_soon(account, now)
    return soon if soon is not None else due_in_turn(account)
