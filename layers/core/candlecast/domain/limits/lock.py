"""The lock on limits: until its end nobody loosens them, and two operators lift it early.

A lock has a longest time, because a lock until the year 9999 would bind its owner to a slip of the pen.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from candlecast.domain.limits.limits import Limits, loosened
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, InvalidValue

MAX_LOCK = timedelta(days=90)  # a quarter outlasts a bad month, and a mistyped year does not bind for ever
LOCKS_BOUNDED_SINCE = datetime(2026, 11, 29, tzinfo=UTC)  # a lock from before has no known beginning and counts from here


def lock_end(limits: Limits, set_at: datetime | None) -> datetime | None:
    """When the lock on `limits` ends; None without a lock.

    `set_at` is when these limits were set. None is a time before locks were bounded.
    """
    if limits.limits_locked_until is None:
        return None
    return min(limits.limits_locked_until, (set_at or LOCKS_BOUNDED_SINCE) + MAX_LOCK)


def bounded(limits: Limits, set_at: datetime | None) -> Limits:
    """The limits with the end that their lock really has."""
    end = lock_end(limits, set_at)
    return limits if end == limits.limits_locked_until else replace(limits, limits_locked_until=end)


def require_bounded(limits: Limits, now: datetime) -> Limits:
    """The limits, if they may be set now; raises `InvalidValue` (LOCK_TOO_LONG) for a lock of more than `MAX_LOCK`."""
    if limits.limits_locked_until is not None and limits.limits_locked_until > now + MAX_LOCK:
        raise InvalidValue(f"limits_locked_until is at most {MAX_LOCK.days} days ahead", code="LOCK_TOO_LONG")
    return limits


def require_unlocked(old: Limits, new: Limits, set_at: datetime | None, now: datetime) -> Limits:
    """The limits `new`, if they may replace `old` now.

    `set_at` is when `old` was set. Raises `InvalidValue` (LOCK_TOO_LONG) and `Conflict` (LIMITS_LOCKED).
    """
    require_bounded(new, now)
    refuse_locked(loosened(bounded(old, set_at), new), lock_end(old, set_at), now)
    return new


def refuse_locked(names: Sequence[str], end: datetime | None, now: datetime) -> None:
    """Raise `Conflict` (LIMITS_LOCKED) for limits of these names, which a change would loosen before `end`."""
    if names and end is not None and now < end:
        raise Conflict("LIMITS_LOCKED", f"locked until {end}: {', '.join(names)}")


def unlocked(limits: Limits, until: datetime) -> Limits:
    """The limits without their lock; raises `Conflict` (APPROVAL_OUTDATED) if it is not the lock until `until`."""
    if limits.limits_locked_until != until:
        raise Conflict("APPROVAL_OUTDATED", "the lock has changed since: ask again")
    return replace(limits, limits_locked_until=None)
