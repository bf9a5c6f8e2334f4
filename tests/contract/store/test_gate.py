"""The gate's stores: one suite on the fake and on DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from threading import Barrier, Thread
from typing import Any

import pytest

from candlecast.adapters.dynamodb.deployment_pauses import DynamoDeploymentPauses
from candlecast.adapters.dynamodb.gate import DynamoGate
from candlecast.adapters.dynamodb.single_table.table import VERSIONS_OF_A_GENERATION, Table
from candlecast.adapters.dynamodb.stream import published_events
from candlecast.adapters.dynamodb.weights import DynamoWeights
from candlecast.domain.account.deployment_pause import DeploymentPause
from candlecast.domain.account.events import EventType
from candlecast.domain.account.kill_switch import PLATFORM, Grade, KillSwitch, SwitchPlace, SwitchScope
from candlecast.domain.values.errors import Conflict, NotFound, RetryLater
from candlecast.domain.venue.breaker import FAILURES_TO_OPEN, Breaker, BreakerState
from candlecast.domain.venue.weight_budget import Address, Spent
from tests.contract.store.conftest import stream_records
from tests.contract.store.test_requests import answering, counted, stubbed_table
from tests.support.builders import ACCOUNT, NOW
from tests.support.fakes.gate import FakeGate, FakeWeights, a_switch

_numbers = count(1)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Gate:
    """The stores under test."""

    gate: Any
    weights: Any
    pauses: Any


@pytest.fixture(params=["fake", pytest.param("dynamodb", marks=pytest.mark.e2e)])
def stores(request: pytest.FixtureRequest) -> Iterator[Gate]:
    if request.param == "fake":
        weights = FakeWeights()
        gate = FakeGate(weights)
        yield Gate(gate, weights, gate)
        return
    table: Table = request.getfixturevalue("dynamodb_table")
    yield Gate(DynamoGate(table), DynamoWeights(table), DynamoDeploymentPauses(table))


def a_place(scope: SwitchScope = SwitchScope.USER) -> SwitchPlace:
    return SwitchPlace(scope, f"somebody-{next(_numbers)}")


def an_address() -> Address:
    return Address(f"venue-{next(_numbers)}", "shared")


# -- switches ------------------------------------------------------------------------------------------------------------------


def test_what_was_never_touched_is_off(stores: Gate) -> None:
    place = a_place()
    assert stores.gate.find_switch(place) is None
    reading = stores.gate.read_gate("paper-1", "shared", [PLATFORM, place], ACCOUNT)
    assert (reading.switches, reading.breaker, reading.blocked_until) == ((), Breaker(venue="paper-1"), None)


@pytest.mark.parametrize("grade", Grade)
def test_a_switch_is_read_as_it_was_set(stores: Gate, grade: Grade) -> None:
    places = [a_place(scope) for scope in (SwitchScope.USER, SwitchScope.ORGANISATION, SwitchScope.STRATEGY)]
    stored = [stores.gate.save_switch(a_switch(grade, place, by_operations=False)) for place in places]
    assert [switch.version for switch in stored] == [1, 1, 1]
    reading = stores.gate.read_gate("paper", "shared", [*places, a_place(), PLATFORM], ACCOUNT)
    assert set(reading.switches) == set(stored)
    assert stores.gate.find_switch(places[0]) == stored[0]


def test_a_switch_that_was_turned_off_is_remembered_and_not_listed(stores: Gate) -> None:
    place = a_place()
    on = stores.gate.save_switch(a_switch(Grade.HALT_ALL, place))
    assert on in stores.gate.list_switches()
    stores.gate.save_switch(a_switch(place=a_place()))
    first = stores.gate.page_switches(limit=1)
    rest = stores.gate.page_switches(first.cursor, 100)
    assert [*first.items, *rest.items] == list(stores.gate.list_switches())[:101]
    off = stores.gate.save_switch(replace(on, grade=None, reason="over"))
    assert place not in {switch.place for switch in stores.gate.list_switches()}
    assert stores.gate.read_gate("paper", "shared", [place], ACCOUNT).switches == ()
    assert (stores.gate.find_switch(place), off.version) == (off, 2)


@pytest.mark.parametrize("version", [0, 2])
def test_a_switch_that_somebody_else_has_set_meanwhile_is_a_conflict(stores: Gate, version: int) -> None:
    switch = stores.gate.save_switch(a_switch(place=a_place()))
    with pytest.raises(Conflict) as conflict:
        stores.gate.save_switch(replace(switch, version=version))
    assert conflict.value.code == "VERSION_CONFLICT"


@pytest.mark.e2e
def test_every_change_is_told_by_the_stream(cloud: str, dynamodb_table: Table) -> None:
    store, place = DynamoGate(dynamodb_table), a_place()
    on = store.save_switch(a_switch(Grade.REDUCE_ONLY, place, changed_by="operator-7"))
    off = store.save_switch(replace(on, grade=None))
    events = [told for record in stream_records(cloud, dynamodb_table.name) for told in published_events(record)]
    assert [(it.event.type, it.event.kill_switch, it.version) for it in events] == [
        (EventType.KILL_SWITCH_CHANGED, on, 1),
        (EventType.KILL_SWITCH_CHANGED, off, 2),
    ]
    assert len({it.event_id for it in events}) == 2
    assert {it.tenant_id for it in events} == {place.scope_id}


def test_a_name_that_could_reach_into_another_key_is_no_place() -> None:
    with pytest.raises(NotFound):
        DynamoGate(stubbed_table()).find_switch(SwitchPlace(SwitchScope.USER, "a#b"))


def test_a_switch_in_a_restored_table_has_no_version_of_the_lost_minutes() -> None:
    """The event's id is made of the version: listeners would take the word of today for one that they have heard."""
    table = Table("stubbed", generation=2, region="us-east-1", host="http://127.0.0.1:1")
    with answering(table, 200, "Done"):
        stored = DynamoGate(table).save_switch(a_switch(version=7))
        assert stored.version == VERSIONS_OF_A_GENERATION + 1
        assert DynamoGate(table).save_switch(stored).version == stored.version + 1


