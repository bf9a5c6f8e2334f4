"""Copies of the items that every order reads: on a table in memory, whose requests fail as the test wants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from candlecast.adapters.codec import from_json
from candlecast.adapters.dynamodb.copies import COPIES, copy_keys, copy_of
from candlecast.adapters.dynamodb.deployment_pauses import DynamoDeploymentPauses
from candlecast.adapters.dynamodb.gate import DynamoGate
from candlecast.adapters.dynamodb.single_table.batch import Key
from candlecast.adapters.dynamodb.weights import DynamoWeights
from candlecast.domain.account.deployment_pause import DeploymentPause
from candlecast.domain.account.kill_switch import PLATFORM, Grade, KillSwitch, SwitchPlace, SwitchScope
from candlecast.domain.values.errors import Conflict, RetryLater
from candlecast.domain.values.ids import digest
from candlecast.domain.venue.breaker import Breaker
from candlecast.domain.venue.weight_budget import Address
from candlecast.ports.gate import GateReading
from candlecast.services.account.set_kill_switch import SetKillSwitch, Setter
from tests.golden.memory import MemoryTable
from tests.support.builders import NOW
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.gate import a_switch

PLATFORM_KEY = ("KILL_SWITCH#PLATFORM#platform", "STATE")
PLATFORM_COPIES = copy_keys(PLATFORM_KEY)
BREAKER_COPIES = copy_keys(("BREAKER#paper", "STATE"))
ANYBODY = Setter("operator-1", is_operations=True)
COPIED = (PLATFORM, SwitchPlace(SwitchScope.ORGANISATION, "fund"), SwitchPlace(SwitchScope.STRATEGY, "sma"))
Refuses = Callable[[str, Mapping[str, Any]], bool]


@dataclass(slots=True)
class FailingTable(MemoryTable):
    """`refuses` says which requests are throttled; `operations` are those that were asked for."""

    refuses: Refuses = lambda operation, request: False
    operations: list[str] = field(default_factory=list)

    def call(self, operation: str, request: Mapping[str, Any]) -> Any:
        self.operations.append(operation)
        if self.refuses(operation, request):
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "told to fail"}}, operation)
        return MemoryTable.call(self, operation, request)

    def versions(self, keys: tuple[Key, ...] = PLATFORM_COPIES) -> list[str | None]:
        """The version of each copy that there is."""
        return [self.items[key]["version"]["N"] if key in self.items else None for key in keys]


def transactions(operation: str, _: Mapping[str, Any]) -> bool:
    return operation == "TransactWriteItems"


def transactions_and_the_copy(number: int) -> Refuses:
    def refuses(operation: str, request: Mapping[str, Any]) -> bool:
        key = PLATFORM_COPIES[number][0]
        return operation == "TransactWriteItems" or (operation == "PutItem" and request["Item"]["PK"]["S"] == key)

    return refuses


@pytest.fixture
def table() -> FailingTable:
    return FailingTable()


@pytest.fixture
def gate(table: FailingTable) -> DynamoGate:
    return DynamoGate(table.table())


def test_each_copy_has_a_partition_of_its_own() -> None:
    assert len({partition for partition, _ in PLATFORM_COPIES}) == COPIES
    assert PLATFORM_COPIES[0] == PLATFORM_KEY


@pytest.mark.parametrize("place", COPIED)
@pytest.mark.parametrize("grade", [*Grade, None])
def test_a_switch_that_concerns_many_is_written_with_its_copies_at_once(
    table: FailingTable, gate: DynamoGate, place: SwitchPlace, grade: Grade | None
) -> None:
    gate.save_switch(a_switch(grade, place))
    at = next(key for key in table.items if "COPY" not in key[0])
    assert table.versions(copy_keys(at)) == ["1"] * COPIES
    assert {table.items[key]["body"]["S"] for key in copy_keys(at)} == {table.items[at]["body"]["S"]}
    assert table.operations == ["TransactWriteItems"]


def test_the_switch_of_one_user_has_no_copies(table: FailingTable, gate: DynamoGate) -> None:
    place = SwitchPlace(SwitchScope.USER, "somebody")
    gate.save_switch(a_switch(Grade.HALT_ALL, place))
    assert (len(table.items), gate.complete_switch(place), table.operations) == (1, 0, ["PutItem"])


def test_a_change_is_listed_and_told_once(table: FailingTable, gate: DynamoGate) -> None:
    gate.save_switch(a_switch(Grade.HALT_ALL))
    assert len(gate.list_switches()) == 1
    assert [key for key, item in table.items.items() if "outbox" in item or "kind" in item] == [PLATFORM_KEY]


def test_a_switch_turns_on_although_no_transaction_can_be_had(table: FailingTable, gate: DynamoGate) -> None:
    table.refuses = transactions
    assert gate.save_switch(a_switch(Grade.HALT_ALL)).version == 1
    assert table.versions() == ["1"] * COPIES


def test_a_switch_turns_off_in_all_copies_or_in_none(table: FailingTable, gate: DynamoGate) -> None:
    on = gate.save_switch(a_switch(Grade.HALT_ALL))
    table.refuses = transactions
    with pytest.raises(RetryLater) as later:
        gate.save_switch(replace(on, grade=None))
    assert (later.value.code, table.versions()) == ("STORE_UNAVAILABLE", ["1"] * COPIES)
    table.refuses = lambda *_: False
    gate.save_switch(replace(on, grade=None))
    assert table.versions() == ["2"] * COPIES


@pytest.mark.parametrize("number", range(1, COPIES))
def test_a_copy_that_cannot_be_written_is_told_and_completed_by_the_clock(
    table: FailingTable, gate: DynamoGate, number: int
) -> None:
    table.refuses = transactions_and_the_copy(number)
    with pytest.raises(RetryLater) as later:
        gate.save_switch(a_switch(Grade.HALT_ALL))
    assert later.value.code == "COPIES_INCOMPLETE"
    assert table.versions() == [None if each == number else "1" for each in range(COPIES)]
    table.refuses = lambda *_: False
    assert (gate.complete_switches(), gate.complete_switches()) == (1, 0)
    assert table.versions() == ["1"] * COPIES


def test_without_its_item_a_switch_is_in_no_copy(table: FailingTable, gate: DynamoGate) -> None:
    table.refuses = transactions_and_the_copy(0)
    with pytest.raises(RetryLater) as later:
        gate.save_switch(a_switch(Grade.HALT_ALL))
    assert (later.value.code, table.items) == ("STORE_UNAVAILABLE", {})


def test_whoever_sets_a_switch_again_that_was_cut_off_is_answered_once_all_copies_are_written(
    table: FailingTable, gate: DynamoGate
) -> None:
    switch = SetKillSwitch(gate, FakeClock())
    table.refuses = transactions_and_the_copy(2)
    for _ in range(2):
        with pytest.raises(RetryLater) as later:
            switch.set(PLATFORM, Grade.HALT_ALL, "keys leaked", ANYBODY)
        assert later.value.code == "COPIES_INCOMPLETE"
    table.refuses = lambda *_: False
    assert switch.set(PLATFORM, Grade.HALT_ALL, "keys leaked", ANYBODY).version == 1
    assert table.versions() == ["1"] * COPIES


def test_a_transaction_that_was_carried_out_although_its_answer_was_lost_is_found(table: FailingTable, gate: DynamoGate) -> None:
    def lost(operation: str, request: Mapping[str, Any]) -> bool:
        if operation == "TransactWriteItems":
            MemoryTable.call(table, operation, request)
        return operation == "TransactWriteItems"

    table.refuses = lost
    assert SetKillSwitch(gate, FakeClock()).set(PLATFORM, Grade.HALT_ALL, "keys leaked", ANYBODY).version == 1
    assert table.versions() == ["1"] * COPIES


def test_a_switch_from_before_there_were_copies_is_completed_by_the_clock(table: FailingTable, gate: DynamoGate) -> None:
    gate.save_switch(a_switch(Grade.HALT_ALL))
    for key in PLATFORM_COPIES[1:]:
        del table.items[key]
    assert (gate.complete_switches(), table.versions()) == (COPIES - 1, ["1"] * COPIES)


def test_a_copy_is_never_written_over_by_an_older_state(table: FailingTable, gate: DynamoGate) -> None:
    """The clock reads a switch that is on; before it writes a copy, the switch is turned off."""
    on = gate.save_switch(a_switch(Grade.HALT_ALL))
    del table.items[PLATFORM_COPIES[3]]

    def turned_off_meanwhile(operation: str, _: Mapping[str, Any]) -> bool:
        if operation == "PutItem":
            table.refuses = lambda *_: False
            gate.save_switch(replace(on, grade=None))
        return False

    table.refuses = turned_off_meanwhile
    gate.complete_switches()
    assert table.versions() == ["2"] * COPIES


def test_a_switch_that_somebody_else_has_changed_is_a_conflict_and_changes_no_copy(table: FailingTable, gate: DynamoGate) -> None:
    on = gate.save_switch(a_switch(Grade.HALT_ALL))
    for refuses in (transactions, lambda *_: False):
        table.refuses = refuses
        with pytest.raises(Conflict):
            gate.save_switch(replace(on, grade=Grade.PAUSE_ENTRIES, version=7))
    assert table.versions() == ["1"] * COPIES


def test_a_breaker_is_written_with_its_copies_or_not_at_all(table: FailingTable, gate: DynamoGate) -> None:
    breaker = gate.save_breaker(Breaker(venue="paper", failures=2))
    table.refuses = transactions
    with pytest.raises(RetryLater):
        gate.save_breaker(replace(breaker, failures=3))
    assert table.versions(BREAKER_COPIES) == ["1"] * COPIES
    table.refuses = lambda *_: False
    with pytest.raises(Conflict):
        gate.save_breaker(replace(breaker, version=0))
    gate.save_breaker(replace(breaker, failures=3))
    assert table.versions(BREAKER_COPIES) == ["2"] * COPIES


def test_a_block_is_in_every_copy_and_its_latest_end_counts_in_each(table: FailingTable) -> None:
    weights, address = DynamoWeights(table.table()), Address("paper", "shared")
    keys = copy_keys(("WEIGHTS#paper#shared", "STATE"))
    weights.lease(address, NOW, 5, 100)
    weights.block(address, NOW + timedelta(minutes=2), NOW)
    del table.items[keys[1]]
    weights.block(address, NOW + timedelta(minutes=1), NOW)
    ends = [table.items[key]["blocked_until"]["S"] for key in keys]
    assert (len(set(ends)), ends[1] < ends[0]) == (2, True)
    assert [key for key in keys if "leased" in table.items[key]] == [keys[0]], "the budget stays on one item"


def test_a_switch_survives_in_its_copies_word_by_word(table: FailingTable, gate: DynamoGate) -> None:
    stored = gate.save_switch(a_switch(Grade.FLATTEN, reason='quoted "words" and ünïcode'))
    assert [from_json(KillSwitch, table.items[key]["body"]["S"]) for key in PLATFORM_COPIES] == [stored] * COPIES


# -- which copy is read --------------------------------------------------------------------------------------------------------

ORDERS = 5_000  # a second, each of another account
MOST_READS = 2_000  # of one item a second; a partition serves 3,000
ACCOUNTS = [digest("account", str(number)) for number in range(ORDERS)]


@dataclass(slots=True)
class CountingTable(FailingTable):
    reads: Counter[Key] = field(default_factory=Counter)

    def call(self, operation: str, request: Mapping[str, Any]) -> Any:
        if operation == "BatchGetItem":
            for asked in request["RequestItems"].values():
                assert asked["ConsistentRead"] is True
                self.reads.update((key["PK"]["S"], key["SK"]["S"]) for key in asked["Keys"])
        return FailingTable.call(self, operation, request)


@pytest.mark.slow
def test_no_item_is_read_more_than_2_000_times_by_5_000_orders() -> None:
    table = CountingTable()
    gate = DynamoGate(table.table())
    for account_id in ACCOUNTS:
        user = SwitchPlace(SwitchScope.USER, f"tenant-of-{account_id}")
        gate.read_gate("paper", "shared", [*COPIED, user], account_id)
    assert max(table.reads.values()) <= MOST_READS
    assert sum(table.reads.values()) == ORDERS * (3 + len(COPIED) + 1), "breaker, block, pause, and the switches of four scopes"


def test_even_the_fewest_accounts_that_can_send_5_000_orders_a_second_are_spread() -> None:
    """Orders of one account go one after another, some seven a second."""
    fewest = Counter(copy_of(account_id) for account_id in ACCOUNTS[: ORDERS // 7])
    assert set(fewest) == set(range(COPIES))
    assert max(fewest.values()) * 7 <= MOST_READS


@pytest.mark.parametrize("place", [*COPIED, SwitchPlace(SwitchScope.USER, "somebody")])
def test_a_switch_stops_every_account_once_it_was_acknowledged_and_none_once_it_is_off(
    gate: DynamoGate, place: SwitchPlace
) -> None:
    on = gate.save_switch(a_switch(Grade.HALT_ALL, place))
    assert {gate.read_gate("paper", "shared", [place], account_id).switches for account_id in ACCOUNTS[:50]} == {(on,)}
    gate.save_switch(replace(on, grade=None))
    assert {gate.read_gate("paper", "shared", [place], account_id).switches for account_id in ACCOUNTS[:50]} == {()}


def test_breaker_block_and_pause_concern_every_account(table: FailingTable, gate: DynamoGate) -> None:
    breaker = gate.save_breaker(Breaker(venue="paper", failures=2))
    until = NOW + timedelta(minutes=2)
    DynamoWeights(table.table()).block(Address("paper", "shared"), until, NOW)
    pauses = DynamoDeploymentPauses(table.table())
    pause = pauses.save_pause(DeploymentPause(deployment_id="release-2", paused_by="cli:pipeline", paused_at=NOW))
    for account_id in ACCOUNTS[:50]:
        assert gate.read_gate("paper", "shared", [], account_id) == GateReading(
            switches=(), breaker=breaker, blocked_until=until, pause=pause
        )


def test_a_switch_that_was_cut_off_stops_some_accounts_and_all_after_the_clock(table: FailingTable, gate: DynamoGate) -> None:
    table.refuses = transactions_and_the_copy(2)
    with pytest.raises(RetryLater):
        gate.save_switch(a_switch(Grade.HALT_ALL))
    table.refuses = lambda *_: False

    def stopped() -> dict[int, bool]:
        return {copy_of(name): bool(gate.read_gate("paper", "shared", [PLATFORM], name).switches) for name in ACCOUNTS[:50]}

    assert stopped() == {0: True, 1: True, 2: False, 3: True}
    gate.complete_switches()
    assert stopped() == dict.fromkeys(range(COPIES), True)


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from([*Grade, None, "clock"]), st.sets(st.integers(0, 20))), max_size=8))
@settings(max_examples=200, deadline=None)
def test_the_release_before_which_reads_the_item_alone_never_knows_less_than_a_copy(
    acts: list[tuple[Grade | str | None, set[int]]],
) -> None:
    """Requests fail at will: no copy is newer than its item, and a copy of the same version says the same."""
    table = FailingTable()
    gate = DynamoGate(table.table())
    for act, failing in acts:
        begun = len(table.operations)
        table.refuses = lambda operation, _, begun=begun, failing=failing: (  # type: ignore[misc]
            operation != "GetItem" and len(table.operations) - 1 - begun in failing
        )
        try:
            if act == "clock":
                gate.complete_switches()
            else:
                known = gate.find_switch(PLATFORM)
                switch = a_switch(act, reason=f"act {begun}", version=known.version if known else 0)  # type: ignore[arg-type]
                gate.save_switch(switch)
                assert table.versions() == [str(switch.version + 1)] * COPIES, "acknowledged"
        except RetryLater:
            pass
        versions = [int(version or 0) for version in table.versions()]
        assert max(versions) == versions[0]
        newest = [key for key, version in zip(PLATFORM_COPIES, versions, strict=True) if version == versions[0] > 0]
        assert len({table.items[key]["body"]["S"] for key in newest}) <= 1
    table.refuses = lambda *_: False
    gate.complete_switches()
    item = gate.find_switch(PLATFORM)
    if item is not None and item.grade is not None:
        assert table.versions() == [str(item.version)] * COPIES
