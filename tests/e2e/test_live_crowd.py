"""A thousand connected clients, and a hundred order changes a second put into the relay's stream: each gets its own, all of it.

Latencies are shares of a bare push by the same gateway in the same run; only counts are asserted.
"""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from candlecast.adapters.aws.clients import aws_client
from candlecast.adapters.aws.connections import management_endpoint
from candlecast.adapters.dynamodb.accounts import DynamoAccountStore
from candlecast.adapters.dynamodb.live import DynamoLive
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.system import RandomIdentifiers, SystemClock
from candlecast.domain.account.account import Account
from candlecast.domain.live.connection import Topic
from candlecast.services.live.issue_ticket import IssueTicket
from infra.local.cloud import Cloud
from infra.local.project import BUILD
from tests.support.builders import an_account, an_intent
from tests.support.live_listener import SETTLE_SECONDS, gaps
from tests.support.stage import replay_stack
from tests.support.waiting import WAIT_SECONDS, until

pytestmark = pytest.mark.prove

CLIENTS = 1_000  # each a tenant of its own
CHANGES = 2_000  # two of each account
RATE = 100  # a second, as far as this machine goes: the report has the rate that it was
AWAY = 50  # clients that lose their connection while changes come, and connect again
HANDSHAKES = 8  # at once
HANDSHAKE_TRIES = 60
BARE_PUSHES = 200
FAILED = re.compile(r'"failed":\s*(\d+)')
REPORT = BUILD / "test" / "live_crowd.json"
PUSHED, RELAY, LIVE = "live changes pushed", "candlecast-outbox_relay", "candlecast-live_connections"


@dataclass
class Client:
    """A tenant with one account, and the messages of its connection; `heard` has the time of each."""

    number: int
    account: Account
    heard: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    fetched: set[str] = field(default_factory=set)

    def listen(self, text: str) -> None:
        message = json.loads(text)
        if message.get("type") == "bare":
            self.bare.append(time.monotonic() - message["at"])
        else:
            self.heard.append((time.monotonic(), message))

    @property
    def orders(self) -> set[str]:
        changes = [change for _, message in self.heard for change in message["changes"] if change["topic"] == "orders"]
        return {name for change in changes for name in change["order_ids"]}


@pytest.fixture(scope="module")
def stack(cloud: Cloud) -> Iterator[Cloud]:
    """A stack whose clocks stand still."""
    with pytest.MonkeyPatch.context() as patch:
        replay_stack(cloud)
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        yield cloud


@dataclass
class Crowd:
    """All clients with their sockets, and the accounts that orders change."""

    stack: Cloud
    say: Callable[[str], None]
    clients: list[Client] = field(default_factory=list)
    decided: dict[str, float] = field(default_factory=dict)
    """Order -> when its change was written."""

    def __post_init__(self) -> None:
        table = Table(self.stack.outputs["TableName"])
        self.live, self.accounts = DynamoLive(table), DynamoAccountStore(table, SystemClock())
        self.issue = IssueTicket(self.live, SystemClock(), RandomIdentifiers())

    def settle(self) -> None:
        """Make the accounts."""

        def make(number: int) -> Client:
            account = an_account(f"account-{number}", tenant_id=f"tenant-{number}")
            return Client(number, self.accounts.create(account))

        with ThreadPoolExecutor(HANDSHAKES) as lanes:
            self.clients = list(lanes.map(make, range(CLIENTS)))
        self.stack.wait_until_relayed()

    def url(self, client: Client) -> str:
        text, _ = self.issue(client.account.tenant_id, [Topic.ORDERS], datetime.now(UTC) + timedelta(hours=1))
        return f"{self.stack.outputs['LiveUrl']}?ticket={text}"

    def change(self, number: int) -> None:
        """One order more for the account of a client."""
        client = self.clients[number % CLIENTS]
        account = client.account
        intent = an_intent(signal_id=f"signal-{number}", tenant_id=account.tenant_id, account_id=account.account_id)
        self.decided[intent.intent_id] = time.monotonic()
        client.account = self.accounts.save(account.decide([intent], datetime.now(UTC)))

    def missing(self) -> list[Client]:
        """Clients that have neither heard nor fetched some order of theirs."""
        return [it for it in self.clients if not set(it.account.intents) <= it.orders | it.fetched]

    def failed(self) -> int:
        """How many messages the gateway has not taken: a busy one answers late. Their clients notice the gap, and fetch."""
        return sum(map(int, FAILED.findall(self.stack.logs().get(LIVE, ""))))

    def fetch(self, clients: Sequence[Client]) -> None:
        """Let clients fetch their accounts."""
        for client in clients:
            client.fetched = set(self.accounts.load(client.account.tenant_id, client.account.account_id).intents)


async def connected(crowd: Crowd, session: aiohttp.ClientSession, client: Client, gate: asyncio.Semaphore) -> Any:
    async with gate:
        socket = await handshake(crowd, session, client)
    reading = asyncio.create_task(_read(socket, client))
    return socket, reading


async def handshake(crowd: Crowd, session: aiohttp.ClientSession, client: Client) -> aiohttp.ClientWebSocketResponse:
    """A socket. A stack that is busy refuses a handshake, and each needs a ticket of its own."""
    for _ in range(HANDSHAKE_TRIES):
        try:
            return await session.ws_connect(await asyncio.to_thread(crowd.url, client))
        except aiohttp.WSServerHandshakeError:
            await asyncio.sleep(1)
    raise AssertionError("no handshake succeeds")


