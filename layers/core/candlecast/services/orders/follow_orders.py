"""Follow the orders that rest at the venue: ours to their end, others' so that they are seen.

`domain/reconcile/drift.py` has the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from candlecast.domain.account.account import Account
from candlecast.domain.account.findings import ExternalOrder
from candlecast.domain.orders.intent import Intent, IntentState
from candlecast.domain.reconcile.adopt import count_mend, may_mend, note_external
from candlecast.domain.reconcile.drift import OrderStep, is_our_id, order_step
from candlecast.domain.reconcile.look_schedule import whole_look_is_due
from candlecast.domain.reconcile.reconcile import closed_unknown, is_absent, is_left_over, may_look_up, settles_at
from candlecast.domain.reconcile.restoration import is_restoring
from candlecast.domain.values.errors import Ambiguous, Reject, RetryLater
from candlecast.domain.values.reasons import Reason
from candlecast.domain.venue.reports import VenueOpenOrder
from candlecast.domain.venue.rules import rules_of
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.venue import Venue
from candlecast.services.orders.changes import Changes
from candlecast.services.orders.failures import Failures
from candlecast.services.orders.place_orders import PlaceOrders
from candlecast.services.orders.settle_orders import ended_if_still

MAX_MARKETS_ASKED = 20  # one by one, each with two requests: a look has only seconds


@dataclass(frozen=True, slots=True)
class FollowOrders:
    """A part of the reconciler; it cancels what bears an id of ours and belongs to nothing, and sends nothing else."""

    place: PlaceOrders
    clock: Clock
    metrics: Metrics

    def __call__(self, changes: Changes, venue: Venue, failures: Failures) -> bool:
        """Read the open orders where something is ours (now and then everywhere) and do what the table says of each.

        Returns whether the orders of all markets were read and none of ours is left that could open something unknown.
        """
        account = changes.account
        markets, resting = self._resting(account, venue, failures)
        at_venue = {order.client_order_id for order in resting}
        # adds first, left-over orders last: these may have closed an entry fill that we have not recorded
        for intent in sorted(account.intents.values(), key=lambda intent: (not intent.is_add, is_left_over(account, intent))):
            if markets is None or intent.market in markets:
                follow = partial(self._follow, changes, venue, intent, at_venue=intent.client_order_id in at_venue)
                failures.attempt(intent.market, follow)
        return self._others(changes, venue, markets, resting) and markets is None

    def _resting(self, account: Account, venue: Venue, failures: Failures) -> tuple[set[str] | None, list[VenueOpenOrder]]:
        """The markets that the venue has listed (None: all of them), and the open orders there.

        A list of all markets that cannot be had is asked for market by market, so that an odd order hides its own market only.
        """
        resting: list[VenueOpenOrder] = []

        def ask(market: str | None) -> None:
            resting.extend(venue.open_orders(market))

        markets = sorted(_markets_of(account))
        if self._asks_at_once(account, len(markets)) and failures.attempt(None, partial(ask, None)):
            return None, resting
        return {market for market in markets[:MAX_MARKETS_ASKED] if failures.attempt(market, partial(ask, market))}, resting

    def _asks_at_once(self, account: Account, markets: int) -> bool:
        """Whether to ask everywhere, when its turn has come or where it takes less of the weight budget."""
        due = whole_look_is_due(account, self.clock.now()) or is_restoring(account)
        return due or markets > MAX_MARKETS_ASKED or rules_of(account.venue).lists_at_once(markets)

    def _follow(self, changes: Changes, venue: Venue, intent: Intent, *, at_venue: bool) -> None:
        rules, now, key = rules_of(changes.account.venue), self.clock.now(), intent.intent_id
        step = order_step(intent.state, at_venue=at_venue, our_id=True, age=None, spacing=rules.lookup_spacing)
        if intent.state.is_unresolved:
            return  # looked up by itself
        fills_in_parts = not intent.kind.is_protective or intent.order_type.has_limit
        if step is OrderStep.NOTHING and not (fills_in_parts and at_venue):
            if intent.lookups:
                changes.make(partial(Account.seen, intent_id=key), key)
            return
        found = venue.find_order(intent)
        if step is OrderStep.NOTHING and (found is None or found.filled_quantity == intent.filled_quantity):
            return  # it rests, and has filled no more than we know
        if found is not None:
            if not closed_unknown(changes.account, intent, found):
                self.place.take_over(changes, intent, found)
        elif intent.state is IntentState.OPEN and now >= settles_at(intent, rules) and may_look_up(intent, now, rules):
            changes.make(partial(Account.missed, intent_id=key, now=now), key)
            missed = changes.account.intents[key]
            if is_absent(missed, now, rules):
                changes.make(ended_if_still(missed, IntentState.CANCELLED, Reason.CANCELLED_AT_VENUE, now), key)

    def _others(self, changes: Changes, venue: Venue, markets: set[str] | None, resting: Sequence[VenueOpenOrder]) -> bool:
        """Note orders that no intent of ours explains. An order with an id of ours is cancelled once a second look sees it.

        After a restore such an order that only closes stays: it may protect a position whose entry was lost with it. Returns
        whether no order of ours is left that could open something.
        """
        account, now = changes.account, self.clock.now()
        ours = {i.client_order_id for i in account.intents.values()} | {i.venue_order_id for i in account.intents.values()}
        first_seen = {order.venue_order_id: order.seen_at for order in account.external_orders}
        others = [order for order in resting if not {order.client_order_id, order.venue_order_id} & ours]
        for order in others:
            seen_at = first_seen.get(order.venue_order_id)
            step = order_step(
                None,
                at_venue=True,
                our_id=is_our_id(order.client_order_id),
                age=None if seen_at is None else now - seen_at,
                spacing=rules_of(account.venue).lookup_spacing,
            )
            if step is OrderStep.CANCEL and not (order.reduce_only and is_restoring(changes.account)):
                self._cancel(changes, venue, order)
        noted = partial(note_external, markets=markets, seen=[_seen(order, now) for order in others], now=now)
        if noted(account).external_orders != account.external_orders:
            changes.make(noted)
        return all(order.reduce_only or not is_our_id(order.client_order_id) for order in others)

    def _cancel(self, changes: Changes, venue: Venue, order: VenueOpenOrder) -> None:
        what, now = f"stray|{order.venue_order_id}", self.clock.now()
        if not may_mend(changes.account, what, now):
            return
        changes.make(partial(count_mend, what=what, code="STRAY_ORDER_STAYS", now=now, market=order.market))
        try:
            venue.cancel_open_order(order)
        except (Ambiguous, RetryLater, Reject):
            self.metrics.count("VenueErrors")


def _markets_of(account: Account) -> set[str]:
    """Where something is ours, or was seen of somebody else."""
    ours = {i.market for i in account.intents.values() if i.state in (IntentState.OPEN, IntentState.PENDING)}
    return ours | {p.market for p in account.positions.values()} | {order.market for order in account.external_orders}


def _seen(order: VenueOpenOrder, now: datetime) -> ExternalOrder:
    return ExternalOrder(
        client_order_id=order.client_order_id,
        venue_order_id=order.venue_order_id,
        market=order.market,
        side=order.side,
        quantity=order.quantity,
        seen_at=now,
    )
