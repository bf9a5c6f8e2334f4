"""The events of a run, in order and by the run's own clock: a failing seed prints them, and the report counts the faults."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from candlecast.domain.account.account import Account
from candlecast.domain.orders.intent import Intent
from tests.support.builders import NOW
from tests.support.fakes.clock import FakeClock

KEPT = 400  # events; the cause of a broken invariant lies mostly within the last ten minutes, and a minute is some 30 events


@dataclass(slots=True)
class Chronicle:
    """Keeps the last events; once something is broken, those that led there."""

    clock: FakeClock
    steps: int = 0  # boundaries of port calls that were crossed, and everything that was planned and happened
    faults: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    _events: deque[tuple[datetime, str]] = field(default_factory=lambda: deque(maxlen=KEPT))
    _led_there: tuple[tuple[datetime, str], ...] | None = None

    def tell(self, what: str) -> None:
        """Something happened."""
        self._events.append((self.clock.now(), what))

    def fault(self, kind: str, what: str = "") -> None:
        """Trouble was made."""
        self.faults[kind] += 1
        self._events.append((self.clock.now(), f"FAULT {kind} {what}".rstrip()))

    def fail(self, what: str) -> None:
        """Record a broken invariant: later events are no longer of interest."""
        self.broken.append(f"{self.clock.now().isoformat()} {what}")
        self._events.append((self.clock.now(), f"BROKEN {what}"))
        if self._led_there is None:
            self._led_there = tuple(self._events)

    def trace(self) -> tuple[str, ...]:
        """The events that led to the first broken invariant, else the last ones: seconds since the run began, then the event."""
        events = self._led_there or tuple(self._events)
        return tuple(f"{(at - NOW).total_seconds():9.3f} s  {what}" for at, what in events)


def changes(before: Account, after: Account) -> Iterator[str]:
    """The changes of an account by a write, a line each."""
    name = after.account_id
    if after.status is not before.status:
        yield f"{name} is {after.status}"
    for key in {**before.intents, **after.intents}:
        old, new = before.intents.get(key), after.intents.get(key)
        if new is None and old is not None:
            yield f"{name}: {_leg(old)} has ended"
        elif new is not None and (old is None or (old.state, old.filled_quantity) != (new.state, new.filled_quantity)):
            yield f"{name}: {_leg(new)} is {new.state}, {new.filled_quantity} of {new.quantity} filled"
    for place in {**before.positions, **after.positions}:
        was, is_now = (a.positions[place].quantity if place in a.positions else 0 for a in (before, after))
        if was != is_now:
            yield f"{name}: {place} holds {is_now} after {was}"


def _leg(intent: Intent) -> str:
    return f"{intent.leg} of {intent.signal_id[:6]} ({intent.client_order_id})"
