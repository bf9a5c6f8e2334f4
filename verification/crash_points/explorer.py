"""All schedules of a scenario: from world to world, each explored once, the ways that lead to it counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from candlecast.domain.values.errors import Conflict, InvalidValue, NotFound, Poison, RetryLater
from candlecast.runtime.batch import FIFO_PAUSES_SECONDS, MAX_PAUSE_SECONDS, NEWER_CODE, NEWER_CODE_PAUSE_SECONDS, pause_seconds
from candlecast.runtime.compose.consumer import MAX_RECEIVES
from candlecast.services.retry_conflict import VERSION_CONFLICT
from verification.crash_points.enumeration import Ending, Enumeration
from verification.crash_points.functions import Worker
from verification.crash_points.invariants import broken_always, broken_at_rest
from verification.crash_points.scenario import Event, Scenario, at_rest, disturbers, next_event
from verification.crash_points.visit import code_of
from verification.crash_points.world import Message, World

VISIBILITY_SECONDS = {Worker.EXECUTOR: 90.0, Worker.RECONCILER: 180.0}  # template.yaml: six times the function's time-out
QUEUE = {Worker.EXECUTOR: "trade", Worker.RECONCILER: "reconcile"}
MAX_EVENTS = 200  # of one schedule: one that has not come to rest by then never will
MAX_VIOLATIONS = 5
OWNERS_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken invariant, and the schedule that broke it, as `--replay` takes the schedule."""

    what: str
    schedule: str


@dataclass(slots=True)
class Explorer:
    """Explores one scenario; `schedules` counts by number of faults."""

    enumeration: Enumeration
    scenario: Scenario
    violations: list[Violation] = field(default_factory=list)
    worlds: int = 0
    longest_seconds: float = 0
    faults: Counter[str] = field(default_factory=Counter)
    _known: dict[bytes, tuple[int, list[int]]] = field(default_factory=dict)
    _path: list[str] = field(default_factory=list)
    _under_way: set[tuple[bytes, int]] = field(default_factory=set)

    def explore(self, budget: int, part: int = 0, parts: int = 1) -> list[int]:
        """How many schedules have exactly 0, 1, 2 ... faults; of `parts` by the first invocation, only number `part`."""
        return self._from(self.scenario.begin(self.enumeration.functions), budget, part, parts)

    def _from(self, world: World, budget: int, part: int = 0, parts: int = 1) -> list[int]:
        world = world.copy()
        event = next_event(world, self.scenario)
        self.longest_seconds = max(self.longest_seconds, world.now)
        if event is None:
            self._note(broken_at_rest(world, self.scenario.kept_share))
            return [1] + [0] * budget
        key = world.key()
        known = self._known.get(key)
        if known is not None and known[0] >= budget:
            return known[1][: budget + 1]
        if (key, budget) in self._under_way or len(self._path) >= MAX_EVENTS:
            self._note(["3: it never comes to rest"])
            return [1] + [0] * budget
        self.worlds += known is None
        self._under_way.add((key, budget))
        counts = self._after(world, event, budget, part, parts)
        self._under_way.discard((key, budget))
        self._known[key] = budget, counts
        return counts

    def _after(self, world: World, event: Event, budget: int, part: int, parts: int) -> list[int]:
        counts = [0] * (budget + 1)
        endings = self.enumeration.endings(world, event.worker, event.body, disturbers(event, world), budget)
        for ending in shared(endings, part, parts):
            self._path.append(code_of(ending.plan))
            left = settled(ending, event, world.now)
            if not self._note(ending.broken) and not self._note(broken_always(left)):
                for faults, ways in enumerate(self._from(left, budget - ending.faults)):
                    counts[faults + ending.faults] += ways * ending.count
            self._path.pop()
        return counts

    def _note(self, broken: Iterator[str] | list[str] | tuple[str, ...]) -> bool:
        found = list(broken)
        if found and len(self.violations) < MAX_VIOLATIONS:
            self.violations += [Violation(what, "/".join(self._path)) for what in found]
        return bool(found)


def shared(endings: list[Ending], part: int, parts: int) -> list[Ending]:
    """Endings, those with fewer faults first, cut into parts of neighbours that lead to much the same worlds.

    The first part has the endings without faults. The others share the endings with one fault evenly, since the rest of an
    ending's fault budget makes its work.
    """
    if parts == 1:
        return endings
    levels = [sum(ending.faults <= faults for ending in endings) for faults in (0, 1)]
    width = (levels[1] - levels[0]) / (parts - 1)
    cuts = [0, *(levels[0] + round(width * number) for number in range(parts - 1)), len(endings)]
    return endings[cuts[part] : cuts[part + 1]]


def settled(ending: Ending, event: Event, received_at: float) -> World:
    """The world once the queue has heard how the invocation ended."""
    message = event.message
    if message is None:
        return ending.world
    if event.worker is Worker.OWNER:
        return _answered(ending, message)
    if ending.error is None and not ending.died:
        world = _without(ending.world, event.worker, message)
        world.looked_at = event.worker is Worker.RECONCILER and at_rest(world)
        return world
    world, receives = _without(ending.world, event.worker, message), message.receives + 1
    if ending.died and event.worker is Worker.RECONCILER:
        return world  # its message comes back only long after the clock has asked again: as well it might be lost
    at = received_at + VISIBILITY_SECONDS[event.worker]
    if ending.error is not None:
        at = world.now + _pause(ending, receives)
    hopeless = isinstance(ending.error, Poison | NotFound | InvalidValue)
    waits = event.worker is Worker.EXECUTOR and ending.error is not None and ending.error.code == NEWER_CODE
    again = replace(message, receives=receives, visible_at=max(at, world.now))
    if hopeless or (receives >= MAX_RECEIVES[QUEUE[event.worker]] and not waits):
        world.dead = (*world.dead, again)
    elif event.worker is Worker.EXECUTOR:
        world.trade = (again, *world.trade)
    else:
        world.reconcile = (*world.reconcile, again)
    return world


def _answered(ending: Ending, act: Message) -> World:
    """The world once the owner has heard: without an answer, and where the order is not shown yet, the owner asks once more."""
    world, error = ending.world.copy(), ending.error
    refused = isinstance(error, Conflict) and error.code != VERSION_CONFLICT
    again = ending.died or (error is not None and not refused)
    world.acts = (replace(act, visible_at=world.now + OWNERS_PATIENCE_SECONDS),) if again else ()
    return world


def _without(world: World, worker: Worker, message: Message) -> World:
    world = world.copy()
    if worker is Worker.EXECUTOR:
        world.trade = tuple(other for other in world.trade if other is not message)
    else:
        world.reconcile = tuple(other for other in world.reconcile if other is not message)
    return world


def _pause(ending: Ending, receives: int) -> float:
    if isinstance(ending.error, RetryLater):
        longest = NEWER_CODE_PAUSE_SECONDS if ending.error.code == NEWER_CODE else MAX_PAUSE_SECONDS
        return min(longest, pause_seconds(ending.error, receives))
    return FIFO_PAUSES_SECONDS[min(receives, len(FIFO_PAUSES_SECONDS)) - 1]
