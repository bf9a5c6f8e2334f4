"""End what an account had in a market that its venue has delisted and knows no more."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from candlecast.domain.account.account import Account
from candlecast.domain.reconcile.adopt import end_market
from candlecast.domain.reconcile.reconcile import settles_at
from candlecast.domain.values.reasons import Reason
from candlecast.domain.venue.rules import rules_of
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.venue import Markets, Venue
from candlecast.services.orders.changes import Changes
from candlecast.services.orders.failures import Failures


@dataclass(frozen=True, slots=True)
class EndMarkets:
    """A part of the reconciler; it sends nothing.

    A venue settles positions when it ends a market, and its trades tell the price for as long as it answers about the market.
    Later it refuses every question. Three words must then agree: the catalogue, this refusal, and the list of positions.
    """

    markets: Markets
    clock: Clock
    metrics: Metrics

    def __call__(self, changes: Changes, venue: Venue, failures: Failures) -> None:
        """End orders and positions in each market that the venue refused to know in this look."""
        for market in [market for market, code in failures.codes.items() if market is not None and code == Reason.UNKNOWN_MARKET]:
            if self._has_ended(changes.account, market):
                failures.attempt(market, partial(self._end, changes, venue, failures, market))

    def _has_ended(self, account: Account, market: str) -> bool:
        """Whether the catalogue says so, and no request of ours can still be under way there."""
        known, now, rules = self.markets.find(account.venue, market), self.clock.now(), rules_of(account.venue)
        under_way = (i for i in account.intents.values() if i.market == market and i.state.is_unresolved)
        return known is not None and known.has_ended(now) and all(now >= settles_at(intent, rules) for intent in under_way)

    def _end(self, changes: Changes, venue: Venue, failures: Failures, market: str) -> None:
        if any(position.market == market for position in venue.positions()):
            return
        changes.make(partial(end_market, market=market, now=self.clock.now()))
        failures.codes.pop(market)  # nothing is left there that a look could fail for
        self.metrics.count("PositionDrifts")