async def _read(socket: aiohttp.ClientWebSocketResponse, client: Client) -> None:
    async for heard in socket:
        client.listen(heard.data)


async def ready(check: Callable[[], bool]) -> None:
    await asyncio.to_thread(until, check)


async def story(crowd: Crowd) -> dict[str, Any]:
    gate = asyncio.Semaphore(HANDSHAKES)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=WAIT_SECONDS)
    async with AsyncExitStack() as open_things:
        connector = aiohttp.TCPConnector(limit=0)
        session = await open_things.enter_async_context(aiohttp.ClientSession(timeout=timeout, connector=connector))
        opened = await asyncio.gather(*(connected(crowd, session, client, gate) for client in crowd.clients))
        await ready(lambda: len(crowd.live.all_connections()) == CLIENTS)
        crowd.say(f"{CLIENTS} clients are connected")
        await asyncio.sleep(SETTLE_SECONDS)
        began = time.monotonic()
        away = crowd.clients[:AWAY]
        await paced(crowd, range(CHANGES // 2), began)
        for socket, _ in opened[:AWAY]:
            await socket.close()
        await paced(crowd, range(CHANGES // 2, CHANGES), began + CHANGES / 2 / RATE)
        took = time.monotonic() - began
        for number in range(AWAY):  # what the away miss
            await asyncio.to_thread(crowd.change, CHANGES + number)
        again = await asyncio.gather(*(connected(crowd, session, client, gate) for client in away))
        await asyncio.sleep(SETTLE_SECONDS)
        await asyncio.to_thread(crowd.fetch, away)
        for number in range(AWAY):
            await asyncio.to_thread(crowd.change, CHANGES + CLIENTS + number)
        await ready(lambda: len(crowd.missing()) <= crowd.failed())
        await bare_pushes(crowd)
        for socket, reading in (*opened[AWAY:], *again):
            reading.cancel()
            await socket.close()
    return {"changes": CHANGES, "seconds": round(took, 1), "changes_per_second": round(CHANGES / took, 1)}


async def paced(crowd: Crowd, numbers: range, began: float) -> None:
    """So many changes a second; a machine that is slower takes longer."""
    with ThreadPoolExecutor(4) as lanes:
        loop, pending = asyncio.get_running_loop(), []
        for place, number in enumerate(numbers):
            await asyncio.sleep(max(0.0, began + place / RATE - time.monotonic()))
            pending.append(loop.run_in_executor(lanes, crowd.change, number))
        await asyncio.gather(*pending)


async def bare_pushes(crowd: Crowd) -> None:
    """Posts by the gateway's own client, with nothing before them."""
    management = aws_client("apigatewaymanagementapi", endpoint=management_endpoint(crowd.stack.outputs["LiveUrl"]))
    by_tenant = {each.tenant_id: each.connection_id for each in crowd.live.all_connections()}
    for client in crowd.clients[AWAY : AWAY + BARE_PUSHES]:
        text = json.dumps({"type": "bare", "at": time.monotonic()})
        await asyncio.to_thread(
            management.post_to_connection, ConnectionId=by_tenant[client.account.tenant_id], Data=text.encode()
        )
    await ready(lambda: sum(len(client.bare) for client in crowd.clients) == BARE_PUSHES)


def test_each_of_a_thousand_clients_gets_its_own_changes_and_misses_none(stack: Cloud, say: Callable[[str], None]) -> None:
    crowd = Crowd(stack, say)
    crowd.settle()
    assert LIVE not in stack.logs(), "nothing is invoked while nobody listens"
    report = asyncio.run(story(crowd))
    missing = crowd.missing()
    for client in crowd.clients:
        assert {message["account_id"] for _, message in client.heard} <= {client.account.account_id}
        assert client.orders <= set(client.account.intents)
    for client in crowd.clients[AWAY:]:
        messages = sorted((message for _, message in client.heard), key=lambda each: each["sequence"])
        is_whole = not gaps(messages, 1) and bool(messages) and messages[-1]["sequence"] == client.account.version
        assert is_whole is (client not in missing), "the chain of versions tells the client whether it has missed something"
    logs = stack.logs()
    assert "listeners not told" not in logs[RELAY]
    pushes = logs[LIVE].count(PUSHED)
    batches = logs[RELAY].count('"EventsPublished":')
    assert 0 < pushes <= batches, "an invocation for each batch at most"
    latencies = sorted(
        at - crowd.decided[name]
        for client in crowd.clients[AWAY:]
        for at, message in client.heard
        for change in message["changes"]
        for name in change["order_ids"]
    )
    bare = statistics.median(seconds for client in crowd.clients for seconds in client.bare)
    report |= {
        "clients": CLIENTS,
        "pushes": pushes,
        "batches": batches,
        "missing_a_message": len(missing),
        "failed_posts": crowd.failed(),
        "messages": sum(len(client.heard) for client in crowd.clients),
        "bare_push_ms": round(1_000 * bare, 1),
        "latency_median_in_bare_pushes": round(statistics.median(latencies) / bare, 1),
        "latency_p99_in_bare_pushes": round(latencies[int(0.99 * len(latencies))] / bare, 1),
    }
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1))
    say(", ".join(f"{name} {value}" for name, value in report.items()))
