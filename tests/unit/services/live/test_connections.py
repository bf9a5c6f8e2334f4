"""From the ticket to the end of a connection: one ticket opens one connection, which ends with the token that asked for it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from candlecast.domain.live.connection import CONNECTION_LIFE, MAX_CONNECTIONS, TICKET_LIFE, Topic
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.services.live.end_connections import EndConnections
from candlecast.services.live.find_ended import MAX_ENDED, FindEnded
from candlecast.services.live.issue_ticket import IssueTicket
from candlecast.services.live.open_connection import OpenConnection
from tests.support.builders import NOW, TENANT, after
from tests.support.fakes.clock import FakeClock, RecordingMetrics, SequentialIdentifiers
from tests.support.fakes.live import FakeGateway, FakeLive, FakeLiveTasks, a_connection

LATER = after(3_600)


@pytest.fixture
def live() -> FakeLive:
    return FakeLive()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def issue(live: FakeLive, clock: FakeClock) -> IssueTicket:
    return IssueTicket(live, clock, SequentialIdentifiers())


@pytest.fixture
def opening(live: FakeLive, clock: FakeClock) -> OpenConnection:
    return OpenConnection(live, live, clock, RecordingMetrics())


def test_a_ticket_opens_one_connection_for_its_tenant_and_topics(
    issue: IssueTicket, opening: OpenConnection, live: FakeLive
) -> None:
    text, ticket = issue(TENANT, [Topic.POSITIONS, Topic.ORDERS, Topic.ORDERS], LATER)
    opened = opening(text, "connection-1=")
    assert opened == a_connection(topics=(Topic.ORDERS, Topic.POSITIONS), ends_at=LATER)
    assert live.connections == {"connection-1=": opened}
    assert ticket.expires_at == NOW + TICKET_LIFE
    with pytest.raises(NotFound):
        opening(text, "connection-2=")
    assert list(live.connections) == ["connection-1="]


def test_the_ticket_itself_is_stored_nowhere(issue: IssueTicket, live: FakeLive) -> None:
    text, _ = issue(TENANT, list(Topic), LATER)
    assert text not in str(live.tickets)


def test_a_connection_ends_with_the_token_and_never_later_than_the_gateway_would_end_it(issue: IssueTicket) -> None:
    _, soon = issue(TENANT, list(Topic), after(10))
    assert (soon.expires_at, soon.connection_ends_at) == (after(10), after(10))
    _, late = issue(TENANT, list(Topic), NOW + timedelta(days=1))
    assert late.connection_ends_at == NOW + CONNECTION_LIFE


def test_an_old_ticket_opens_nothing(issue: IssueTicket, opening: OpenConnection, clock: FakeClock, live: FakeLive) -> None:
    text, ticket = issue(TENANT, list(Topic), LATER)
    clock.set(ticket.expires_at)
    with pytest.raises(NotFound):
        opening(text, "connection-1=")
    assert live.connections == {}


@pytest.mark.parametrize("ticket", [None, "", "unknown", "x" * 10_000])
def test_what_is_no_ticket_opens_nothing(opening: OpenConnection, ticket: str | None) -> None:
    with pytest.raises(NotFound):
        opening(ticket, "connection-1=")


def test_a_tenant_has_so_many_connections_and_a_refused_ticket_is_spent(
    issue: IssueTicket, opening: OpenConnection, live: FakeLive
) -> None:
    for number in range(MAX_CONNECTIONS):
        live.put_connection(a_connection(f"open-{number}"))
    text, _ = issue(TENANT, list(Topic), LATER)
    with pytest.raises(Conflict, match="TOO_MANY_CONNECTIONS"):
        opening(text, "one-more")
    assert live.tickets == {}
    assert "one-more" not in live.connections


def test_connections_of_others_and_ended_ones_take_no_room(issue: IssueTicket, opening: OpenConnection, live: FakeLive) -> None:
    for number in range(MAX_CONNECTIONS):
        live.put_connection(a_connection(f"ended-{number}", ends_at=NOW))
        live.put_connection(a_connection(f"other-{number}", tenant_id="tenant-2"))
    text, _ = issue(TENANT, list(Topic), LATER)
    assert opening(text, "one-more").connection_id in live.connections


def test_the_clock_asks_to_close_what_is_over_and_nothing_else(live: FakeLive, clock: FakeClock) -> None:
    tasks = FakeLiveTasks()
    find = FindEnded(live, tasks, clock)
    assert find() == 0
    live.put_connection(a_connection("open", ends_at=after(1)))
    assert (find(), tasks.to_close) == (0, [])
    live.put_connection(a_connection("over", ends_at=NOW))
    assert (find(), tasks.to_close) == (1, [["over"]])


def test_the_clock_hands_over_a_bounded_number(live: FakeLive, clock: FakeClock) -> None:
    tasks = FakeLiveTasks()
    for number in range(MAX_ENDED + 5):
        live.put_connection(a_connection(f"over-{number}", ends_at=NOW))
    assert FindEnded(live, tasks, clock)() == MAX_ENDED
    assert [len(each) for each in tasks.to_close] == [MAX_ENDED]


def test_a_connection_that_could_not_be_closed_is_found_again(live: FakeLive, clock: FakeClock) -> None:
    gateway, tasks, metrics = FakeGateway(unreachable={"stays"}), FakeLiveTasks(), RecordingMetrics()
    for name in ("stays", "goes"):
        live.put_connection(a_connection(name, ends_at=NOW))
    assert EndConnections(live, gateway, metrics)(["stays", "goes"]) == 1
    assert list(live.connections) == ["stays"]
    FindEnded(live, tasks, clock)()
    assert tasks.to_close == [["stays"]]
