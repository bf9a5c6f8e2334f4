"""All schedules of up to so many faults: every choice at every boundary, equal states explored once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.crash_points.faults import Boundary, Fault
from tests.crash_points.world import State, World

QUIET_MINUTES = 2  # a difference is believed at the second look
MAX_STEPS = 120  # a world that needs more to come to rest goes round in circles


@dataclass(slots=True)
class Violation:
    """What was wrong, and the faults (step, boundary, fault) that led to it."""

    what: list[str]
    schedule: tuple[tuple[int, str, Fault], ...]


@dataclass(slots=True)
class Exploration:
    """Explores a world. `visits` counts invocations that were run, `schedules` is what they stand for."""

    world: World
    visits: int = 0
    states: int = 0
    violations: list[Violation] = field(default_factory=list)
    _counted: dict[tuple[bytes, int], int] = field(default_factory=dict)

    def run(self, start: State, faults: int) -> int:
        """Explore everything from `start`; returns how many different schedules of up to `faults` faults there are."""
        return self._explore(start, faults, (), 0)

    def _explore(self, state: State, faults: int, schedule: tuple[tuple[int, str, Fault], ...], step: int) -> int:
        key = state.canonical(), faults
        if key in self._counted:
            return self._counted[key]
        self.states += 1
        if state.quiet_minutes >= QUIET_MINUTES:
            self._judge(self.world.check_rest(state), schedule)
            self._counted[key] = 1
            return 1
        if step > MAX_STEPS:
            self._judge(["3: it does not come to rest"], schedule)
            return 1
        total = 0
        for after, happened in self._visits(state, faults):
            now = (*schedule, *((step, label, fault) for label, fault in happened))
            if self.world.broken:
                self._judge(self.world.broken, now)
                self.world.broken = []
            total += self._explore(after, faults - len(happened), now, step + 1)
        self._counted[key] = total
        return total

    def _visits(self, state: State, faults: int) -> Iterator[tuple[State, list[tuple[str, Fault]]]]:
        """Every way in which the next step can go with at most so many faults in it, and the state after it."""
        scripts: list[tuple[Fault, ...]] = [()]
        while scripts:
            chosen = scripts.pop()
            after = state.copy()
            trace = self.world.step(after, chosen)
            self.visits += 1
            happened = [(trace[i].label, fault) for i, fault in enumerate(chosen[: len(trace)]) if fault is not Fault.NONE]
            yield after, happened
            if len(happened) < faults:
                scripts += _one_more(chosen, trace)

    def _judge(self, what: list[str], schedule: tuple[tuple[int, str, Fault], ...]) -> None:
        if what:
            self.violations.append(Violation(list(what), schedule))


def _one_more(chosen: tuple[Fault, ...], trace: list[Boundary]) -> Iterator[tuple[Fault, ...]]:
    """The same faults and one more, at a boundary after all of them: so each set of faults is tried once."""
    for number in range(len(chosen), len(trace)):
        for fault in trace[number].alternatives:
            yield (*chosen, *([Fault.NONE] * (number - len(chosen))), fault)
