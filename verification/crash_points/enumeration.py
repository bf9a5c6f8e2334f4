"""All ways in which one invocation can go, with up to so many faults.

Deaths cost nothing to explore: the world before each boundary is what a death there leaves. Every other fault runs the function
again. Faults that the adapter takes for the same, and that leave the same world, are run once and counted as often as they are. A
worker that overtakes at a boundary is not run again where the request at that boundary does not concern the worker. The two
commute, and the overtaking is counted one boundary later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from candlecast.domain.values.errors import DomainError, RetryLater
from verification.crash_points.behaviour import Behaviours
from verification.crash_points.boundary import FaultGroup, Operation
from verification.crash_points.functions import Functions, Worker
from verification.crash_points.invariants import broken_sending
from verification.crash_points.visit import Choice, Plan, Point, Visit, carried_out
from verification.crash_points.world import World

Disturber = tuple[Worker, str]


@dataclass(slots=True)
class Ending:
    """A way to end: the world that is left, how the function ended, after how many faults, in how many schedules."""

    world: World
    error: DomainError | None
    died: bool
    faults: int
    count: int
    plan: Plan
    broken: tuple[str, ...] = ()


@dataclass(slots=True)
class _Wanted:
    """One enumeration under way."""

    world: World
    worker: Worker
    body: str
    disturbers: Sequence[Disturber]
    budget: int
    endings: dict[object, Ending] = field(default_factory=dict)
    waiting: list[tuple[Plan, int, int]] = field(default_factory=list)

    def add(self, ending: Ending) -> None:
        error = None if ending.error is None else (ending.error.code, *_pauses(ending.error))
        key = ending.world.exact(), error, ending.died, ending.faults, ending.broken
        known = self.endings.setdefault(key, ending)
        if known is not ending:
            known.count += ending.count


@dataclass(slots=True)
class Enumeration:
    """Enumerates invocations of `functions`; `runs` is how many of them were run, the others were foretold."""

    functions: Functions
    groups: frozenset[FaultGroup] = frozenset(FaultGroup)
    behaviours: Behaviours = field(default_factory=Behaviours)
    invocations: int = 0
    runs: int = 0
    _overtakings: dict[object, list[Ending]] = field(default_factory=dict)
    _meanings: dict[str, object] = field(default_factory=dict)

    def run(self, world: World, worker: Worker, body: str, plan: Plan) -> Visit:
        """One invocation under a plan."""
        self.invocations += 1
        foretold = self.behaviours.foretold(world, worker, body, plan)
        if foretold is not None:
            return foretold
        self.runs += 1
        visit = invoked(self.functions, world, worker, body, plan)
        self.behaviours.remember(world.now, worker, body, visit)
        return visit

    def endings(self, world: World, worker: Worker, body: str, disturbers: Sequence[Disturber], budget: int) -> list[Ending]:
        """Every ending with at most `budget` faults, those with fewer first."""
        wanted = _Wanted(world, worker, body, disturbers, budget, waiting=[((), 0, 1)])
        while wanted.waiting:
            plan, used, count = wanted.waiting.pop()
            visit = self.run(world, worker, body, plan)
            first = plan[-1].at + 1 if plan else 0
            broken = tuple(_broken(visit, max(first - 1, 0)))
            wanted.add(Ending(visit.world, visit.error, False, used, count, plan, broken))
            if used < budget and not broken:
                self._deaths(wanted, visit, plan, used, count)
                self._faults(wanted, visit, plan, used, count)
                for disturber in disturbers:
                    self._overtaken(wanted, visit, plan, used, count, disturber)
        return sorted(wanted.endings.values(), key=lambda ending: ending.faults)

    def _deaths(self, wanted: _Wanted, visit: Visit, plan: Plan, used: int, count: int) -> None:
        first = plan[-1].at + 1 if plan else 0
        if plan and plan[-1].world is not None:
            self._death(wanted, plan[-1].world, plan, first - 1, used, count)
        for number in range(first, len(visit.points)):
            # to die after a request is to die before the next
            ways = 2 if number > 0 else 1
            self._death(wanted, visit.points[number].before, plan, number, used, count * ways)
        self._death(wanted, visit.world, plan, len(visit.points), used, count)

    def _death(self, wanted: _Wanted, world: World, plan: Plan, at: int, used: int, count: int) -> None:
        wanted.add(Ending(world, None, True, used + 1, count, (*plan, Choice(at))))

    def _faults(self, wanted: _Wanted, visit: Visit, plan: Plan, used: int, count: int) -> None:
        first = plan[-1].at + 1 if plan else 0
        for number in range(first, len(visit.points)):
            for fault, alike in self._kinds(visit.points[number]).items():
                wanted.waiting.append(((*plan, Choice(number, fault=fault)), used + 1, count * alike))

    def _kinds(self, point: Point) -> dict[int, int]:
        """The operation's faults by number, one of each kind, with how many are of it."""
        operation = point.operation
        kinds: dict[object, int] = {}
        sizes: dict[int, int] = {}
        for number, fault in enumerate(operation.faults):
            if fault.group not in self.groups:
                continue
            meaning = self._meaning(operation, number)
            kind: object = number
            if meaning is not None:
                world = point.before.copy()
                _acted(operation, number, world)
                kind = meaning, world.exact()
            first = kinds.setdefault(kind, number)
            sizes[first] = sizes.get(first, 0) + 1
        return sizes

    def _meaning(self, operation: Operation, number: int) -> object:
        """The adapter's translation of a fault of the venue; None for a fault whose meaning only a run can tell."""
        fault = operation.faults[number]
        if not operation.at_venue:
            return None
        name = f"{operation.name} {fault.name}"
        if name not in self._meanings:
            self._meanings[name] = self.functions.meaning_of(fault, World())
        return self._meanings[name]

    def _overtaken(self, wanted: _Wanted, visit: Visit, plan: Plan, used: int, count: int, disturber: Disturber) -> None:
        first, last, left = plan[-1].at + 1 if plan else 0, len(visit.points), wanted.budget - used - 1
        moved: dict[object, int] = {}
        found = self._overtakings_of(_before(visit, first), disturber, left)
        for number in range(first, last + 1):
            point = visit.points[number] if number < last else None
            later = {} if point is None else self._overtakings_of(_before(visit, number + 1), disturber, left)
            here, unmoved = moved, _before(visit, number).exact()
            moved = {}
            for key, ending in found.items():
                ways = count * ending.count + here.get(key, 0)
                if ending.world.exact() == unmoved:
                    continue  # nothing came of it
                choice = Choice(number, worker=disturber[0], plan=ending.plan, world=ending.world)
                faults = used + 1 + ending.faults
                if point is None:
                    wanted.add(Ending(ending.world, visit.error, False, faults, ways, (*plan, choice), ending.broken))
                elif (after := _commuted(point, ending)) in later:
                    moved[after] = moved.get(after, 0) + ways
                else:
                    wanted.waiting.append(((*plan, choice), faults, ways))
            found = later

    def _overtakings_of(self, world: World, disturber: Disturber, budget: int) -> dict[object, Ending]:
        """The endings of another worker's invocation in a world, by (world, faults)."""
        key = world.exact(), disturber, budget
        if key not in self._overtakings:
            self._overtakings[key] = self.endings(world, *disturber, (), budget)
        found: dict[object, Ending] = {}
        for ending in self._overtakings[key]:
            known = found.setdefault((ending.world.exact(), ending.faults), ending)
            if known is not ending:
                found[known.world.exact(), known.faults] = _with_more(known, ending)
        return found


