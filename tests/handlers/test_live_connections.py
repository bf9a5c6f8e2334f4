"""The routes of the WebSocket API: statuses of the handshake, and a log that never holds a ticket."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest

from candlecast.adapters.aws.live_function import pushes_of
from candlecast.adapters.codec import to_json
from candlecast.domain.live.change import AccountChange, Push
from candlecast.domain.live.connection import MAX_CONNECTIONS, ticket_digest
from candlecast.domain.values.errors import RetryLater
from candlecast.runtime.compose import live_connections
from candlecast.runtime.compose.live_connections import LiveConnections
from candlecast.runtime.observe import logger
from candlecast.services.live.end_connections import EndConnections
from candlecast.services.live.open_connection import OpenConnection
from candlecast.services.live.push_changes import PushChanges
from functions.live_connections.handler import handle
from tests.support.builders import NOW, TENANT
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.live import FakeGateway, FakeLive, a_connection, a_ticket
from tests.support.queue_events import Context

TICKET = "canary-ticket-5d1f"


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch, gateway: FakeGateway) -> FakeLive:
    store, metrics = FakeLive(), RecordingMetrics()
    push = PushChanges(store, gateway, lambda _: None)
    made = LiveConnections(
        OpenConnection(store, store, FakeClock(NOW), metrics),
        store,
        EndConnections(store, gateway, metrics),
        lambda pushed: push(pushes_of(pushed)),
    )
    monkeypatch.setattr(live_connections, "build", lambda: made)
    store.put_ticket(ticket_digest(TICKET), a_ticket())
    return store


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    stream = StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return stream


def route(key: str, **query: str) -> dict[str, Any]:
    about = {"routeKey": key, "connectionId": "connection-1=", "apiId": "api-1", "stage": "live"}
    return {"requestContext": about, "queryStringParameters": query or None, "headers": {"Host": "example.test"}}


def status(event: dict[str, Any]) -> int:
    return int(handle(event, Context())["statusCode"])  # type: ignore[arg-type]


def test_a_ticket_opens_a_connection_once(live: FakeLive, logged: StringIO) -> None:
    assert status(route("$connect", ticket=TICKET)) == 200
    assert live.connections == {"connection-1=": a_connection()}
    assert status(route("$connect", ticket=TICKET)) == 401
    assert "live connection opened" in logged.getvalue()
    assert TICKET not in logged.getvalue()


@pytest.mark.parametrize("query", [{}, {"ticket": "another"}, {"token": TICKET}])
def test_a_handshake_without_a_ticket_of_ours_is_refused(live: FakeLive, query: dict[str, str], logged: StringIO) -> None:
    assert status(route("$connect", **query)) == 401
    assert live.connections == {}
    assert "another" not in logged.getvalue()


def test_a_tenant_with_many_connections_gets_no_further_one(live: FakeLive) -> None:
    for number in range(MAX_CONNECTIONS):
        live.put_connection(a_connection(f"open-{number}"))
    assert status(route("$connect", ticket=TICKET)) == 429


def test_a_store_that_does_not_answer_opens_nothing(live: FakeLive, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*_: object) -> None:
        raise RetryLater("STORE_UNAVAILABLE", "no answer", after_seconds=1)

    monkeypatch.setattr(live, "put_connection", unavailable)
    assert status(route("$connect", ticket=TICKET)) == 503


def test_a_connection_that_is_gone_is_forgotten(live: FakeLive) -> None:
    live.put_connection(a_connection())
    assert status(route("$disconnect")) == 200
    assert live.connections == {}


def test_connections_are_closed_for_the_clock(live: FakeLive, gateway: FakeGateway) -> None:
    for name in ("a", "b"):
        live.put_connection(a_connection(name))
    assert handle({"close": ["a"]}, Context()) == {"closed": 1}  # type: ignore[arg-type]
    assert (gateway.closed, list(live.connections)) == (["a"], ["b"])


def test_changes_are_pushed_for_the_relay(live: FakeLive, gateway: FakeGateway, logged: StringIO) -> None:
    for name in ("a", "b"):
        live.put_connection(a_connection(name))
    gateway.gone = {"b"}
    change = AccountChange(tenant_id=TENANT, account_id="account-1", before=1, sequence=2, orders=("order-1",))
    push = Push(tenant_id=TENANT, connections=(a_connection("a"), a_connection("b")), changes=(change,))
    event = {"push": [json.loads(to_json(push))]}
    assert handle(event, Context()) == {"sent": 1, "gone": 1, "failed": 0}  # type: ignore[arg-type]
    (posted,) = gateway.posted
    assert (posted.connection_id, json.loads(posted.text)["sequence"]) == ("a", 2)
    assert list(live.connections) == ["a"]
    assert "live changes pushed" in logged.getvalue()
