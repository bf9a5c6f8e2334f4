"""How many requests a tenant may send in a minute: reads and writes apart, so that a program that polls takes no act away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from candlecast.domain.values.errors import DomainError

WINDOW = timedelta(minutes=1)


class RequestKind(StrEnum):
    """Requests that are counted together; the value is the name of the quota in headers."""

    READ = "reads"
    WRITE = "writes"


@dataclass(frozen=True, kw_only=True)
class Quota:
    """Requests of a tenant in a window, and how many of them one environment of the API takes at a time."""

    requests: int
    chunk: int


# Five windows of a console that poll ten lists every five seconds send 600 reads a minute. Twice as many are left for exports
# and programs. It is 30 a second of the 500 that the door lets in. A chunk is small beside the quota, since its rest is lost
# to other environments. It is large beside one request, since each chunk is a write.
READS = Quota(requests=1_800, chunk=60)
# A script that changes a hundred subscriptions is done within the minute. A write costs up to a transaction with an event.
WRITES = Quota(requests=300, chunk=10)
QUOTAS: Mapping[RequestKind, Quota] = {RequestKind.READ: READS, RequestKind.WRITE: WRITES}


@dataclass(frozen=True, kw_only=True)
class Admission:
    """Whether a request may pass, and the rest of the window: never more than the quota, and less by chunks of others."""

    kind: RequestKind
    quota: Quota
    left: int
    resets_in: int
    """Whole seconds until the next window, at least 1."""
    admitted: bool = True


class TooManyRequests(DomainError):
    """The tenant has sent as many requests of a kind as it may in a window; the next begins after `after_seconds`."""

    def __init__(self, admission: Admission) -> None:
        per = f"at most {admission.quota.requests} {admission.kind.value} a minute"
        super().__init__("TOO_MANY_REQUESTS", f"{per}; closing, cancelling, pausing and stopping are not counted")
        self.after_seconds = admission.resets_in


def window_of(now: datetime) -> datetime:
    """The beginning of the window."""
    return now.astimezone(UTC).replace(second=0, microsecond=0)