# -- the reading ---------------------------------------------------------------------------------------------------------------


@pytest.mark.e2e
def test_everything_is_read_in_one_request(dynamodb_table: Table) -> None:
    store = DynamoGate(dynamodb_table)
    places = [PLATFORM, *(a_place(scope) for scope in (SwitchScope.USER, SwitchScope.ORGANISATION, SwitchScope.STRATEGY))]
    for place in places:
        store.save_switch(a_switch(place=place))
    with counted(dynamodb_table) as operations:
        assert len(store.read_gate("paper", "shared", places, ACCOUNT).switches) == 4
    assert operations == ["BatchGetItem"]


def test_the_reading_brings_breaker_and_ban(stores: Gate) -> None:
    venue, until = f"venue-{next(_numbers)}", NOW + timedelta(hours=1)
    breaker = stores.gate.save_breaker(Breaker(venue=venue, failures=2))
    stores.weights.block(Address(venue, "shared"), until, NOW)
    reading = stores.gate.read_gate(venue, "shared", [], ACCOUNT)
    assert (reading.breaker, reading.blocked_until) == (breaker, until)
    assert stores.gate.read_gate(venue, "another", [], ACCOUNT).blocked_until is None


def test_a_reading_that_lacks_a_part_is_none() -> None:
    table = stubbed_table()
    with answering(table, 400, "ThrottlingException"), pytest.raises(RetryLater) as later:
        DynamoGate(table).read_gate("paper", "shared", [PLATFORM], ACCOUNT)
    assert later.value.code == "STORE_UNAVAILABLE"


# -- breakers ------------------------------------------------------------------------------------------------------------------


def test_a_breaker_is_read_as_it_was_written(stores: Gate) -> None:
    venue = f"venue-{next(_numbers)}"
    assert stores.gate.load_breaker(venue) == Breaker(venue=venue)
    opened = Breaker(venue=venue, failures=FAILURES_TO_OPEN, state=BreakerState.OPEN, since=NOW)
    assert stores.gate.save_breaker(opened) == replace(opened, version=1) == stores.gate.load_breaker(venue)
    for version in (0, 2):
        with pytest.raises(Conflict):
            stores.gate.save_breaker(replace(opened, version=version))


# -- the pause of a deployment ------------------------------------------------------------------------------------------------


def test_a_pause_is_read_with_the_gate_while_it_is_on(stores: Gate) -> None:
    pauses, known = stores.pauses, stores.pauses.find_pause()
    version = known.version if known is not None else 0
    pause = DeploymentPause(deployment_id="release-2", paused_by="cli:pipeline", paused_at=NOW, version=version)
    on = pauses.save_pause(pause)
    assert on == replace(pause, version=version + 1) == pauses.find_pause()
    assert stores.gate.read_gate("paper", "shared", [PLATFORM], ACCOUNT).pause == on
    assert pauses.complete_pause() == 0
    lifted = pauses.save_pause(replace(on, lifted_by="cli:pipeline", lifted_at=NOW + MINUTE))
    assert (stores.gate.read_gate("paper", "shared", [PLATFORM], ACCOUNT).pause, pauses.find_pause()) == (None, lifted)
    with pytest.raises(Conflict):
        pauses.save_pause(on)


# -- weights -------------------------------------------------------------------------------------------------------------------


