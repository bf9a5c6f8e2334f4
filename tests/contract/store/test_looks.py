"""Leases of looks and the reconcile clock's window: one suite on the fake and on DynamoDB."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from candlecast.adapters.dynamodb.looks import DynamoLooks
from candlecast.domain.reconcile.look_lease import LookLease
from candlecast.domain.reconcile.look_window import LookWindow
from candlecast.domain.values.errors import RetryLater
from tests.contract.store.test_requests import answering, stubbed_table
from tests.support.builders import NOW, TENANT
from tests.support.fakes.looks import FakeLooks


@pytest.fixture(params=["fake", pytest.param("dynamodb", marks=pytest.mark.e2e)])
def looks(request: pytest.FixtureRequest) -> Any:
    return FakeLooks() if request.param == "fake" else DynamoLooks(request.getfixturevalue("dynamodb_table"))


def a_lease(account_id: str = "account-1", **changes: Any) -> LookLease:
    usual = {"look_at": NOW + timedelta(seconds=7), "until": NOW + timedelta(minutes=3), "asked_at": NOW, "turn": NOW}
    return LookLease(tenant_id=TENANT, account_id=account_id, **{**usual, **changes})


def test_leases_are_found_as_they_were_kept_each_kind_by_itself(looks: Any) -> None:
    turn, orders = a_lease(), a_lease(turn=None, awaited=True)
    looks.keep([turn])
    looks.keep([orders])
    assert looks.find([turn.place, orders.place]) == {turn.place: turn, orders.place: orders}


def test_thousands_of_leases_are_kept_and_found_at_once(looks: Any) -> None:
    leases = {lease.place: lease for lease in (a_lease(f"account-{number}") for number in range(230))}
    looks.keep([*leases.values(), next(iter(leases.values()))])
    assert looks.find(leases.keys()) == leases
    assert looks.find([a_lease("nobody").place]) == {}


def test_the_newest_lease_of_an_account_takes_the_place_of_the_one_before(looks: Any) -> None:
    newer = a_lease(asked_at=NOW + timedelta(seconds=1), awaited=True)
    looks.keep([a_lease()])
    looks.keep([newer])
    assert looks.find([newer.place]) == {newer.place: newer}


def test_a_lease_is_ended_by_its_own_request_only(looks: Any) -> None:
    newer = a_lease(asked_at=NOW + timedelta(seconds=1))
    looks.keep([newer])
    looks.end(a_lease())
    assert looks.find([newer.place]) == {newer.place: newer}
    looks.end(newer)
    assert looks.find([newer.place]) == {newer.place: replace(newer, until=newer.asked_at)}
    looks.end(a_lease("nobody"))


def test_the_window_is_kept_from_one_firing_to_the_next(looks: Any) -> None:
    assert looks.load_window() == LookWindow()
    looks.save_window(LookWindow(size=400, waiting=17))
    assert looks.load_window() == LookWindow(size=400, waiting=17)


@pytest.mark.parametrize("count", [1, 30])
def test_a_throttled_table_is_waited_for(count: int) -> None:
    table = stubbed_table()
    leases = [a_lease(f"account-{number}") for number in range(count)]
    with answering(table, 400, "ProvisionedThroughputExceededException"), pytest.raises(RetryLater, match="STORE_UNAVAILABLE"):
        DynamoLooks(table).keep(leases)


def test_a_part_of_a_batch_that_was_not_taken_is_told() -> None:
    table = stubbed_table()
    table.client._make_api_call = lambda operation, request: {"UnprocessedItems": request["RequestItems"]}
    with pytest.raises(RetryLater, match="STORE_UNAVAILABLE"):
        DynamoLooks(table).keep([a_lease("a"), a_lease("b")])
