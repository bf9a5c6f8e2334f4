"""One invocation of a function in one world, under a plan of faults at boundaries; and all plans that there are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from candlecast.domain.values.errors import DomainError
from verification.crash_points.boundary import Operation
from verification.crash_points.functions import Worker
from verification.crash_points.world import World


@dataclass(frozen=True, slots=True)
class Choice:
    """The event at a boundary. With `fault`, that fault of the operation by its number. With neither `fault` nor `worker`, the
    process dies before the operation. With `worker`, another worker does all its work before the operation, which leads to
    `world`.
    """

    at: int
    fault: int | None = None
    worker: Worker | None = None
    plan: Plan = ()
    world: World | None = None

    @property
    def code(self) -> str:
        """The choice as text that replay understands."""
        if self.worker is not None:
            return f"{self.at}{self.worker[0]}({','.join(choice.code for choice in self.plan)})"
        return f"{self.at}x" if self.fault is None else f"{self.at}f{self.fault}"


type Plan = tuple[Choice, ...]


@dataclass(slots=True)
class Point:
    """A boundary as the function reached it: the operation, the world before the operation, and its answer or error."""

    operation: Operation
    before: World
    answer: object = None
    raised: Exception | None = None
    answered_at: float = 0.0


@dataclass(slots=True)
class Visit:
    """An invocation under way; it is the crosser of its function's requests."""

    world: World
    plan: dict[int, Choice]
    points: list[Point] = field(default_factory=list)
    error: DomainError | None = None

    def cross(self, operation: Operation) -> Any:
        """Let the function's request happen, and raise what it is to hear."""
        point = self.made(operation)
        if point.raised is not None:
            raise point.raised
        return point.answer

    def made(self, operation: Operation) -> Point:
        """Let a request happen under the plan."""
        choice = self.plan.get(len(self.points))
        point = Point(operation, self.world.copy())
        self.points.append(point)
        if choice is not None and choice.world is not None:
            self.world = choice.world.copy()
        act = operation.apply if choice is None or choice.fault is None else operation.faults[choice.fault].act
        try:
            point.answer = act(self.world)
        except Exception as error:
            point.answer, point.raised = told(error), error
        point.answered_at = self.world.now
        return point


def told(error: Exception) -> object:
    """An error as far as anybody can tell two apart: AWS tells in its response which condition of several did not hold."""
    return type(error).__name__, str(error), repr(getattr(error, "response", None))


def carried_out(operation: Operation, world: World) -> object:
    """The answer of an operation to a world. The operation changes the world."""
    try:
        return operation.apply(world)
    except Exception as error:
        return told(error)


def code_of(plan: Iterable[Choice]) -> str:
    return ",".join(choice.code for choice in plan) or "-"