def test_leases_add_up_to_the_ceiling_and_no_further(stores: Gate) -> None:
    address = an_address()
    taken = [stores.weights.lease(address, NOW, 40, 100) for _ in range(3)]
    assert [spent.leased if spent else None for spent in taken] == [40, 80, None]
    assert stores.weights.lease(address, NOW, 20, 100).leased == 100
    assert stores.weights.lease(address, NOW, 1, 100) is None
    assert stores.weights.lease(address, NOW, 1, 101).leased == 101
    assert stores.weights.read_spent(address, NOW).leased == 101


def test_a_lease_above_its_ceiling_is_refused_at_once(stores: Gate) -> None:
    address = an_address()
    assert stores.weights.lease(address, NOW, 101, 100) is None
    assert stores.weights.read_spent(address, NOW).leased == 0


def test_a_minute_begins_with_nothing_spent(stores: Gate) -> None:
    address = an_address()
    stores.weights.lease(address, NOW, 100, 100)
    assert stores.weights.read_spent(address, NOW + MINUTE).leased == 0
    assert stores.weights.lease(address, NOW + MINUTE, 60, 100).leased == 60
    assert stores.weights.lease(address, NOW + MINUTE, 60, 100) is None


def test_who_lives_in_the_last_minute_gets_nothing_any_more(stores: Gate) -> None:
    address = an_address()
    stores.weights.lease(address, NOW + MINUTE, 10, 100)
    assert stores.weights.lease(address, NOW, 10, 100) is None  # a clock that is behind
    assert stores.weights.read_spent(address, NOW + MINUTE).leased == 10


def test_nothing_is_leased_while_the_address_is_blocked(stores: Gate) -> None:
    address, until = an_address(), NOW + timedelta(seconds=90)
    stores.weights.lease(address, NOW, 1, 100)
    stores.weights.block(address, until, NOW)
    stores.weights.block(address, until - MINUTE, NOW)  # an earlier end changes nothing
    assert stores.weights.lease(address, NOW, 1, 100) is None
    assert stores.weights.lease(address, NOW + MINUTE, 1, 100) is None
    assert stores.weights.read_spent(address, NOW).blocked_until == until
    assert stores.weights.lease(address, until, 1, 100) is not None


def test_an_address_that_never_leased_can_be_blocked(stores: Gate) -> None:
    address = an_address()
    stores.weights.block(address, NOW + MINUTE, NOW)
    assert stores.weights.read_spent(address, NOW).is_blocked(NOW)
    assert stores.weights.lease(address, NOW, 1, 100) is None


@pytest.mark.e2e
def test_workers_that_lease_at_once_never_take_more_than_there_is(dynamodb_table: Table) -> None:
    address, store = an_address(), DynamoWeights(dynamodb_table)
    granted: list[Spent] = []
    start = Barrier(8)

    def work() -> None:
        start.wait()
        granted.extend(spent for _ in range(5) if (spent := store.lease(address, NOW, 7, 100)) is not None)

    workers = [Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(granted) == 100 // 7
    assert store.read_spent(address, NOW).leased == 7 * len(granted)


def test_a_minute_that_was_blocked_when_it_began_has_its_budget_afterwards(stores: Gate) -> None:
    address = an_address()
    stores.weights.block(address, NOW + timedelta(seconds=20), NOW)
    assert stores.weights.lease(address, NOW, 1, 100) is None
    assert stores.weights.lease(address, NOW + timedelta(seconds=30), 60, 100).leased == 60


@pytest.mark.e2e
def test_a_lease_is_one_write_the_first_of_a_minute_two_and_one_that_is_refused_no_more(dynamodb_table: Table) -> None:
    store, address = DynamoWeights(dynamodb_table), an_address()
    with counted(dynamodb_table) as operations:
        store.lease(address, NOW, 1, 100)
    assert operations == ["UpdateItem", "UpdateItem"]
    for weight in (1, 100):
        with counted(dynamodb_table) as operations:
            store.lease(address, NOW, weight, 100)
        assert operations == ["UpdateItem"]


@pytest.mark.e2e
def test_a_minute_that_others_have_used_up_is_asked_about_once(dynamodb_table: Table) -> None:
    address, late = an_address(), DynamoWeights(dynamodb_table)
    DynamoWeights(dynamodb_table).lease(address, NOW, 100, 100)
    with counted(dynamodb_table) as operations:
        assert late.lease(address, NOW, 1, 100) is None
    assert operations == ["UpdateItem", "UpdateItem", "GetItem"]
    with counted(dynamodb_table) as operations:
        assert late.lease(address, NOW, 1, 100) is None
    assert operations == ["UpdateItem"]


def test_a_switch_survives_a_round_through_json(stores: Gate) -> None:
    switch: KillSwitch = a_switch(Grade.FLATTEN, a_place(), reason='quoted "words" and ünïcode')
    assert stores.gate.find_switch(stores.gate.save_switch(switch).place) == replace(switch, version=1)