def _pauses(error: DomainError) -> tuple[float | None, ...]:
    """The part of an error by which the queue decides when its message is redelivered."""
    return (error.after_seconds, error.at_most_seconds) if isinstance(error, RetryLater) else ()


def invoked(functions: Functions, world: World, worker: Worker, body: str, plan: Plan) -> Visit:
    """Run a function under a plan, and see how it goes."""
    visit = Visit(world.copy(), {choice.at: choice for choice in plan})
    try:
        functions.call(worker, body, visit)
    except DomainError as error:
        visit.error = error
    for heard in (visit.error, *(point.raised for point in visit.points)):
        _forget_where(heard)
    return visit


def _forget_where(error: Exception | None) -> None:
    """Let go of the frames that an error came through. Frames hold all objects in use, and every error is kept here."""
    if error is not None:
        error.__traceback__ = error.__context__ = error.__cause__ = None


def _with_more(known: Ending, other: Ending) -> Ending:
    both = known.count + other.count
    return Ending(known.world, known.error, known.died, known.faults, both, known.plan, known.broken or other.broken)


def _before(visit: Visit, number: int) -> World:
    return visit.points[number].before if number < len(visit.points) else visit.world


def _commuted(point: Point, ending: Ending) -> object:
    """Where the overtaking leads if the request is made after it: None if the request's answer differs then."""
    world = ending.world.copy()
    answer = carried_out(point.operation, world)
    return (world.exact(), ending.faults) if answer == point.answer else None


def _acted(operation: Operation, number: int, world: World) -> Any:
    try:
        return operation.faults[number].act(world)
    except Exception as error:
        return error


def _broken(visit: Visit, first: int) -> Iterator[str]:
    for number, point in enumerate(visit.points[first:], first):
        choice = visit.plan.get(number)
        world = point.before if choice is None or choice.world is None else choice.world
        yield from broken_sending(point, world)
