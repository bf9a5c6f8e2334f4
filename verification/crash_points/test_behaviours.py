"""A foretold invocation goes as foretold when it is run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from verification.crash_points.cases import ORDERS, SCENARIOS
from verification.crash_points.enumeration import Enumeration, invoked
from verification.crash_points.explorer import Explorer, shared
from verification.crash_points.functions import Functions, Worker, put_together
from verification.crash_points.scenario import disturbers, next_event
from verification.crash_points.visit import Plan, Visit, told
from verification.crash_points.world import World

REASONS = [{"Code": "None"}, {"Code": "ConditionalCheckFailed"}]
EVERY = 2  # of so many invocations that were foretold one is run as well


@dataclass
class Doubting(Enumeration):
    """Runs a sample of foretold invocations after all, on functions with another past."""

    others: Functions = field(default_factory=put_together)
    compared: int = 0
    different: list[str] = field(default_factory=list)

    def run(self, world: World, worker: Worker, body: str, plan: Plan) -> Visit:
        ran_before = self.runs
        visit = super().run(world, worker, body, plan)
        foretold = self.runs == ran_before
        if foretold and (self.invocations - self.runs) % EVERY == 0:
            self.compared += 1
            run = invoked(self.others, world, worker, body, plan)
            if list(story(run)) != list(story(visit)):
                self.different.append(f"{worker} {[choice.code for choice in plan]}")
        return visit


def story(visit: Visit) -> Iterator[object]:
    """An invocation, as far as anybody can tell two apart."""
    for point in visit.points:
        yield point.operation.name, point.operation.client_id, point.before.exact(), point.answer, point.answered_at
    yield visit.world.exact(), visit.error and (visit.error.code, str(visit.error))


@pytest.mark.slow
def test_an_invocation_goes_as_foretold_when_it_is_run_on_functions_with_another_past() -> None:
    doubting = Doubting(put_together())
    for scenario in ("entry then exit", "exit behind its entry"):
        Explorer(doubting, SCENARIOS[scenario]).explore(1)
    assert doubting.compared > 50
    assert doubting.different == []


def test_a_cancelled_transaction_is_heard_with_the_condition_that_did_not_hold() -> None:
    first, second = (_cancelled(reasons) for reasons in (REASONS, REASONS[::-1]))
    assert str(first) == str(second)
    assert told(first) != told(second)


def _cancelled(reasons: list[dict[str, str]]) -> ClientError:
    response: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
    return ClientError(response, "TransactWriteItems")


def test_the_parts_of_an_enumeration_are_its_whole() -> None:
    enumeration = Enumeration(put_together(), ORDERS)
    scenario = SCENARIOS["entry then exit"]
    world = scenario.begin(enumeration.functions)
    event = next_event(world, scenario)
    assert event is not None
    endings = enumeration.endings(world, event.worker, event.body, disturbers(event, world), 2)
    parts = [shared(endings, part, 3) for part in range(3)]
    assert [ending for part in parts for ending in part] == endings
    assert all(parts)
