"""Real orders of two owners on the embedded cloud: each socket gets its owner's, in one chain, and a reconnect misses none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from infra.local.cloud import Cloud
from infra.local.demo.people import Api, Person
from tests.support.live_listener import SETTLE_SECONDS, Listener, gaps
from tests.support.stage import Desk, follower, open_desk
from tests.support.waiting import until

TICKETS = "/v1/live/tickets"
PUSHED, NOT_TOLD = "live changes pushed", "listeners not told"


@pytest.fixture(scope="module")
def desk(cloud: Cloud) -> Iterator[Desk]:
    with closing(open_desk(cloud, lambda strategy: [follower(number, strategy) for number in range(2)])) as desk:
        yield desk


def ticket(api: Api, *topics: str) -> str:
    return str(api.call("POST", TICKETS, {"topics": list(topics)} if topics else {})["url"])


def order_ids(desk: Desk, person: Person) -> set[str]:
    """The person's orders as the API shows them, once the relay has brought them all."""
    desk.cloud.wait_until_relayed()
    return {order["order_id"] for order in desk.api(person).pages("/v1/orders")}


def links(listener: Listener, person: Person) -> list[tuple[int, int]]:
    return [(each["from"], each["sequence"]) for each in listener.of(person.account_id)]


def pushes(desk: Desk) -> int:
    return desk.cloud.logs().get("candlecast-live_connections", "").count(PUSHED)


def test_nothing_is_invoked_while_nobody_listens(desk: Desk) -> None:
    assert desk.orders(desk.signal("buy"))
    desk.signal("exit")
    assert pushes(desk) == 0
    assert "candlecast-live_connections" not in desk.cloud.logs()


def test_an_order_reaches_its_owners_socket_and_no_other(desk: Desk) -> None:
    first, second = desk.people
    stranger = desk.platform.as_user(desk.cloud.user("stranger@example.com"))
    before = order_ids(desk, first) | order_ids(desk, second)
    with (
        Listener(ticket(desk.api(first))) as mine,
        Listener(ticket(desk.api(first), "positions")) as positions,
        Listener(ticket(desk.api(second))) as theirs,
        Listener(ticket(stranger)) as strange,
    ):
        time.sleep(SETTLE_SECONDS)
        signal_id = desk.signal("buy")
        for listener, person in ((mine, first), (theirs, second)):
            fresh = order_ids(desk, person) - before
            assert fresh
            listener.wait_for_orders(fresh)
            assert {each["account_id"] for each in listener.messages} == {person.account_id}
            assert listener.named("orders", "order_ids") == fresh
            assert listener.named("signals", "signal_ids") == {signal_id}
            assert gaps(listener.of(person.account_id)) == []
        until(lambda: links(positions, first), lambda found: found == links(mine, first))
        assert {change["topic"] for each in positions.messages for change in each["changes"]} == {"positions"}
        assert strange.messages == []
    desk.signal("exit")


def test_none_is_missed_after_a_reconnect(desk: Desk) -> None:
    person = desk.people[0]
    api = desk.api(person)
    earlier = order_ids(desk, person)
    with Listener(ticket(api)) as before:
        time.sleep(SETTLE_SECONDS)
        desk.signal("buy")
        fresh = order_ids(desk, person) - earlier
        assert fresh
        before.wait_for_orders(fresh)
        known = before.of(person.account_id)[-1]["sequence"]
    desk.signal("exit")  # while nobody listens
    with Listener(ticket(api)) as after:
        time.sleep(SETTLE_SECONDS)
        fetched = order_ids(desk, person)
        desk.signal("buy")
        everything = order_ids(desk, person)
        after.wait_for_orders(everything - fetched)
        heard = after.of(person.account_id)
        assert gaps(heard, known) == heard[:1], "the client that knows no more than before notices that it has missed something"
        assert fetched | after.named("orders", "order_ids") == everything
    desk.signal("exit")


def test_nobody_who_listens_is_forgotten_and_the_relay_never_failed_to_tell(desk: Desk) -> None:
    logs = desk.cloud.logs()
    assert NOT_TOLD not in logs["candlecast-outbox_relay"]
    assert pushes(desk) > 0
    assert '"failed":0' in logs["candlecast-live_connections"].replace(" ", "")
