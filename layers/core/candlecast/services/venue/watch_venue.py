"""Keep a venue's circuit breaker: hear of every answer and every silence, and write only what changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from candlecast.domain.account.account import Account
from candlecast.domain.values.errors import Conflict, DomainError, RetryLater
from candlecast.domain.venue.breaker import Breaker, BreakerState, is_venue_failure
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.gate import BreakerStore

ATTEMPTS = 3  # a worker that wins reports the same venue; a failure that is not counted costs one more to open
NO_PROBE_SECONDS = 5.0  # somebody else's probe is under way, and its answer is seconds away


@dataclass(slots=True)
class WatchVenue:
    """The breakers of one environment. Its knowledge is as new as the last read or write of any of its workers.

    On the happy path nothing is read or written here. The gate's reading, taken before an order leaves, says whether a success
    has anything to reset.
    """

    store: BreakerStore
    clock: Clock
    metrics: Metrics
    _known: dict[str, Breaker] = field(default_factory=dict)

    def learn(self, breaker: Breaker) -> None:
        """Take over what has just been read."""
        self._known[breaker.venue] = breaker

    def answered(self, venue: str) -> None:
        """The venue has answered a request, with success or an error."""
        known = self._known.get(venue)
        if known is not None and not known.is_untouched:
            self._change(known, Breaker.succeeded)

    def heard(self, venue: str, error: DomainError) -> None:
        """A request has ended with an error: silence counts as a failure, anything else is an answer.

        A request that never left because of a bound of ours says nothing about the venue; do not report it.
        """
        if not is_venue_failure(error):
            self.answered(venue)
            return
        now = self.clock.now()
        self._change(self._known.get(venue, Breaker(venue=venue)), lambda breaker: breaker.failed(now))

    def keys_refused(self, account: Account) -> None:
        """A look has found keys refused that had worked: many of them at once brake the fleet."""
        now, venue, whose = self.clock.now(), account.venue, (account.tenant_id, account.account_id)
        self._change(self._known.get(venue, Breaker(venue=venue)), lambda breaker: breaker.keys_refused(*whose, now))

    def keys_accepted(self, account: Account) -> None:
        """A look has been answered; written only for an account that was refused before."""
        known, whose = self._known.get(account.venue), (account.tenant_id, account.account_id)
        if known is not None and known.knows_refused(*whose):
            self._change(known, lambda breaker: breaker.keys_accepted(*whose))

    def brakes_until(self, venue: str) -> datetime | None:
        """Until when entries wait because the venue refuses many keys at once."""
        return self._known.get(venue, Breaker(venue=venue)).brakes_until(self.clock.now())

    def spares(self, venue: str) -> bool:
        """Whether refused keys disable nobody now."""
        return self._known.get(venue, Breaker(venue=venue)).spares(self.clock.now())

    def is_probe_due(self, venue: str) -> bool:
        """Whether the next entry is the one that tries the venue again."""
        known = self._known.get(venue, Breaker(venue=venue))
        return known.state is not BreakerState.CLOSED and not known.stops(self.clock.now())

    def may_enter(self, venue: str) -> bool:
        """Whether an entry, or a question, may go now: nothing stands in the way, or it has become the one probe."""
        known = self._known.get(venue, Breaker(venue=venue))
        if known.state is BreakerState.CLOSED:
            return True
        return self.is_probe_due(venue) and self._write(known.probing(self.clock.now()))

    def require_working(self, venue: str) -> None:
        """Raise `RetryLater` (VENUE_BREAKER_OPEN) unless the venue may be asked something; one read."""
        self.learn(self.store.load_breaker(venue))
        if not self.may_enter(venue):
            raise RetryLater("VENUE_BREAKER_OPEN", "the venue does not answer", after_seconds=self.seconds_to_probe(venue))

    def seconds_to_probe(self, venue: str) -> float:
        """Seconds until an entry may be retried."""
        at = self._known.get(venue, Breaker(venue=venue)).opens_at()
        if at is None:
            return 0
        return max((at - self.clock.now()).total_seconds(), NO_PROBE_SECONDS)

    def _change(self, breaker: Breaker, change: Callable[[Breaker], Breaker]) -> None:
        """Write a change on the known or a newer version; give up quietly, for it is about others' orders."""
        for _ in range(ATTEMPTS):
            changed = change(breaker)
            if changed == breaker or self._write(changed):
                return
            try:
                breaker = self.store.load_breaker(breaker.venue)
            except RetryLater:
                return
            self.learn(breaker)

    def _write(self, breaker: Breaker) -> bool:
        """Whether the breaker could be written; a store that does not answer is no reason to lose an order's outcome."""
        before = self._known.get(breaker.venue)
        try:
            self.learn(self.store.save_breaker(breaker))
        except (Conflict, RetryLater):
            return False
        if breaker.state is BreakerState.OPEN and (before is None or before.state is not BreakerState.OPEN):
            self.metrics.count("BreakersOpened")
        if breaker.braked_at is not None and (before is None or before.braked_at is None):
            self.metrics.count("VenuesBraked")
        return True
