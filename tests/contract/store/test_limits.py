"""Limit records: read together, written on the version that was read. On the fake and on the embedded cloud's table."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from candlecast.adapters.dynamodb.limits import DynamoLimitStore
from candlecast.domain.limits.limits import Limits, Scope
from candlecast.domain.limits.record import PLATFORM, LimitPlace, LimitRecord
from candlecast.domain.values.errors import Conflict
from candlecast.ports.limits import LimitStore
from tests.support.builders import NOW
from tests.support.fakes.limits import FakeLimitStore

ORGANISATION = LimitPlace(Scope.ORGANISATION, "fund")
USER = LimitPlace(Scope.USER, "tenant-1")


@pytest.fixture(params=["fake", pytest.param("dynamodb", marks=pytest.mark.e2e)])
def store(request: pytest.FixtureRequest) -> LimitStore:
    if request.param == "fake":
        return FakeLimitStore()
    return DynamoLimitStore(request.getfixturevalue("dynamodb_table"))


def a_record(place: LimitPlace = ORGANISATION, **changes: object) -> LimitRecord:
    limits = Limits(max_leverage=Decimal("2.5"), allowed_markets=("BTC/USDT:USDT",), stop_required=True)
    return replace(LimitRecord(place=place, limits=limits, changed_by="admin-1", changed_at=NOW), **changes)  # type: ignore[arg-type]


def test_what_was_written_is_read_as_it_was(store: LimitStore) -> None:
    written = store.save(a_record())
    assert written.version == 1
    assert store.read([ORGANISATION]) == {ORGANISATION: written}


def test_only_what_there_is_is_found(store: LimitStore) -> None:
    user = store.save(a_record(USER, organisation_id="fund", group_id="juniors"))
    platform = store.save(a_record(PLATFORM))
    places = {PLATFORM, USER, ORGANISATION, LimitPlace(Scope.USER, "tenant-2"), LimitPlace(Scope.GROUP, "fund")}
    assert store.read(places) == {USER: user, PLATFORM: platform}


def test_operators_and_the_user_have_a_record_each(store: LimitStore) -> None:
    operations = LimitPlace(Scope.OPERATIONS, USER.scope_id)
    theirs, own = store.save(a_record(operations)), store.save(a_record(USER))
    assert store.read({operations, USER}) == {operations: theirs, USER: own}


def test_more_places_than_one_request_takes_are_all_read(store: LimitStore) -> None:
    places = [LimitPlace(Scope.USER, f"tenant-{number}") for number in range(130)]
    for place in places[::10]:
        store.save(a_record(place))
    assert set(store.read(places)) == set(places[::10])


def test_a_change_on_an_old_version_is_refused(store: LimitStore) -> None:
    first = store.save(a_record())
    store.save(replace(first, limits=Limits(max_positions=1)))
    with pytest.raises(Conflict, match="VERSION_CONFLICT"):
        store.save(replace(first, limits=Limits(max_positions=2)))
    with pytest.raises(Conflict, match="VERSION_CONFLICT"):
        store.save(a_record())
    assert store.read([ORGANISATION])[ORGANISATION].limits == Limits(max_positions=1)
