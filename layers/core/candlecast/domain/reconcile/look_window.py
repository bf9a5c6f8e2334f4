"""How many requests for looks may wait at once: twice what the last minute has done, so that an overload does not feed itself.

A venue's weight budget, a silent venue or a slow reconciler shows in one number: the requests that still wait after a minute.
"""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.values.copying import replace

MOST_WAITING = 50_000  # ten runs of one invocation of the clock, within its time-out; the rest is due a minute later
FIRST_WINDOW = 300  # doubles each minute in which all of it was done: 5,000 accounts within five minutes, 50,000 within eight
LEAST_WINDOW = 100  # goes on asking while a venue is silent; most accounts of a small stack in a minute
NEARLY_ALL = 10  # a tenth may still be on its way at the next firing: looks are spread over the whole minute


@dataclass(frozen=True, kw_only=True)
class LookWindow:
    """The memory of the clock from one firing to the next."""

    size: int = FIRST_WINDOW
    """The most requests that may wait."""
    waiting: int = 0
    """The requests that waited after the last firing, its own included."""

    def after_a_minute(self, waiting: int) -> LookWindow:
        """The window of the next firing, which finds `waiting` requests not done yet."""
        done = max(0, self.waiting - waiting)
        all_done = waiting <= max(self.waiting // NEARLY_ALL, LEAST_WINDOW)
        size = max(self.size, 2 * done) if all_done else min(self.size, 2 * done)
        return replace(self, size=min(MOST_WAITING, max(LEAST_WINDOW, size)), waiting=waiting)

    @property
    def room(self) -> int:
        """How many more requests may be made."""
        return max(0, self.size - self.waiting)

    def with_more(self, asked: int) -> LookWindow:
        """The window once `asked` requests have been made."""
        return replace(self, waiting=self.waiting + asked)
