"""The last release and the present code on the same data, in both directions.

A deployment and a rollback may happen between any two invocations. So each story of the crash points is played with a change of
the code at every place, and with a change at each invocation. All invariants of the order protocol hold, and all comes to rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from candlecast.domain.values import errors
from infra.release.commits import ROOT, file_at
from infra.release.plan import GENERATION
from infra.release.table import Release, releases
from tests.golden.files import CASES, missing, plain, restored, written
from tests.releases.conftest import Process, at_work, tree_of
from tests.releases.worker import plain as without_classes
from tests.releases.worker import world_of
from verification.crash_points.cases import SCENARIOS
from verification.crash_points.enumeration import Ending
from verification.crash_points.explorer import MAX_EVENTS, settled
from verification.crash_points.functions import Functions, Worker, put_together
from verification.crash_points.invariants import broken_always, broken_at_rest
from verification.crash_points.scenario import ACCOUNT_KEY, Event, Scenario, _Plain, next_event
from verification.crash_points.world import World

pytestmark = pytest.mark.prove
LAST = releases()[:1]
CODE = "CodeBucket"  # of uploaded strategies: a template without the bucket is of a release that knows none
Invoke = Callable[[Event, World], tuple[World, errors.DomainError | None]]


@pytest.fixture(scope="module", params=LAST, ids=lambda release: release.tag)
def release(request: pytest.FixtureRequest) -> Release:
    found: Release = request.param
    return found


@pytest.fixture(scope="module")
def last(release: Release) -> Iterator[Process]:
    with at_work(tree_of(release)) as process:
        yield process


@pytest.fixture(scope="module")
def present() -> Functions:
    return put_together()


def by_present_code(functions: Functions) -> Invoke:
    def invoke(event: Event, world: World) -> tuple[World, errors.DomainError | None]:
        there = world.copy()
        try:
            functions.call(event.worker, event.body, _Plain(there))
        except errors.DomainError as error:
            return there, error
        return there, None

    return invoke


def by_last_release(process: Process) -> Invoke:
    def invoke(event: Event, world: World) -> tuple[World, errors.DomainError | None]:
        answer = process.ask("invoke", event.worker.value, event.body, without_classes(world))
        left = world_of(answer["world"])
        for name in ("trade", "reconcile"):  # the queue knows its messages by identity, which no pickle keeps
            before = getattr(world, name)
            setattr(left, name, tuple(next((it for it in before if it == message), message) for message in getattr(left, name)))
        return left, _error(answer["error"])

    return invoke


def _error(told: dict[str, Any] | None) -> errors.DomainError | None:
    if told is None:
        return None
    if told["kind"] == "RetryLater":
        return errors.RetryLater(told["code"], after_seconds=told["after_seconds"], at_most_seconds=told["at_most_seconds"])
    error: errors.DomainError = getattr(errors, told["kind"])(told["code"])
    return error


def play(scenario: Scenario, functions: Functions, turn: Callable[[int], Invoke]) -> tuple[World, int, list[str]]:
    """The world at rest, the number of invocations, and every breach; `turn` says by its number who does an invocation."""
    return play_on(scenario.begin(functions), scenario, turn)


def play_on(world: World, scenario: Scenario, turn: Callable[[int], Invoke]) -> tuple[World, int, list[str]]:
    broken = list[str]()
    for number in count():
        world = world.copy()
        event = next_event(world, scenario)
        if event is None:
            return world, number, [*broken, *broken_at_rest(world, scenario.kept_share)]
        if number >= MAX_EVENTS:
            return world, number, [*broken, "it never comes to rest"]
        received_at = world.now
        left, error = turn(number)(event, world)
        world = settled(Ending(left, error, False, 0, 1, ()), event, received_at)
        broken += broken_always(world)
    raise AssertionError("unreachable")


def story_until_the_exit(scenario: Scenario, functions: Functions, invoke: Invoke) -> World:
    """The world in which the entry has come to rest and the exit is in the queue."""
    world = scenario.begin(functions)
    while world.stage < len(scenario.actions) or not world.trade:
        world = world.copy()
        event = next_event(world, scenario)
        assert event is not None
        if world.stage == len(scenario.actions) and event.message in world.trade:
            return world
        received_at = world.now
        left, error = invoke(event, world)
        world = settled(Ending(left, error, False, 0, 1, ()), event, received_at)
    return world


def outcome(world: World) -> tuple[Any, ...]:
    """The orders that the venue has executed, and the position: equal for all ways to share the work."""
    return world.net, sorted((order.client_id, order.status, order.quantity) for order in world.orders), len(world.dead)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_story_ends_alike_wherever_the_code_changes(name: str, last: Process, present: Functions) -> None:
    scenario, new, old = SCENARIOS[name], by_present_code(present), by_last_release(last)
    alone, length, broken = play(scenario, present, lambda _: new)
    assert broken == []

    def switched(first: Invoke, then: Invoke, at: int) -> Callable[[int], Invoke]:
        return lambda number: first if number < at else then

    changes: list[tuple[str, Callable[[int], Invoke]]] = [
        *((f"rolled back before invocation {at}", switched(new, old, at)) for at in range(length + 1)),
        *((f"deployed before invocation {at}", switched(old, new, at)) for at in range(length + 1)),
        ("to and fro", lambda number: (new, old)[number % 2]),
        ("fro and to", lambda number: (old, new)[number % 2]),
    ]
    for what, turn in changes:
        world, _, broken = play(scenario, present, turn)
        assert (what, broken) == (what, [])
        assert (what, outcome(world)) == (what, outcome(alone))


@pytest.mark.parametrize("receives", [1, 8])  # five would dead-letter any other order
def test_an_exit_waits_for_the_release_that_can_read_its_account(receives: int, last: Process, present: Functions) -> None:
    """The newer release has written a form that the last one does not know, against the rule of the table of releases."""
    scenario, new, old = SCENARIOS["entry then exit"], by_present_code(present), by_last_release(last)
    world = story_until_the_exit(scenario, present, new)
    known = world.items[ACCOUNT_KEY]
    world.items[ACCOUNT_KEY] = {**known, "schema_version": {"N": "99"}}
    for _ in range(receives):
        event = Event(Worker.EXECUTOR, world.trade[0].body, world.trade[0])
        world.now = max(world.now, world.trade[0].visible_at)
        left, error = old(event, world)
        assert error is not None
        assert error.code == "SCHEMA_UNKNOWN"
        world = settled(Ending(left, error, False, 0, 1, ()), event, world.now)
    assert (len(world.trade), world.trade[0].receives, world.dead) == (1, receives, ())
    world.items[ACCOUNT_KEY] = known
    world.next_firing = world.now  # the clock that has fired meanwhile
    world, _, broken = play_on(world, scenario, lambda _: new)
    assert broken == []
    assert world.net == 0


# -- golden items ------------------------------------------------------------------------------------------------------------


def read(path: str, content: Any) -> Any:
    """The value that the present code reads in a golden."""
    return plain(CASES[path].read(restored(CASES[path], content)))


@pytest.fixture(scope="module")
def goldens(release: Release) -> dict[str, Any]:
    """Items and messages of the present code that the release may meet after a rollback.

    A stack with a restored table refuses a release that knows none (EARLIER_TABLE). So the release meets no form of such a table.
    A release that knows no uploads cannot read what authors write. The table of releases says so and what to do.
    """
    template = file_at(release.commit, "template.yaml")
    knows_restores, knows_authors = (f"\n  {name}:\n" in template for name in (GENERATION, CODE))
    met = {
        path: it
        for path, it in CASES.items()
        if (knows_restores or not it.of_a_restored_table) and (knows_authors or not it.of_an_author)
    }
    return {path: written(case) for path, case in met.items() if case.write is not None}


@pytest.mark.parametrize("name", [GENERATION, CODE])
def test_a_release_that_knows_a_form_is_told_from_one_that_does_not(name: str) -> None:
    assert f"\n  {name}:\n" in (ROOT / "template.yaml").read_text(encoding="utf-8")


def test_the_table_of_releases_says_which_release_cannot_read_what_authors_write(release: Release) -> None:
    knows_authors = f"\n  {CODE}:\n" in file_at(release.commit, "template.yaml")
    said = f"\n**{release.version} cannot read uploaded strategies" in (ROOT / "docs/releases.md").read_text(encoding="utf-8")
    assert said is not knows_authors


def test_the_last_release_reads_every_item_and_message_that_the_present_code_writes(
    last: Process, goldens: dict[str, Any]
) -> None:
    lost: list[str] = []
    for path, answer in last.ask("read_golden", goldens).items():
        if answer is not None:  # None: a kind of item that the last release does not know, and so never reads
            lost += answer.get("errors", ())
            lost += missing(answer["value"], read(path, goldens[path]), path) if "value" in answer else ()
    assert lost == []


def test_the_present_code_reads_every_item_and_message_that_the_last_release_writes(last: Process) -> None:
    goldens, theirs = last.ask("write_golden"), last.ask("read_own")
    assert goldens.keys() <= CASES.keys(), "a case of a release stays"
    lost = [line for path, content in goldens.items() for line in missing(theirs[path], read(path, content), path)]
    assert lost == []


def test_a_new_form_of_a_known_kind_is_read_by_the_last_release(last: Process, goldens: dict[str, Any]) -> None:
    known = {path.partition("/")[0] for path in last.ask("write_golden")}
    unread = {path for path, answer in last.ask("read_golden", goldens).items() if answer is None}
    assert {path for path in unread if path.partition("/")[0] in known} == set()
