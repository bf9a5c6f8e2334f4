"""Find out what became of orders: those whose answer was lost, and those that rested at the venue (decision D3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from candlecast.domain.account import Account
from candlecast.domain.order import Intent, IntentState
from candlecast.domain.reasons import Reason
from candlecast.domain.reconcile import is_absent, may_look_up, settles_at, waits_for
from candlecast.domain.venue_rules import rules_of
from candlecast.ports.clock import Clock
from candlecast.ports.venue import Venue
from candlecast.services.place_orders import Change, Changes, PlaceOrders


@dataclass(frozen=True, slots=True)
class SettleOrders:
    """A part of the reconciler: it asks, and records what the venue says; it sends nothing."""

    place: PlaceOrders
    clock: Clock

    def look_up(self, changes: Changes, venue: Venue) -> None:
        """Ask the venue for every order that may exist; adopt what it has, count what it has not once that can be trusted.

        In the order in which they were sent: a reversed entry that is adopted before its exit would add to the old position.
        """
        rules = rules_of(changes.account.venue)
        for intent in changes.account.unresolved():
            now = self.clock.now()
            if not intent.state.is_unresolved or not may_look_up(intent, now, rules) or waits_for(changes.account, intent):
                continue
            found = venue.find_order(intent)
            if found is not None:
                self.place.take_over(changes, intent, found)
            elif now >= settles_at(intent, rules):
                changes.make(partial(Account.missed, intent_id=intent.intent_id, now=now), intent.intent_id)

    def follow_open(self, changes: Changes, venue: Venue) -> None:
        """Follow open orders that are no longer among the venue's open ones to how they ended."""
        open_intents = [i for i in changes.account.intents.values() if i.state is IntentState.OPEN]
        if not open_intents:
            return
        still_open, rules = {order.client_order_id for order in venue.open_orders()}, rules_of(changes.account.venue)
        for intent in open_intents:
            key, now = intent.intent_id, self.clock.now()
            if intent.client_order_id in still_open:
                if intent.lookups:
                    changes.make(partial(Account.seen, intent_id=key), key)
                continue
            found = venue.find_order(intent)
            if found is not None:
                self.place.take_over(changes, intent, found)
            elif now >= settles_at(intent, rules) and may_look_up(intent, now, rules):
                changes.make(partial(Account.missed, intent_id=key, now=now), key)
                missed = changes.account.intents[key]
                if is_absent(missed, now, rules):
                    changes.make(ended_if_still(missed, IntentState.CANCELLED, Reason.CANCELLED_AT_VENUE, now), key)


def ended_if_still(seen: Intent, state: IntentState, reason: Reason, now: datetime) -> Change:
    """End an intent by inference; void if somebody else has learned or done anything about it meanwhile."""

    def change(account: Account) -> Account:
        if account.intents[seen.intent_id] != seen:
            return account
        return account.fail(seen.intent_id, state, reason, now)

    return change
