"""The event of a schedule: its shape, and its age.

Scheduler and Lambda deliver an event at least once and retry for minutes. A person may redrive an event of last week.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from candlecast.domain.values.errors import InvalidValue

CLOCK_SKEW = timedelta(seconds=5)  # between the scheduler and us; a time further ahead was chosen by somebody
MAX_CHARACTERS = 40  # an instant with microseconds and offset has 32


class FiringRefused(InvalidValue):
    """An event that a clock does not act on. No retry helps: it is counted and answered."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, code)


def instant_in(event: Mapping[str, Any], name: str) -> datetime:
    """The instant in a field of an event; raises `FiringRefused` (FIRING_MALFORMED), which repeats nothing of it."""
    text = event.get(name) if isinstance(event, Mapping) else None
    if not isinstance(text, str) or len(text) > MAX_CHARACTERS:
        raise FiringRefused("FIRING_MALFORMED", f"{name} is no time")
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise FiringRefused("FIRING_MALFORMED", f"{name} is no time in ISO 8601") from None
    if instant.utcoffset() != timedelta(0):
        raise FiringRefused("FIRING_MALFORMED", f"{name} is not in UTC")
    return instant


def require_recent(scheduled_at: datetime, now: datetime, oldest: timedelta) -> None:
    """Raise `FiringRefused` for a firing that is older than `oldest` (FIRING_TOO_LATE) or still to come (FIRING_AHEAD)."""
    if now - scheduled_at > oldest:
        raise FiringRefused("FIRING_TOO_LATE", f"scheduled at {scheduled_at.isoformat()}, over {oldest} ago")
    if scheduled_at - now > CLOCK_SKEW:
        raise FiringRefused("FIRING_AHEAD", f"scheduled at {scheduled_at.isoformat()}, which is still to come")
