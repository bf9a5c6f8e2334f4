"""How the weight that a venue allows an egress address in a minute is shared.

The venue counts the weights of all requests of an address, from any worker, and bans an address that goes beyond. So all
workers behind one address share a budget, and those that can wait leave room for those that cannot.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from candlecast.domain.venue.rules import VenueRules

MINUTE = timedelta(minutes=1)


class RequestClass(StrEnum):
    """The purpose of a request, the most urgent first."""

    EXIT = "EXIT"
    ENTRY = "ENTRY"
    AWAITED_LOOK = "AWAITED_LOOK"
    RECONCILER = "RECONCILER"
    MARKET_DATA = "MARKET_DATA"
    HEALTH = "HEALTH"
    UPLOADED = "UPLOADED"
    PAST = "PAST"


SHARE_PERCENT = {
    RequestClass.EXIT: 100,  # money is at stake until it is through
    RequestClass.ENTRY: 90,  # an entry that does not get through costs an opportunity
    RequestClass.AWAITED_LOOK: 85,  # an order waits for it; the looks of the clock cannot use up its share
    RequestClass.RECONCILER: 70,  # the clock repeats it in a minute, and a third of the minute stays for orders
    RequestClass.MARKET_DATA: 50,  # a late candle costs one signal; half of the minute stays for accounts
    RequestClass.HEALTH: 50,  # one ping each minute; without room for that, candles wait as well
    RequestClass.UPLOADED: 30,  # each upload asks for candles of its own: two tenants could use up what others need
    RequestClass.PAST: 15,  # any tenant may ask about the past; half of their share stays for live runs of uploads
}
# The weight that a worker leases at once, so that a request does not cost a write. An order leases for its cancellations and
# settings, the reconciler for two looks at an account, market data for some requests for candles. One look: open orders of a
# market 2, positions 5, balance 5, an order with its trades 7. Unused weight is lost with the minute, so a lease is small beside
# the whole budget. The hourly look at all markets (80) leases more.
LEASE = {
    RequestClass.EXIT: 6,
    RequestClass.ENTRY: 6,
    RequestClass.AWAITED_LOOK: 20,
    RequestClass.RECONCILER: 40,
    RequestClass.MARKET_DATA: 20,
    RequestClass.HEALTH: 1,
    RequestClass.UPLOADED: 20,
    RequestClass.PAST: 20,
}


@dataclass(frozen=True)
class Address:
    """Where requests come from, as a venue counts them."""

    venue: str
    egress: str


@dataclass(frozen=True, kw_only=True)
class Spent:
    """The weight that was leased in a minute, and the time until which the venue wants to hear nothing from the address."""

    minute: datetime
    leased: int = 0
    blocked_until: datetime | None = None

    def is_blocked(self, now: datetime) -> bool:
        return self.blocked_until is not None and now < self.blocked_until


def minute_of(now: datetime) -> datetime:
    """The venue's counters start anew with each minute of the clock."""
    return now.astimezone(UTC).replace(second=0, microsecond=0)


def ceiling(rules: VenueRules, request_class: RequestClass) -> int:
    """How much of the minute may be gone after a request of this class."""
    return rules.weight_per_minute * SHARE_PERCENT[request_class] // 100


def seconds_to_next_minute(now: datetime) -> float:
    """When what is spent now is free again."""
    return (minute_of(now) + MINUTE - now).total_seconds()
