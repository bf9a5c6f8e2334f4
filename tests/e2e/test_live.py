"""Live connections on the embedded cloud: a ticket opens one, nobody gets in without, and the end of a token ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import httpx
import pytest

from candlecast.adapters.dynamodb.live import DynamoLive
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.system import RandomIdentifiers, SystemClock
from candlecast.domain.live.connection import MAX_CONNECTIONS, Topic
from candlecast.services.live.issue_ticket import IssueTicket
from infra.local.cloud import Cloud
from infra.local.demo.people import Api, Platform
from infra.local.demo.replay import invoke
from tests.support.stage import replay_stack
from tests.support.waiting import WAIT_SECONDS, until

TICKETS = "/v1/live/tickets"
Answer = aiohttp.WSMsgType


@pytest.fixture(scope="module")
def stack(cloud: Cloud) -> Iterator[Cloud]:
    """A stack whose clocks stand still."""
    with pytest.MonkeyPatch.context() as patch:
        replay_stack(cloud)
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        yield cloud


@pytest.fixture(scope="module")
def platform(stack: Cloud) -> Iterator[Platform]:
    opened = Platform(stack)
    yield opened
    opened.close()


@pytest.fixture
def person(stack: Cloud, platform: Platform) -> Api:
    return platform.as_user(stack.user("listener@example.com"))


@pytest.fixture
def live(stack: Cloud) -> DynamoLive:
    return DynamoLive(Table(stack.outputs["TableName"]))


def url_of(api: Api) -> str:
    return str(api.call("POST", TICKETS, {})["url"])


def with_session[T](work: Callable[[aiohttp.ClientSession], Coroutine[Any, Any, T]]) -> T:
    async def run() -> T:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WAIT_SECONDS)) as session:
            return await work(session)

    return asyncio.run(run())


def refusal(url: str) -> int:
    """The status of a handshake; 101 if it opened a connection."""

    async def work(session: aiohttp.ClientSession) -> int:
        try:
            async with session.ws_connect(url):
                return 101
        except aiohttp.WSServerHandshakeError as error:
            return error.status

    return with_session(work)


def test_a_ticket_opens_one_connection_and_is_spent(stack: Cloud, person: Api, live: DynamoLive) -> None:
    url = url_of(person)
    assert url.startswith(stack.outputs["LiveUrl"] + "?ticket=")

    async def work(session: aiohttp.ClientSession) -> None:
        async with session.ws_connect(url) as socket:
            await socket.send_str("still here")  # reaches no code, and gets no answer
            (known,) = until(lambda: list(live.all_connections()))
            assert set(known.topics) == set(Topic)
            assert known.ends_at <= datetime.now(UTC) + timedelta(hours=2)
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(url)
            assert not socket.closed

    with_session(work)
    assert until(lambda: list(live.all_connections()), lambda found: not found) == []


@pytest.mark.parametrize("query", ["", "?ticket=", "?ticket=unknown", "?token=x"])
def test_nobody_gets_in_without_a_ticket(stack: Cloud, query: str) -> None:
    assert refusal(stack.outputs["LiveUrl"] + query) == 403


def test_nobody_gets_a_ticket_without_a_token(stack: Cloud) -> None:
    assert httpx.post(f"{stack.outputs['ApiUrl']}{TICKETS}", json={}, timeout=WAIT_SECONDS).status_code == 401


def test_the_clock_ends_the_connection_of_an_ended_token(stack: Cloud, live: DynamoLive) -> None:
    issue = IssueTicket(live, SystemClock(), RandomIdentifiers())
    text, ticket = issue("tenant-that-leaves", list(Topic), datetime.now(UTC) + timedelta(seconds=20))
    stays, _ = issue("tenant-that-stays", list(Topic), datetime.now(UTC) + timedelta(hours=1))

    async def work(session: aiohttp.ClientSession) -> None:
        address = stack.outputs["LiveUrl"] + "?ticket="
        async with session.ws_connect(address + text) as leaving, session.ws_connect(address + stays) as staying:
            await asyncio.sleep(max(0.0, (ticket.connection_ends_at - datetime.now(UTC)).total_seconds()))
            event = {"scheduled_time": datetime.now(UTC).isoformat()}
            await asyncio.to_thread(invoke, stack, "ReconcileClockFunctionName", event)
            assert (await leaving.receive(timeout=WAIT_SECONDS)).type in {Answer.CLOSE, Answer.CLOSED, Answer.CLOSING}
            assert not staying.closed
            found = await asyncio.to_thread(
                until, lambda: {it.tenant_id for it in live.all_connections()}, lambda found: len(found) == 1
            )
            assert found == {"tenant-that-stays"}

    with_session(work)


def test_a_tenant_has_a_bounded_number_of_connections(person: Api, live: DynamoLive) -> None:
    urls = [url_of(person) for _ in range(MAX_CONNECTIONS + 1)]

    async def work(session: aiohttp.ClientSession) -> None:
        opened = [await session.ws_connect(url) for url in urls[:-1]]
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(urls[-1])
        for socket in opened:
            await socket.close()

    with_session(work)
    until(lambda: list(live.all_connections()), lambda found: not found)  # each farewell makes room


def test_no_log_holds_a_ticket(stack: Cloud, person: Api) -> None:
    url = url_of(person)
    assert refusal(url) == 101
    assert refusal(url) == 403
    ticket = url.partition("ticket=")[2]
    logs = stack.logs()
    assert any("live connection opened" in text for text in logs.values())
    assert [name for name, text in logs.items() if ticket in text] == []
