"""Cancel orders that should no longer rest at the venue: unwanted entries, and market orders that hang.

Their fills stay: an entry's part gets its stop, and the rest of an exit is exited again. An entry that an exit waits for, or that
its owner has cancelled, is cancelled at the pace of exits, until its end is known.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.account.kill_switch import KillSwitch, must_cancel_entries
from candlecast.domain.account.switch_scope import concerning
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.reconcile.adopt import cancelling, cancels_at, count_mend, may_mend
from candlecast.domain.reconcile.reconcile import exit_behind
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Ambiguous, Reject, RetryLater
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import OrderType
from candlecast.domain.venue.reports import VenueOrderStatus
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.venue import Venue
from candlecast.services.orders.changes import Changes
from candlecast.services.orders.place_orders import PlaceOrders

_REASON_OF_SUBSCRIPTION = {
    SubscriptionStatus.PAUSED: Reason.SUBSCRIPTION_PAUSED,
    SubscriptionStatus.CANCELLED: Reason.SUBSCRIPTION_CANCELLED,
}


HANGING = timedelta(seconds=60)  # a market order fills or ends within moments; one that does neither keeps its position waiting


@dataclass(frozen=True, slots=True)
class StopResting:
    """A part of the reconciler; it cancels and sends nothing. The executor cancels by it what an exit finds resting."""

    place: PlaceOrders
    clock: Clock
    metrics: Metrics

    def __call__(self, changes: Changes, venue: Venue, switches: Collection[KillSwitch]) -> None:
        """Cancel each once, and take over how it ended if the venue says so at once; the next look does if not."""
        for order in list(changes.account.intents.values()):
            if order.kind.is_protective or order.state is not IntentState.OPEN:
                continue
            now = self.clock.now()
            reason = reason_to_stop(changes.account, order, switches, now)
            if self.place.is_unwanted(changes.account, order):
                reason = reason or Reason.MARKET_DELISTED
            if reason is not None and _may_cancel(changes.account, order, now):
                self.cancel(changes, venue, order, reason)

    def cancel(self, changes: Changes, venue: Venue, order: Intent, reason: Reason) -> None:
        """Cancel one order, then take over what the venue says of its end and its fills; a failure is the next look's."""
        now = self.clock.now()
        counted = partial(count_mend, what=cancelling(order), code="ORDER_NOT_CANCELLED", now=now, market=order.market)
        changes.make(counted, order.intent_id)
        try:
            venue.cancel_order(order)
            ended = venue.find_order(order)
        except (Ambiguous, RetryLater, Reject):
            self.metrics.count("VenueErrors")
            return
        if ended is not None and ended.status is VenueOrderStatus.CANCELLED:
            changes.make(partial(_because, intent_id=order.intent_id, reason=reason), order.intent_id)
        if ended is not None:
            self.place.take_over(changes, order, ended)


def _may_cancel(account: Account, order: Intent, now: datetime) -> bool:
    if order.cancel_asked_at is not None or exit_behind(account, order) is not None:
        return now >= cancels_at(account, order)
    return may_mend(account, cancelling(order), now)


def reason_to_stop(account: Account, order: Intent, switches: Collection[KillSwitch], now: datetime) -> Reason | None:
    """Why an entry or exit must not rest at the venue any longer; None if it may."""
    if order.kind is LegKind.ENTRY and (reason := _entry_stops(account, order, switches, now)):
        return reason
    hangs = order.order_type is OrderType.MARKET and now - (order.submitted_at or order.created_at) > HANGING
    return Reason.CANCELLED_AT_VENUE if hangs else None


def _entry_stops(account: Account, entry: Intent, switches: Collection[KillSwitch], now: datetime) -> Reason | None:
    status = account.subscriptions.get(entry.subscription_id, SubscriptionStatus.CANCELLED)
    too_late = Reason.ENTRY_NOT_FILLED if entry.order_type.rests else Reason.SIGNAL_TOO_OLD
    causes = (
        (entry.cancel_asked_at is not None, Reason.CANCELLED_BY_OWNER),
        (account.status is not AccountStatus.ACTIVE, Reason.ACCOUNT_DISABLED),
        (must_cancel_entries(concerning(switches, account, entry.strategy_id)), Reason.KILL_SWITCH),
        (status in _REASON_OF_SUBSCRIPTION, _REASON_OF_SUBSCRIPTION.get(status)),
        (exit_behind(account, entry) is not None, Reason.SIGNAL_SUPERSEDED),
        (entry.is_add and account.position(entry.subscription_id, entry.market) is None, Reason.POSITION_CLOSED),
        (entry.expires_at is not None and now > entry.expires_at, too_late),
    )
    return next((reason for applies, reason in causes if applies), None)


def _because(account: Account, intent_id: str, reason: Reason) -> Account:
    order = account.intents[intent_id]
    return replace(account, intents={**account.intents, intent_id: replace(order, denial=Denial(reason))})
