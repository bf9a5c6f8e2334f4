"""A venue's circuit breaker: while a venue does not answer anybody, entries wait instead of piling up as unknown.

One per venue, shared by all workers. Exits and stops are sent in every state of the breaker; if an exit or stop gets through,
the breaker closes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import DomainError, InvalidValue

FAILURES_TO_OPEN = 5  # in a row; fewer may be one slow minute of one worker
OPEN_FOR = timedelta(seconds=30)  # then one probe is let through
PROBE_LASTS = timedelta(seconds=30)  # a probe that is silent for so long has died with its worker

# The brake: many accounts whose keys are refused at once share a cause, which is our address and not their keys.
REFUSALS_TO_BRAKE = 5  # accounts; so many do not lose their keys within the window by chance
TENANTS_TO_BRAKE = 5  # one user may revoke all own keys at will, and holds nobody's entries by that
REFUSAL_WINDOW = timedelta(minutes=10)  # two turns of an account: a changed address shows at each account within one
BRAKE_FOR = timedelta(minutes=5)  # after the newest account: entries of a few keys that stay refused do not hold those of all
SPARE_FOR = timedelta(hours=24)  # so long operators have until refused keys disable their accounts again
MAX_REFUSED = 20  # accounts that are remembered; more say nothing new, and every order reads the item

# Signs that a venue does not work: time-outs, 5xx and -1007, no connection at all, and Binance's own "overloaded". The first
# three are OUTCOME_UNKNOWN for an order and VENUE_UNAVAILABLE for a question. A refusal or a rate limit is an answer.
FAILURE_CODES = frozenset({"OUTCOME_UNKNOWN", "VENUE_UNAVAILABLE", "VENUE_UNREACHABLE", "VENUE_OVERLOADED"})


class BreakerState(StrEnum):
    """CLOSED lets all through, OPEN no entry, HALF_OPEN one probe."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


@dataclass(frozen=True, kw_only=True)
class Breaker:
    """The breaker of one venue. `since` is when it opened, or when its probe was let through."""

    venue: str
    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    since: datetime | None = None
    version: int = 0
    refused: Mapping[str, datetime] = field(default_factory=dict)
    """Tenant and account (`_named`) to the time at which the venue first refused the keys; at most `MAX_REFUSED`."""
    braked_at: datetime | None = None
    """When the newest of many accounts was refused; None while they are few."""

    def __post_init__(self) -> None:
        if (self.state is BreakerState.CLOSED) is not (self.since is None):
            raise InvalidValue("a breaker that is not closed says since when, and no other")
        if not 0 <= self.failures <= FAILURES_TO_OPEN or (self.failures == FAILURES_TO_OPEN) is (self.since is None):
            raise InvalidValue(f"a breaker opens at {FAILURES_TO_OPEN} failures")

    @property
    def is_untouched(self) -> bool:
        """Whether a success changes nothing, so that nothing has to be written."""
        return self.state is BreakerState.CLOSED and self.failures == 0

    def opens_at(self) -> datetime | None:
        """When the next probe may go; None if nothing stands in the way."""
        if self.since is None:
            return None
        return self.since + (OPEN_FOR if self.state is BreakerState.OPEN else PROBE_LASTS)

    def stops(self, now: datetime) -> bool:
        """Whether entries have to wait."""
        at = self.opens_at()
        return at is not None and now < at

    def probing(self, now: datetime) -> Breaker:
        """The breaker with its one probe under way; only for one that is not closed and stops nobody any more."""
        if self.since is None or self.stops(now):
            raise InvalidValue("no probe is due")
        return replace(self, state=BreakerState.HALF_OPEN, since=now)

    def failed(self, now: datetime) -> Breaker:
        """After a request that the venue did not answer; the same while it is open anyway."""
        if self.state is BreakerState.OPEN:
            return self
        failures = min(self.failures + 1, FAILURES_TO_OPEN)
        if failures < FAILURES_TO_OPEN:
            return replace(self, failures=failures)
        return replace(self, state=BreakerState.OPEN, failures=failures, since=now)

    def keys_refused(self, tenant_id: str, account_id: str, now: datetime) -> Breaker:
        """After the venue has refused keys that had worked; the same if that is known, or if the tenant has told enough."""
        remembered = SPARE_FOR if self.braked_at is not None else REFUSAL_WINDOW
        known = {each: at for each, at in self.refused.items() if now - at <= remembered}
        named = _named(tenant_id, account_id)
        of_tenant = sum(_tenant(each) == tenant_id for each in known)
        if named in known or len(known) >= MAX_REFUSED or of_tenant >= REFUSALS_TO_BRAKE:
            return self
        refused = {**known, named: now}
        return replace(self, refused=refused, braked_at=now if len(refused) >= REFUSALS_TO_BRAKE else None)

    def keys_accepted(self, tenant_id: str, account_id: str) -> Breaker:
        """After the venue has accepted the keys of an account again; the brake is off once few are left."""
        left = {each: at for each, at in self.refused.items() if each != _named(tenant_id, account_id)}
        return replace(self, refused=left, braked_at=self.braked_at if len(left) >= REFUSALS_TO_BRAKE else None)

    def knows_refused(self, tenant_id: str, account_id: str) -> bool:
        """Whether the keys of an account count as refused."""
        return _named(tenant_id, account_id) in self.refused

    def brakes_until(self, now: datetime) -> datetime | None:
        """Until when entries wait because keys of many users are refused at once; None if they need not."""
        if len({_tenant(each) for each in self.refused}) < TENANTS_TO_BRAKE:
            return None
        until = None if self.braked_at is None else self.braked_at + BRAKE_FOR
        return until if until is not None and now < until else None

    def spares(self, now: datetime) -> bool:
        """Whether refused keys disable nobody now, because many are refused at once."""
        return self.braked_at is not None and now < self.braked_at + SPARE_FOR

    def succeeded(self) -> Breaker:
        """After a request with any answer of the venue; the same if nothing was wrong."""
        return self if self.is_untouched else replace(self, state=BreakerState.CLOSED, failures=0, since=None)


def _named(tenant_id: str, account_id: str) -> str:
    return f"{tenant_id}|{account_id}"


def _tenant(named: str) -> str:
    """The tenant of a refused account; items from before tenants were kept name the account alone."""
    return named.partition("|")[0]


def is_venue_failure(error: DomainError) -> bool:
    """Whether an error says that the venue does not work; a refusal of the request does not."""
    return error.code in FAILURE_CODES
