"""Spend a venue's weight budget: a request goes only if what it weighs has been leased for this minute."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from candlecast.domain.values.errors import RetryLater
from candlecast.domain.venue.rules import VenueRequest, rules_of
from candlecast.domain.venue.weight_budget import LEASE, Address, RequestClass, ceiling, minute_of, seconds_to_next_minute
from candlecast.ports.budget import WeightStore
from candlecast.ports.clock import Clock, Metrics

# A message counts its pause in whole seconds and has few retries. A pause of a tenth of a second would count as none. All waiting
# messages would then return at once, repeatedly, and end in the dead letters.
LEAST_PAUSE_SECONDS = 5.0


@dataclass(slots=True)
class _Purse:
    """The known weight of one venue: leased and not used here, and gone by the venue's count."""

    minute: datetime
    left: int = 0
    used: int = 0


@dataclass(slots=True)
class SpendWeight:
    """The budgets of one environment behind one egress address."""

    store: WeightStore
    egress: str
    clock: Clock
    metrics: Metrics
    _purses: dict[str, _Purse] = field(default_factory=dict)
    _blocked: dict[str, datetime] = field(default_factory=dict)

    def __call__(self, venue: str, request_class: RequestClass, request: VenueRequest, times: int = 1) -> None:
        """Take what `times` requests weigh, leasing more if need be; a request without weight costs nothing here.

        Raises `RetryLater`: ADDRESS_BLOCKED while the venue wants to hear nothing, WEIGHT_SPENT until the next minute.
        """
        now, rules = self.clock.now(), rules_of(venue)
        self._require_free(venue, now)
        weight, purse = rules.weight_of(request, times), self._purse(venue, now)
        if weight and purse.used + weight > ceiling(rules, request_class):
            raise self._refused(request_class, now)
        if weight > purse.left:
            purse.left += self._lease(venue, request_class, weight - purse.left, now)
        purse.left -= weight

    def learn_block(self, venue: str, until: datetime | None) -> None:
        """Take over until when the address is blocked, as it has just been read."""
        if until is not None:
            self._blocked[venue] = max(until, self._blocked.get(venue, until))

    def limited(self, venue: str, seconds: float) -> None:
        """The venue asks the address to be silent for so long: everybody behind it hears of it."""
        now = self.clock.now()
        until = now + timedelta(seconds=seconds)
        self.learn_block(venue, until)
        self.metrics.count("AddressesBlocked")
        try:
            self.store.block(Address(venue, self.egress), until, now)
        except RetryLater:
            return  # the others will be told by the venue itself

    def told(self, venue: str, used: int, asked_at: datetime) -> None:
        """The venue's own count of this minute: weight that others have used with our address is gone, too.

        The answer to a request of another minute may count that one, which is over: it says nothing.
        """
        purse = self._purse(venue, self.clock.now())
        if minute_of(asked_at) == purse.minute:
            purse.used = max(purse.used, used)

    def _require_free(self, venue: str, now: datetime) -> None:
        until = self._blocked.get(venue)
        if until is not None and now < until:
            left = max((until - now).total_seconds(), LEAST_PAUSE_SECONDS)
            raise RetryLater("ADDRESS_BLOCKED", "the venue asked for silence", after_seconds=left)

    def _purse(self, venue: str, now: datetime) -> _Purse:
        minute = minute_of(now)
        purse = self._purses.get(venue)
        if purse is None or purse.minute != minute:
            purse = self._purses[venue] = _Purse(minute)
        return purse

    def _lease(self, venue: str, request_class: RequestClass, needed: int, now: datetime) -> int:
        address, bound = Address(venue, self.egress), ceiling(rules_of(venue), request_class)
        for weight in dict.fromkeys((max(needed, LEASE[request_class]), needed)):  # near the end of a minute, what is needed
            if self.store.lease(address, now, weight, bound) is not None:
                return weight
        self.learn_block(venue, self.store.read_spent(address, now).blocked_until)
        self._require_free(venue, now)
        raise self._refused(request_class, now)

    def _refused(self, request_class: RequestClass, now: datetime) -> RetryLater:
        self.metrics.count("WeightRefused")
        left = max(seconds_to_next_minute(now), LEAST_PAUSE_SECONDS)
        return RetryLater("WEIGHT_SPENT", f"{request_class} requests", after_seconds=left)
