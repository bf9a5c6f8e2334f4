"""Ask the venue for the end of orders that a restore of the table has lost and that rebuilt history shows as open.

A look finds what such orders have left at the venue (`find_lost.py`), and never the orders themselves: a client id is a hash.
History that was made anew from the archive has them. Their ends are told as events, and nothing of the account changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from candlecast.domain.account.account import Account
from candlecast.domain.account.events import order_event
from candlecast.domain.orders.intent import Intent
from candlecast.domain.reconcile.end_lost import ended_lost
from candlecast.domain.reconcile.restoration import FIRST_GENERATION, KNOWN_FOR, QUIET, is_restoring
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.money import ZERO
from candlecast.domain.venue.reports import VenueOrder
from candlecast.domain.venue.rules import VenueRules, rules_of
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.restorations import LostOrders, Restorations
from candlecast.ports.venue import MAX_LOOK_BACK, Markets, Venue
from candlecast.services.orders.changes import Changes
from candlecast.services.orders.failures import Failures
from candlecast.services.orders.settle_orders import TooManyOrders, traded_order

MAX_ORDERS_ASKED = 20  # of one look, a request each; the next full look goes on


@dataclass(frozen=True, slots=True)
class SettleLost:
    """A part of the reconciler: it asks and tells, and sends nothing."""

    restorations: Restorations
    orders: LostOrders
    markets: Markets
    generation: int
    """The generation of the table that the functions use."""
    clock: Clock
    metrics: Metrics

    def __call__(self, changes: Changes, venue: Venue) -> None:
        """Tell the ends of lost orders, on the day after a restore; a table that was never restored is not read."""
        if self.generation == FIRST_GENERATION or is_restoring(changes.account):
            return
        failures = Failures()
        try:
            for lost in self._lost(changes.account):
                failures.attempt(lost.market, partial(self._settle, changes, venue, lost))
        except RetryLater:
            return  # the look itself is done; the next full look goes on
        if failures.codes:
            self.metrics.count("VenueErrors", len(failures.codes))

    def _lost(self, account: Account) -> Sequence[Intent]:
        """Orders of the lost minutes that are open in history, without those that the account follows."""
        restored, now = self.restorations.find(), self.clock.now()
        if restored is None or restored.adopted_at is None or now > restored.adopted_at + KNOWN_FOR:
            return ()
        since, until = restored.restored_to, restored.adopted_at + QUIET
        found = self.orders.orders_without_end(account.tenant_id, account.account_id, since, until, MAX_ORDERS_ASKED)
        return [lost for lost in found if lost.intent_id not in account.intents]

    def _settle(self, changes: Changes, venue: Venue, lost: Intent) -> None:
        now, market = self.clock.now(), self.markets.find(changes.account.venue, lost.market)
        rate = ZERO if market is None else changes.account.taker_fee(market)
        try:
            found = venue.find_order(lost) or _traded(venue, lost, rules_of(changes.account.venue), now)
        except TooManyOrders:
            return  # nobody can say
        ended = ended_lost(lost, found, rate, now)
        if ended is not None:
            self.metrics.count("LostOrdersEnded")
            changes.make(partial(Account.tell, event=order_event(ended, now)))


def _traded(venue: Venue, lost: Intent, rules: VenueRules, now: datetime) -> VenueOrder | None:
    """The order as trades show it, where they can: an order that traded exists, even if a lookup does not find it."""
    told = lost.created_at - rules.settle_margin >= now - MAX_LOOK_BACK and lost.position_side is not None
    return traded_order(venue, lost, rules) if told and not lost.order_type.is_conditional else None
