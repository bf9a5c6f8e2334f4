"""Live connections in memory: tickets and connections, the gateway's sockets, and the tasks of the live function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from candlecast.domain.live.change import Push
from candlecast.domain.live.connection import Connection, Ticket, Topic
from candlecast.domain.values.errors import NotFound, RetryLater
from candlecast.ports.live import Message, Posted
from tests.support.builders import TENANT, after


def a_ticket(**changes: Any) -> Ticket:
    """A ticket of the tenant for all topics, good for half a minute from now."""
    values: dict[str, Any] = {
        "tenant_id": TENANT,
        "topics": tuple(sorted(Topic)),
        "expires_at": after(30),
        "connection_ends_at": after(3_600),
    }
    return Ticket(**{**values, **changes})


def a_connection(connection_id: str = "connection-1=", **changes: Any) -> Connection:
    """A connection of the tenant that ends in an hour."""
    values: dict[str, Any] = {"tenant_id": TENANT, "topics": tuple(sorted(Topic)), "ends_at": after(3_600)}
    return Connection(connection_id=connection_id, **{**values, **changes})


@dataclass
class FakeLive:
    """`ports.live.TicketStore` and `ports.live.ConnectionStore`."""

    tickets: dict[str, Ticket] = field(default_factory=dict)
    connections: dict[str, Connection] = field(default_factory=dict)
    lookups: int = 0
    """How often all connections were asked for."""

    def put_ticket(self, ticket_digest: str, ticket: Ticket) -> None:
        self.tickets[ticket_digest] = ticket

    def redeem_ticket(self, ticket_digest: str, now: datetime) -> Ticket:
        found = self.tickets.get(ticket_digest)
        if found is None or found.expires_at <= now:
            raise NotFound("no such ticket")
        return self.tickets.pop(ticket_digest)

    def put_connection(self, connection: Connection) -> None:
        self.connections[connection.connection_id] = connection

    def forget_connections(self, connection_ids: Sequence[str]) -> None:
        for connection_id in connection_ids:
            self.connections.pop(connection_id, None)

    def connections_of(self, tenant_id: str) -> Sequence[Connection]:
        return [each for each in self.connections.values() if each.tenant_id == tenant_id]

    def all_connections(self) -> Sequence[Connection]:
        self.lookups += 1
        return list(self.connections.values())


@dataclass
class FakeGateway:
    """`ports.live.ConnectionGateway`; `unreachable` are connections that it cannot reach now, `gone` those that it has not."""

    closed: list[str] = field(default_factory=list)
    unreachable: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    posted: list[Message] = field(default_factory=list)

    def close_connections(self, connection_ids: Sequence[str]) -> Sequence[str]:
        done = [each for each in connection_ids if each not in self.unreachable]
        self.closed += done
        return done

    def post_messages(self, messages: Sequence[Message]) -> Sequence[Posted]:
        return [self._post(each) for each in messages]

    def _post(self, message: Message) -> Posted:
        if message.connection_id in self.gone:
            return Posted.GONE
        if message.connection_id in self.unreachable:
            return Posted.FAILED
        self.posted.append(message)
        return Posted.SENT


@dataclass
class FakeLiveTasks:
    """`ports.live.LiveTasks`."""

    to_close: list[Sequence[str]] = field(default_factory=list)
    pushed: list[Sequence[Push]] = field(default_factory=list)
    is_down: bool = False

    def ask_to_close(self, connection_ids: Sequence[str]) -> None:
        self.to_close.append(list(connection_ids))

    def ask_to_push(self, pushes: Sequence[Push]) -> None:
        if self.is_down:
            raise RetryLater("LIVE_UNAVAILABLE", "told to fail", after_seconds=1)
        self.pushed.append(pushes)
