"""Tickets are redeemed once, connections are listed until they are forgotten. On fake and table alike."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from candlecast.adapters.dynamodb.live import DynamoLive
from candlecast.domain.live.connection import CONNECTION_LIFE, Connection, Topic
from candlecast.domain.values.errors import NotFound
from tests.support.builders import NOW, after
from tests.support.fakes.live import FakeLive, a_connection, a_ticket

_numbers = count(1)


@pytest.fixture(params=["fake", pytest.param("dynamodb", marks=pytest.mark.e2e)])
def live(request: pytest.FixtureRequest) -> FakeLive | DynamoLive:
    if request.param == "fake":
        return FakeLive()
    return DynamoLive(request.getfixturevalue("dynamodb_table"))


@pytest.fixture
def tenant() -> str:
    """A tenant of whom no other test has heard."""
    return f"live-tenant-{next(_numbers)}"


def by_id(connections: Sequence[Connection]) -> list[Connection]:
    return sorted(connections, key=lambda each: each.connection_id)


def test_a_ticket_is_redeemed_once(live: FakeLive | DynamoLive, tenant: str) -> None:
    ticket = a_ticket(tenant_id=tenant, topics=(Topic.SIGNALS,))
    live.put_ticket(f"digest-{tenant}", ticket)
    assert live.redeem_ticket(f"digest-{tenant}", NOW) == ticket
    with pytest.raises(NotFound):
        live.redeem_ticket(f"digest-{tenant}", NOW)


def test_a_ticket_that_several_try_at_once_opens_for_one(live: FakeLive | DynamoLive, tenant: str) -> None:
    if isinstance(live, FakeLive):
        pytest.skip("the fake has no races")
    live.put_ticket(f"digest-{tenant}", a_ticket(tenant_id=tenant))

    def attempt(_: int) -> bool:
        try:
            live.redeem_ticket(f"digest-{tenant}", NOW)
        except NotFound:
            return False
        return True

    with ThreadPoolExecutor(8) as lanes:
        assert sum(lanes.map(attempt, range(16))) == 1


@pytest.mark.parametrize("seconds", [30, 31, 86_400])
def test_an_expired_ticket_is_none(live: FakeLive | DynamoLive, tenant: str, seconds: float) -> None:
    live.put_ticket(f"digest-{tenant}", a_ticket(tenant_id=tenant))
    with pytest.raises(NotFound):
        live.redeem_ticket(f"digest-{tenant}", after(seconds))


def test_connections_are_listed_by_tenant_and_together_until_they_are_forgotten(live: FakeLive | DynamoLive, tenant: str) -> None:
    mine = [
        a_connection(f"{tenant}-1=", tenant_id=tenant, topics=(Topic.ORDERS, Topic.SIGNALS)),
        a_connection(f"{tenant}-2=", tenant_id=tenant, topics=(Topic.POSITIONS,), ends_at=after(7.25)),
    ]
    other = a_connection(f"{tenant}-3=", tenant_id=f"{tenant}-other")
    for each in (*mine, other):
        live.put_connection(each)
    assert by_id(live.connections_of(tenant)) == mine
    assert by_id([it for it in live.all_connections() if it.tenant_id.startswith(tenant)]) == [*mine, other]
    live.forget_connections([mine[0].connection_id, "unknown="])
    assert live.connections_of(tenant) == [mine[1]]
    live.forget_connections([mine[1].connection_id, other.connection_id])
    assert live.connections_of(tenant) == []


def test_a_connection_is_known_for_as_long_as_the_gateway_may_hold_it_open(
    live: FakeLive | DynamoLive, tenant: str, request: pytest.FixtureRequest
) -> None:
    """DynamoDB may delete an item as soon as it expires, before the clock has closed the connection."""
    if isinstance(live, FakeLive):
        pytest.skip("the fake deletes nothing")
    connection = a_connection(f"{tenant}-1=", tenant_id=tenant)
    live.put_connection(connection)
    table = request.getfixturevalue("dynamodb_table")
    found = table.client.get_item(TableName=table.name, Key={"PK": {"S": f"CONNECTION#{tenant}-1="}, "SK": {"S": "STATE"}})[
        "Item"
    ]
    assert int(found["expires_at"]["N"]) >= int((connection.ends_at + CONNECTION_LIFE).timestamp())


def test_a_name_that_reaches_into_another_key_is_refused(live: FakeLive | DynamoLive) -> None:
    if isinstance(live, FakeLive):
        pytest.skip("the fake has no keys")
    with pytest.raises(NotFound):
        live.connections_of("tenant#2026")
    with pytest.raises(NotFound):
        live.redeem_ticket("a#b", NOW)
