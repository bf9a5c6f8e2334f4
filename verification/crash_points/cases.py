"""The scenarios, and how far each is enumerated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from candlecast.domain.signals.signal import Action
from verification.crash_points.boundary import FaultGroup
from verification.crash_points.scenario import AT_A_HUNDRED, FOR_A_DAY, ROOM_FOR_ONE, Act, Scenario

ORDERS, EVERYTHING = frozenset({FaultGroup.ORDERS}), frozenset(FaultGroup)
CANCELLED = (Action.LONG, Act.CANCEL)  # a limit entry, and its cancellation a second later
NEVER = float("inf")  # the market does not come to the price
RESTING_EXIT = (Action.LONG, Action.EXIT)  # a limit entry, and its exit a second later

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("entry then exit", (Action.LONG, Action.EXIT)),
        Scenario("entry without a target, then exit", (Action.LONG, Action.EXIT), with_target=False),
        Scenario("exit that the venue refuses once", (Action.LONG, Action.EXIT), with_target=False, refused_exits=1),
        Scenario("reversal", (Action.LONG, Action.SHORT)),
        Scenario("entry that goes stale", (Action.LONG,), max_age_seconds=20),
        Scenario("exit behind its entry", (Action.LONG, Action.EXIT), at_once=True),
        Scenario("first entry", (Action.LONG,), first_entry=True),
        Scenario("limit entry that is filled", (Action.LONG,), limit=AT_A_HUNDRED, reached_at=45),
        Scenario("limit entry that runs out", (Action.LONG,), limit=AT_A_HUNDRED, reached_at=1_000),
        Scenario("exit while its entry rests", RESTING_EXIT, limit=AT_A_HUNDRED, reached_at=45, at_once=True),
        Scenario("exit as its entry is filled", RESTING_EXIT, limit=AT_A_HUNDRED, reached_at=0.5, at_once=True),
        Scenario("reversal while its entry rests", (Action.LONG, Action.SHORT), limit=AT_A_HUNDRED, reached_at=45, at_once=True),
        Scenario("entry that its owner cancels", CANCELLED, limit=FOR_A_DAY, reached_at=NEVER, at_once=True),
        Scenario("entry that is cancelled as it is filled", CANCELLED, limit=FOR_A_DAY, reached_at=1.5, at_once=True),
        Scenario("part of a position", (Action.LONG, Act.REDUCE), with_target=False),
        Scenario("part that the venue refuses once", (Action.LONG, Act.REDUCE), with_target=False, refused_exits=1),
        Scenario("part behind its entry, then the rest", (Action.LONG, Act.REDUCE, Action.EXIT), with_target=False, at_once=True),
        Scenario("part while its entry rests", (Action.LONG, Act.REDUCE), limit=AT_A_HUNDRED, reached_at=45, at_once=True),
        Scenario("stop that its owner moves", (Action.LONG, Act.MOVE_STOP), with_target=False),
        Scenario("entry from a pool, then exit", (Action.LONG, Action.EXIT), pool=ROOM_FOR_ONE),
    )
}


@dataclass(frozen=True, slots=True)
class Case:
    """A scenario with all schedules of up to `faults` faults of some groups; `parts` share the work."""

    scenario: str
    groups: frozenset[FaultGroup]
    faults: int
    parts: int = 1

    @property
    def name(self) -> str:
        kind = "all faults" if self.groups == EVERYTHING else "faults of orders"
        return f"{self.scenario}, up to {self.faults}, {kind}"


USUAL = frozenset({"entry then exit", "exit behind its entry"})
CHECKED = tuple(Case(name, EVERYTHING, 1) for name in SCENARIOS if name in USUAL)
SINGLE = tuple(Case(name, EVERYTHING, 1) for name in SCENARIOS if name not in USUAL)
TESTED = tuple(Case(name, ORDERS, 2) for name in SCENARIOS)
PROVED = (
    Case("entry without a target, then exit", ORDERS, 3, parts=3),
    Case("entry then exit", ORDERS, 3, parts=3),
    Case("reversal", ORDERS, 3),
    Case("exit behind its entry", ORDERS, 3),
    Case("entry that goes stale", ORDERS, 3),
    *(Case(name, EVERYTHING, 2) for name in SCENARIOS),
)


def parts_of(cases: Iterable[Case]) -> list[tuple[Case, int]]:
    return [(case, part) for case in cases for part in range(case.parts)]
