"""Known runs of functions: an invocation that must go like a known run is not run again.

A function's next request follows from its input, from the answers to its requests, and from the times of those answers. Two
schedules may agree in all three: to its sender, a lost order looks like an order that was executed unheard. One run then tells
for both schedules. Only the world differs, so the run's requests are made to each world.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from candlecast.domain.values.errors import DomainError
from verification.crash_points.boundary import Operation
from verification.crash_points.functions import Worker
from verification.crash_points.visit import Choice, Plan, Visit
from verification.crash_points.world import World

Heard = tuple[str, float]  # an answer, and when it came


@dataclass(slots=True)
class _Step:
    """A function at a boundary, or (`operation` None) at its end."""

    operation: Operation | None = None
    error: DomainError | None = None
    after: dict[Heard, _Step] = field(default_factory=dict)


@dataclass(slots=True)
class Behaviours:
    """Remembers invocations by their input, and foretells an invocation that hears the same answers at the same times."""

    _begun: dict[object, _Step] = field(default_factory=dict)

    def foretold(self, world: World, worker: Worker, body: str, plan: Plan) -> Visit | None:
        """How an invocation goes, if another has heard the same before."""
        step = self._begun.get((worker, body, world.now))
        visit = Visit(world.copy(), _by_place(plan))
        while step is not None:
            if step.operation is None:
                visit.error = step.error
                return visit
            point = visit.made(step.operation)
            step = step.after.get((repr(point.answer), visit.world.now))
        return None

    def remember(self, began_at: float, worker: Worker, body: str, visit: Visit) -> None:
        """Learn from an invocation that was run."""
        step = self._begun.setdefault((worker, body, began_at), _Step())
        for point in visit.points:
            step.operation = point.operation
            step = step.after.setdefault((repr(point.answer), point.answered_at), _Step())
        step.error = visit.error


def _by_place(plan: Plan) -> dict[int, Choice]:
    return {choice.at: choice for choice in plan}
