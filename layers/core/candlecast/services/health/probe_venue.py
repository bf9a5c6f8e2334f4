"""Probe a venue within its weight budget, as every other request to it."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.values.errors import RetryLater
from candlecast.domain.venue.breaker import BreakerState
from candlecast.domain.venue.rules import VenueRequest
from candlecast.domain.venue.weight_budget import RequestClass
from candlecast.ports.gate import BreakerStore
from candlecast.ports.health import Probe
from candlecast.services.venue.guard_venue import RATE_LIMITED
from candlecast.services.venue.spend_weight import SpendWeight


@dataclass(frozen=True, slots=True)
class ProbeVenue:
    """`ports.health.Probe`: the venue's public ping, then its circuit breaker, which knows what orders meet."""

    venue: str
    ping: Probe
    spend: SpendWeight
    breakers: BreakerStore

    def check(self) -> None:
        """Raises `RetryLater`: ADDRESS_BLOCKED and WEIGHT_SPENT if nothing was asked, VENUE_BREAKER_OPEN if entries wait."""
        self.spend(self.venue, RequestClass.HEALTH, VenueRequest.PING)
        try:
            self.ping.check()
        except RetryLater as error:
            if error.code == RATE_LIMITED:
                self.spend.limited(self.venue, error.after_seconds)
            raise
        if self.breakers.load_breaker(self.venue).state is not BreakerState.CLOSED:
            raise RetryLater("VENUE_BREAKER_OPEN", "orders had no answer", after_seconds=0)
