"""Suspend the entries of an account for a cause: nothing new is opened, and looks, stops, targets and exits go on.

A disabled account sends nothing at all. A suspension is for accounts that may still close. The venue takes reduce-only
orders alone, or has refused the keys once, or nobody has vetted the keys yet. An entry that already rests at the venue stays
there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self

from candlecast.domain.account.events import Event, EventType
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import require_utc
from candlecast.domain.values.reasons import Reason

MAX_SUSPENSIONS = 8  # one a cause; every write of the account pays for them
ENTRIES_SUSPENDED, ENTRIES_RESUMED = "ENTRIES_SUSPENDED", "ENTRIES_RESUMED"


@dataclass(frozen=True, kw_only=True)
class Suspension:
    """Why entries of an account are denied: orders carry `cause` as their reason.

    `until` is when entries are taken again without anybody's act (UTC). None: only `resume` ends the suspension.
    """

    cause: Reason
    since: datetime
    until: datetime | None = None

    def __post_init__(self) -> None:
        require_utc("since", self.since)
        if self.until is not None:
            require_utc("until", self.until)
            if self.until < self.since:
                raise InvalidValue("a suspension does not end before it begins")

    def holds(self, now: datetime) -> bool:
        """Whether entries are denied at `now`."""
        return self.until is None or now < self.until


class Suspendable(Protocol):
    """The part of an account that this module needs; the account holds suspensions, so it lies above them."""

    @property
    def suspensions(self) -> tuple[Suspension, ...]: ...

    def with_suspensions(self, suspensions: tuple[Suspension, ...], *events: Event) -> Self: ...


def suspended_by(account: Suspendable, now: datetime) -> Reason | None:
    """The cause for which an entry is denied now: the oldest that still holds. None if entries may go."""
    return next((each.cause for each in account.suspensions if each.holds(now)), None)


def since(account: Suspendable, cause: Reason) -> datetime | None:
    """Since when entries are suspended for `cause`; None if they are not."""
    return next((each.since for each in account.suspensions if each.cause is cause), None)


def suspend[A: Suspendable](account: A, cause: Reason, now: datetime, until: datetime | None = None) -> A:
    """Deny entries for `cause`. The owner is told once: a repeat of the cause moves `until` only, and never to an earlier time.

    Raises `InvalidValue` (TOO_MANY_SUSPENSIONS) for more causes than an account remembers.
    """
    known = next((each for each in account.suspensions if each.cause is cause), None)
    if known is None or not known.holds(now):
        others = tuple(each for each in account.suspensions if each.cause is not cause)
        added = Suspension(cause=cause, since=now, until=until)
        return account.with_suspensions((*others, added), _changed(ENTRIES_SUSPENDED, cause, now))
    if known.until is None or until == known.until or (until is not None and until < known.until):
        return account
    later = replace(known, until=until)
    return account.with_suspensions(tuple(later if each is known else each for each in account.suspensions))


def resume[A: Suspendable](account: A, cause: Reason, now: datetime) -> A:
    """End the suspension for `cause`; the same account if there is none. Other causes go on denying entries."""
    left = tuple(each for each in account.suspensions if each.cause is not cause)
    if len(left) == len(account.suspensions):
        return account
    return account.with_suspensions(left, _changed(ENTRIES_RESUMED, cause, now))


def resume_ended[A: Suspendable](account: A, now: datetime) -> A:
    """End the suspensions whose time is over; the same account if there are none."""
    for each in account.suspensions:
        if not each.holds(now):
            account = resume(account, each.cause, now)
    return account


def _changed(code: str, cause: Reason, now: datetime) -> Event:
    return Event(type=EventType.ACCOUNT_CHANGED, occurred_at=now, code=code, cause=cause)
