"""The order of events: the simulated world has one thread, and only its agenda moves the clock on."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from tests.support.fakes.clock import FakeClock
from verification.simulation.chronicle import Chronicle

MAX_STEPS = 200_000  # a run that needs more goes round in circles


@dataclass(slots=True)
class Agenda:
    """Planned events by their time; events of the same instant in the order in which they were planned."""

    clock: FakeClock
    chronicle: Chronicle
    _planned: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=count)

    def later(self, at: datetime, action: Callable[[], None]) -> None:
        heapq.heappush(self._planned, (at, next(self._numbers), action))

    def catch_up(self) -> None:
        """Let happen what is due, without moving the clock."""
        while self._planned and self._planned[0][0] <= self.clock.now():
            heapq.heappop(self._planned)[2]()

    def run_until(self, end: datetime) -> None:
        for _ in range(MAX_STEPS):
            if not self._planned or self._planned[0][0] > end:
                self.clock.set(max(end, self.clock.now()))
                return
            at, _, action = heapq.heappop(self._planned)
            self.clock.set(max(at, self.clock.now()))
            self.chronicle.steps += 1
            action()
        raise AssertionError("the run does not come to rest")
