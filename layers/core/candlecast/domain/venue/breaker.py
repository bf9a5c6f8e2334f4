"""A venue's circuit breaker: while a venue does not answer anybody, entries wait instead of piling up as unknown.

One per venue, shared by all workers. Exits and stops are sent in every state of the breaker; if an exit or stop gets through,
the breaker closes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import DomainError, InvalidValue

FAILURES_TO_OPEN = 5  # in a row; fewer may be one slow minute of one worker
OPEN_FOR = timedelta(seconds=30)  # then one probe is let through
PROBE_LASTS = timedelta(seconds=30)  # a probe that is silent for so long has died with its worker

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

    def succeeded(self) -> Breaker:
        """After a request with any answer of the venue; the same if nothing was wrong."""
        return self if self.is_untouched else replace(self, state=BreakerState.CLOSED, failures=0, since=None)


def is_venue_failure(error: DomainError) -> bool:
    """Whether an error says that the venue does not work; a refusal of the request does not."""
    return error.code in FAILURE_CODES
