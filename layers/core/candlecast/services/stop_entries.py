"""Cancel entries that rest at the venue and are not wanted any more; what they have filled stays, and gets its stop."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from candlecast.domain.account import Account, AccountStatus
from candlecast.domain.adopt import count_mend, may_mend
from candlecast.domain.errors import Ambiguous, Reject, RetryLater
from candlecast.domain.kill_switch import KillSwitch, concerning, must_cancel_entries
from candlecast.domain.order import Intent, IntentState, LegKind, VenueOrderStatus
from candlecast.domain.reasons import Denial, Reason
from candlecast.domain.reconcile import waits_for
from candlecast.domain.subscription import SubscriptionStatus
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.venue import Venue
from candlecast.services.place_orders import Changes, PlaceOrders

_REASON_OF_SUBSCRIPTION = {
    SubscriptionStatus.PAUSED: Reason.SUBSCRIPTION_PAUSED,
    SubscriptionStatus.CANCELLED: Reason.SUBSCRIPTION_CANCELLED,
}


@dataclass(frozen=True, slots=True)
class StopEntries:
    """A part of the reconciler; it cancels and sends nothing."""

    place: PlaceOrders
    clock: Clock
    metrics: Metrics

    def __call__(self, changes: Changes, venue: Venue, switches: Collection[KillSwitch]) -> None:
        """Cancel each entry once, and take over how it ended if the venue says so at once; the next look does if not."""
        for entry in list(changes.account.intents.values()):
            if entry.kind is not LegKind.ENTRY or entry.state is not IntentState.OPEN:
                continue
            now, what = self.clock.now(), f"entry|{entry.intent_id}"
            reason = reason_to_stop(changes.account, entry, switches, now)
            if reason is None or not may_mend(changes.account, what, now):
                continue
            changes.make(partial(count_mend, what=what, code="ENTRY_NOT_CANCELLED", now=now), entry.intent_id)
            try:
                venue.cancel_order(entry)
                ended = venue.find_order(entry)
            except (Ambiguous, RetryLater, Reject):
                self.metrics.count("VenueErrors")
                continue
            if ended is not None and ended.status is VenueOrderStatus.CANCELLED:
                changes.make(partial(_because, intent_id=entry.intent_id, reason=reason), entry.intent_id)
            if ended is not None:
                self.place.take_over(changes, entry, ended)


def reason_to_stop(account: Account, entry: Intent, switches: Collection[KillSwitch], now: datetime) -> Reason | None:
    """Why an entry must not rest at the venue any longer; None if it may."""
    status = account.subscriptions.get(entry.subscription_id, SubscriptionStatus.CANCELLED)
    exit_waits = any(i.kind is LegKind.EXIT and waits_for(account, i) == entry for i in account.intents.values())
    causes = (
        (account.status is not AccountStatus.ACTIVE, Reason.ACCOUNT_DISABLED),
        (must_cancel_entries(concerning(switches, account, entry.strategy_id)), Reason.KILL_SWITCH),
        (status in _REASON_OF_SUBSCRIPTION, _REASON_OF_SUBSCRIPTION.get(status)),
        (exit_waits, Reason.SIGNAL_SUPERSEDED),
        (entry.expires_at is not None and now > entry.expires_at, Reason.SIGNAL_TOO_OLD),
    )
    return next((reason for applies, reason in causes if applies), None)


def _because(account: Account, intent_id: str, reason: Reason) -> Account:
    entry = account.intents[intent_id]
    return replace(account, intents={**account.intents, intent_id: replace(entry, denial=Denial(reason))})
