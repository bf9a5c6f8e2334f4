"""Pools: one suite on the fake and on DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import count

import pytest

from candlecast.adapters.dynamodb.pools import DynamoPoolStore
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.domain.limits.pool_bounds import Amounts, PoolBounds, PoolLimits
from candlecast.domain.pools.pool import SLOTS, Pool, Reservation, ReservationState, Slot, SlotChange
from candlecast.domain.values.errors import Conflict, RetryLater
from candlecast.ports.pool import RESERVATION_CHANGED, SLOT_CHANGED, PoolStore
from tests.contract.store.test_requests import answering, counted, stubbed_table
from tests.support.builders import ACCOUNT, NOW, TENANT, after
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.pools import FakePoolStore

_numbers = count(1)
TODAY = NOW.date()
ONE = Amounts(Decimal(100), Decimal(1), Decimal(1))


@pytest.fixture(params=["fake", pytest.param("dynamodb", marks=pytest.mark.e2e)])
def pools(request: pytest.FixtureRequest) -> Iterator[PoolStore]:
    yield FakePoolStore() if request.param == "fake" else DynamoPoolStore(request.getfixturevalue("dynamodb_table"), FakeClock())


def an_organisation() -> str:
    return f"organisation-{next(_numbers)}"


def limits_of(organisation_id: str, notional: int = 16_000, version: int = 1) -> PoolLimits:
    bounds = PoolBounds(max_gross_notional=Decimal(notional), max_open_positions=160, max_orders_per_day=1_600)
    return PoolLimits(organisation_id=organisation_id, bounds=bounds, version=version)


def shared_out(pools: PoolStore, organisation_id: str, notional: int = 16_000) -> Pool:
    """A pool in which every slot has a thousand, ten positions and a hundred orders."""
    pools.share_out(organisation_id, Pool().shared_out(limits_of(organisation_id, notional), TODAY))
    return pools.read_pool(organisation_id)


def a_reservation(organisation_id: str, **changes: object) -> Reservation:
    values: dict[str, object] = {
        "intent_id": f"intent-{next(_numbers)}",
        "organisation_id": organisation_id,
        "tenant_id": TENANT,
        "account_id": ACCOUNT,
        "slot": 3,
        "amounts": ONE,
        "day": TODAY,
        "look_at": after(600),
    }
    return Reservation(**{**values, **changes})  # type: ignore[arg-type]


def a_change(free: Amounts = -ONE, used: Amounts = ONE, number: int = 3, day: date = TODAY, version: int = 1) -> SlotChange:
    return SlotChange(number=number, day=day, limits_version=version, free=free, used=used)


def slot(pools: PoolStore, organisation_id: str, number: int = 3) -> Slot:
    return pools.read_pool(organisation_id).slots[number]


def refused(pools: PoolStore, organisation_id: str, changes: Sequence[SlotChange], mine: Reservation) -> str:
    before = pools.read_pool(organisation_id)
    with pytest.raises(Conflict) as conflict:
        pools.change(organisation_id, changes, None, mine)
    assert pools.read_pool(organisation_id) == before, "all or nothing"
    return conflict.value.code


def test_what_was_never_reserved_in_has_no_slots(pools: PoolStore) -> None:
    assert pools.read_pool(an_organisation()) == Pool()
    assert pools.find_reservation("nobody") is None


def test_a_pool_is_read_as_it_was_shared_out(pools: PoolStore) -> None:
    organisation = an_organisation()
    first = Pool().shared_out(limits_of(organisation, notional=1_000), TODAY)
    pools.share_out(organisation, first)
    read = pools.read_pool(organisation)
    assert read == Pool(tuple(replace(slot, version=1) for slot in first.slots))
    assert len(read.slots) == SLOTS
    pools.share_out(organisation, read.shared_out(limits_of(organisation, 2_000, version=2), TODAY))
    assert sum(s.free.notional for s in pools.read_pool(organisation).slots) == 2_000


def test_slots_that_have_changed_are_not_shared_out_again(pools: PoolStore) -> None:
    organisation = an_organisation()
    read = shared_out(pools, organisation)
    pools.change(organisation, [a_change()], None, a_reservation(organisation))
    for stale in (read, Pool().shared_out(limits_of(organisation), TODAY)):
        with pytest.raises(Conflict) as conflict:
            pools.share_out(organisation, stale)
        assert conflict.value.code == SLOT_CHANGED
    assert slot(pools, organisation).used == ONE


def test_a_reservation_and_its_slot_change_together(pools: PoolStore) -> None:
    organisation = an_organisation()
    before, mine = shared_out(pools, organisation).slots[3], a_reservation(organisation)
    pools.change(organisation, [a_change()], None, mine)
    assert pools.find_reservation(mine.intent_id) == replace(mine, version=1)
    assert slot(pools, organisation) == replace(before, used=ONE, free=before.free - ONE, version=2)


def test_a_repeat_reserves_nothing(pools: PoolStore) -> None:
    organisation = an_organisation()
    shared_out(pools, organisation)
    mine = a_reservation(organisation)
    pools.change(organisation, [a_change()], None, mine)
    assert refused(pools, organisation, [a_change()], mine) == RESERVATION_CHANGED
    everything = Amounts(Decimal(-900), Decimal(-9), Decimal(-99))
    pools.change(organisation, [a_change(everything, -everything)], None, a_reservation(organisation))
    assert refused(pools, organisation, [a_change()], mine) == RESERVATION_CHANGED, "also when there is no room any more"


@pytest.mark.parametrize(
    "change",
    [
        a_change(-Amounts(notional=Decimal("1000.00000001"))),
        a_change(-Amounts(positions=Decimal(11))),
        a_change(-Amounts(orders=Decimal(101))),
        a_change(day=TODAY - timedelta(days=1)),
        a_change(day=TODAY + timedelta(days=1)),
        a_change(version=2),
    ],
    ids=["notional", "positions", "orders", "yesterday", "tomorrow", "newer limits"],
)
def test_a_slot_gives_only_what_it_has_on_the_day_and_under_the_limits_that_were_meant(
    pools: PoolStore, change: SlotChange
) -> None:
    organisation = an_organisation()
    shared_out(pools, organisation)
    assert refused(pools, organisation, [change], a_reservation(organisation)) == SLOT_CHANGED


def test_a_slot_gives_to_the_last_of_what_it_has(pools: PoolStore) -> None:
    organisation = an_organisation()
    shared_out(pools, organisation)
    everything = slot(pools, organisation).free
    pools.change(organisation, [a_change(-everything, everything)], None, a_reservation(organisation))
    assert slot(pools, organisation).free == Amounts()
    assert refused(pools, organisation, [a_change(-Amounts(notional=Decimal("0.00000001")))], a_reservation(organisation))


def test_nothing_can_be_taken_from_a_pool_that_was_never_shared_out(pools: PoolStore) -> None:
    organisation = an_organisation()
    assert refused(pools, organisation, [a_change()], a_reservation(organisation)) == SLOT_CHANGED


def test_slots_lend_together_or_not_at_all(pools: PoolStore) -> None:
    organisation = an_organisation()
    shared_out(pools, organisation)
    big = Amounts(Decimal(2_500), Decimal(1), Decimal(1))
    lent = Amounts(notional=Decimal(1_000))
    takes = a_change(lent + lent - big, big)
    too_much = a_change(-Amounts(notional=Decimal(1_001)), Amounts(), 5)
    mine = a_reservation(organisation, amounts=big)
    assert refused(pools, organisation, [takes, a_change(-lent, Amounts(), 4), too_much], mine) == SLOT_CHANGED
    pools.change(organisation, [takes, a_change(-lent, Amounts(), 4), a_change(-lent, Amounts(), 5)], None, mine)
    read = pools.read_pool(organisation)
    assert [read.slots[number].free.notional for number in (3, 4, 5)] == [500, 0, 0]
    assert read.used == big


def test_what_is_in_debt_takes_back_without_asking(pools: PoolStore) -> None:
    organisation = an_organisation()
    shared_out(pools, organisation)
    pools.change(organisation, [a_change()], None, a_reservation(organisation))
    lowered = pools.read_pool(organisation).shared_out(limits_of(organisation, 0, version=2), TODAY)
    pools.share_out(organisation, lowered)
    assert slot(pools, organisation).free.notional == -100
    pools.change(organisation, [a_change(ONE, -ONE, version=0)], None, a_reservation(organisation))
    assert slot(pools, organisation).free.notional == 0


def test_a_reservation_changes_and_ends_only_as_it_was_read(pools: PoolStore) -> None:
    organisation = an_organisation()
    shared_out(pools, organisation)
    mine = a_reservation(organisation)
    pools.change(organisation, [a_change()], None, mine)
    first = pools.find_reservation(mine.intent_id)
    assert first is not None
    confirmed = replace(first, state=ReservationState.CONFIRMED, amounts=Amounts(Decimal(40), Decimal(1), Decimal(1)))
    back = a_change(Amounts(notional=Decimal(60)), -Amounts(notional=Decimal(60)))
    pools.change(organisation, [back], first, confirmed)
    second = pools.find_reservation(mine.intent_id)
    assert second == replace(confirmed, version=2)
    for new in (confirmed, None):
        with pytest.raises(Conflict) as conflict:
            pools.change(organisation, [back], first, new)
        assert conflict.value.code == RESERVATION_CHANGED
    pools.change(organisation, [], second, None)
    assert pools.find_reservation(mine.intent_id) is None
    with pytest.raises(Conflict):
        pools.change(organisation, [], second, None)
    pools.change(organisation, [], None, mine)
    assert pools.find_reservation(mine.intent_id) == replace(mine, version=1), "an entry may be reserved again"
    assert slot(pools, organisation).used.notional == 40


def test_profit_and_loss_add_up(pools: PoolStore) -> None:
    organisation = an_organisation()
    shared_out(pools, organisation)
    for pnl in ("-12.5", "2.25"):
        told = replace(a_change(Amounts(), Amounts()), pnl=Decimal(pnl))
        pools.change(organisation, [told], None, a_reservation(organisation))
    assert pools.read_pool(organisation).pnl == Decimal("-10.25")


def test_due_reservations_come_by_when_they_are_due(pools: PoolStore) -> None:
    organisation = an_organisation()
    shared_out(pools, organisation)
    made = [a_reservation(organisation, look_at=after(seconds)) for seconds in (30, 10, 20, 90)]
    for each in made:
        pools.change(organisation, [a_change()], None, each)
    due = pools.due_reservations(after(60), 10)
    assert [each.intent_id for each in due] == [made[index].intent_id for index in (1, 2, 0)]
    assert [each.intent_id for each in pools.due_reservations(after(60), 2)] == [made[1].intent_id, made[2].intent_id]
    pools.change(organisation, [], due[0], replace(due[0], look_at=after(600)))
    pools.change(organisation, [], due[1], None)
    assert [each.intent_id for each in pools.due_reservations(after(60), 10)] == [made[0].intent_id]


def test_organisations_share_nothing(pools: PoolStore) -> None:
    one, other = an_organisation(), an_organisation()
    shared_out(pools, one)
    before = shared_out(pools, other)
    pools.change(one, [a_change()], None, a_reservation(one))
    assert pools.read_pool(other) == before


@pytest.mark.e2e
def test_what_a_pool_costs_in_requests(dynamodb_table: Table) -> None:
    pools, organisation = DynamoPoolStore(dynamodb_table, FakeClock()), an_organisation()
    shared_out(pools, organisation)
    mine = a_reservation(organisation)
    with counted(dynamodb_table) as operations:
        pools.change(organisation, [a_change()], None, mine)
        pools.find_reservation(mine.intent_id)
        pools.read_pool(organisation)
    assert operations == ["TransactWriteItems", "GetItem", "BatchGetItem"]


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "RequestLimitExceeded", "InternalServerError"])
def test_a_store_that_does_not_answer_is_to_be_tried_later(code: str) -> None:
    table = stubbed_table()
    with answering(table, 400, code), pytest.raises(RetryLater) as later:
        DynamoPoolStore(table, FakeClock()).change("organisation", [a_change()], None, a_reservation("organisation"))
    assert later.value.code == "STORE_UNAVAILABLE"
