"""Find out what became of orders: those whose answer was lost, and those that rested at the venue (decision 0003)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from candlecast.domain.account.account import Account
from candlecast.domain.orders.intent import Intent, IntentState
from candlecast.domain.reconcile.adopt import count_mend
from candlecast.domain.reconcile.reconcile import closed_unknown, is_absent, is_left_over, may_look_up, settles_at, waits_for
from candlecast.domain.values.copying import replace
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.reasons import Reason
from candlecast.domain.venue.reports import VenueOrder
from candlecast.domain.venue.rules import VenueRules, rules_of
from candlecast.ports.clock import Clock
from candlecast.ports.venue import Venue
from candlecast.services.orders.changes import Change, Changes
from candlecast.services.orders.failures import Failures
from candlecast.services.orders.place_orders import PlaceOrders

MAX_ORDERS_ASKED = 10  # orders that traded within the half minute around a mark: a look has little time for more


@dataclass(frozen=True, slots=True)
class SettleOrders:
    """A part of the reconciler: it asks, and records what the venue says; it sends nothing."""

    place: PlaceOrders
    clock: Clock

    def look_up(self, changes: Changes, venue: Venue, failures: Failures) -> None:
        """Ask the venue for every order that may exist; adopt what it has, count what it has not once that can be trusted.

        In the order in which they were sent: a reversed entry that is adopted before its exit would add to the old position.
        Only the protection of a closed position comes last: it may have closed an entry fill that we have not recorded.
        """
        rules, account = rules_of(changes.account.venue), changes.account
        for intent in sorted(account.unresolved(), key=partial(is_left_over, account)):
            asks = intent.state.is_unresolved and may_look_up(intent, self.clock.now(), rules)
            if asks and not waits_for(changes.account, intent):
                failures.attempt(intent.market, partial(self._look_up, changes, venue, intent))

    def _look_up(self, changes: Changes, venue: Venue, intent: Intent) -> None:
        now, rules = self.clock.now(), rules_of(changes.account.venue)
        found = venue.find_order(intent)
        if found is None and now >= settles_at(intent, rules):
            changes.make(partial(Account.missed, intent_id=intent.intent_id, now=now), intent.intent_id)
        elif found is not None and not closed_unknown(changes.account, intent, found):
            self.place.take_over(changes, intent, found)

    def prove_absent(self, changes: Changes, venue: Venue, failures: Failures) -> frozenset[str]:
        """Ask the account's trades before an absence is believed: an order that traded exists, even if lookups do not find it.

        Returns the intents (ids) whose absence could not be proven. Too many orders of others traded at the same time, or the
        venue has not told its trades.
        """
        unproven: set[str] = set()
        for intent in changes.account.unresolved():
            now, rules = self.clock.now(), rules_of(changes.account.venue)
            if not intent.state.is_unresolved or intent.order_type.is_conditional or not is_absent(intent, now, rules):
                continue  # a conditional order is kept by the venue under its own client id, also once it has triggered
            if waits_for(changes.account, intent) is not None:
                continue
            if not failures.attempt(intent.market, partial(self._prove_absent, changes, venue, intent, unproven)):
                unproven.add(intent.intent_id)
        return frozenset(unproven)

    def _prove_absent(self, changes: Changes, venue: Venue, intent: Intent, unproven: set[str]) -> None:
        now = self.clock.now()
        try:
            found = traded_order(venue, intent, rules_of(changes.account.venue))
        except TooManyOrders:
            unproven.add(intent.intent_id)
            what = f"absence|{intent.intent_id}"
            counted = partial(count_mend, what=what, code="ABSENCE_NOT_PROVEN", now=now, market=intent.market)
            changes.make(counted, intent.intent_id)
            return
        if found is not None:
            self.place.take_over(changes, intent, found)


class TooManyOrders(Exception):
    """More orders traded around the mark than a look can attribute."""


def traded_order(venue: Venue, intent: Intent, rules: VenueRules) -> VenueOrder | None:
    """The intent's order as the account's trades around its mark show it; None if none of them is of it.

    Raises `TooManyOrders`.
    """
    marked = intent.submitted_at or intent.created_at
    trades = defaultdict(list)
    for trade in venue.trades_since(intent.market, marked - rules.settle_margin):
        if trade.side is intent.side and trade.traded_at <= marked + rules.settle_window:
            trades[trade.venue_order_id].append(trade)
    if len(trades) > MAX_ORDERS_ASKED:
        raise TooManyOrders
    for venue_order_id, parts in trades.items():
        order = venue.find_order_by_venue_id(intent.market, venue_order_id)
        if order is not None and order.client_order_id == intent.client_order_id:
            fees = [part.fee for part in parts]
            return replace(order, fee=None if None in fees else sum((fee for fee in fees if fee is not None), ZERO))
    return None


def ended_if_still(seen: Intent, state: IntentState, reason: Reason, now: datetime) -> Change:
    """End an intent by inference; void if somebody else has learned or done anything about it meanwhile."""

    def change(account: Account) -> Account:
        if account.intents[seen.intent_id] != seen:
            return account
        return account.fail(seen.intent_id, state, reason, now)

    return change
