"""Play one schedule again and tell it step by step, so that a person can follow what went wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator

from verification.crash_points.enumeration import Disturber, Ending, Enumeration
from verification.crash_points.explorer import settled
from verification.crash_points.functions import Worker
from verification.crash_points.invariants import broken_always, broken_at_rest
from verification.crash_points.scenario import Scenario, account_body, disturbers, next_event
from verification.crash_points.visit import Choice, Plan, Visit
from verification.crash_points.world import World

_CHOICE = re.compile(r"(?P<at>\d+)(?:f(?P<fault>\d+)|(?P<dies>x)|(?P<worker>[a-z])\((?P<plan>[^()]*)\))")


def replay(enumeration: Enumeration, scenario: Scenario, schedule: str) -> Iterator[str]:
    """The lines of a schedule's story. After its last invocation the story goes on without faults until all is at rest."""
    world, codes = scenario.begin(enumeration.functions), schedule.split("/")
    while True:
        event = next_event(world, scenario)
        if event is None:
            break
        code = codes.pop(0) if codes else "-"
        yield f"\n{world.now:6.0f} s  {event.worker}"
        plan = _plan(enumeration, world, (event.worker, event.body), code, disturbers(event, world))
        visit = enumeration.run(world, event.worker, event.body, plan)
        yield from _told(visit, plan)
        left, died = _left(visit, plan)
        world = settled(Ending(left, None if died else visit.error, died, 0, 1, plan), event, world.now).copy()
        yield from _state(world)
        yield from (f"          BROKEN {what}" for what in broken_always(world))
        if not codes and event.message is None and world.stage == len(scenario.actions) and world.now > 3_600:
            yield "it never comes to rest"
            return
    yield from (f"          BROKEN {what}" for what in broken_at_rest(world, scenario.kept_share))
    yield f"\n{world.now:6.0f} s  at rest"


def _plan(enumeration: Enumeration, world: World, invoked: tuple[Worker, str], code: str, others: list[Disturber]) -> Plan:
    """The plan that a code means in a world."""
    plan: Plan = ()
    for found in _CHOICE.finditer(code):
        at = int(found["at"])
        if found["worker"] is None:
            plan = (*plan, Choice(at, fault=None if found["fault"] is None else int(found["fault"])))
            continue
        worker, body = next((worker, body) for worker, body in others if worker[0] == found["worker"])
        visit = enumeration.run(world, *invoked, plan)
        before = visit.points[at].before if at < len(visit.points) else visit.world
        inner = _plan(enumeration, before, (worker, body), found["plan"], [])
        after, _ = _left(enumeration.run(before, worker, body, inner), inner)
        plan = (*plan, Choice(at, worker=worker, plan=inner, world=after))
    return plan


def _left(visit: Visit, plan: Plan) -> tuple[World, bool]:
    """The world that an invocation leaves, and whether it died."""
    last = plan[-1] if plan else None
    if last is None:
        return visit.world, False
    if last.worker is not None:
        at_the_end = last.at >= len(visit.points) and last.world is not None
        return (last.world if at_the_end and last.world is not None else visit.world), False
    if last.fault is not None:
        return visit.world, False
    return (visit.points[last.at].before if last.at < len(visit.points) else visit.world), True


def _told(visit: Visit, plan: Plan) -> Iterator[str]:
    choices = {choice.at: choice for choice in plan}
    for number, point in enumerate(visit.points):
        choice = choices.get(number)
        if choice is not None and choice.worker is not None:
            yield f"          {number:2} meanwhile the {choice.worker} does all its work ({code_or_nothing(choice)})"
        if choice is not None and choice.worker is None and choice.fault is None:
            yield f"          {number:2} DIES before {point.operation.name}"
            return
        fault = "" if choice is None or choice.fault is None else f": {point.operation.faults[choice.fault].name.upper()}"
        yield f"          {number:2} {point.operation.name}{fault}"
    last = choices.get(len(visit.points))
    if last is not None:
        yield f"          {len(visit.points):2} " + ("DIES" if last.worker is None else f"then the {last.worker} does its work")
    if visit.error is not None:
        yield f"             ends with {visit.error.code}"


def code_or_nothing(choice: Choice) -> str:
    return ",".join(inner.code for inner in choice.plan) or "nothing goes wrong"


def _state(world: World) -> Iterator[str]:
    body = account_body(world)
    intents = ", ".join(f"{intent['leg']} {intent['state']}" for intent in body.get("intents", {}).values()) or "no open intents"
    held = ", ".join(f"{p['side']} {p['quantity']}" for p in body.get("positions", {}).values()) or "nothing held"
    book = ", ".join(f"{o.kind} {o.side} {o.quantity} {o.status}" for o in world.orders) or "nothing"
    yield f"          account: {intents}; {held}. Venue: {book}; net {world.net}"
