"""Live connections: where tickets and connections are kept, and the gateway that holds the connections open."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from candlecast.domain.live.change import Push
    from candlecast.domain.live.connection import Connection, Ticket


class TicketStore(Protocol):
    """Tickets by their digests."""

    def put_ticket(self, ticket_digest: str, ticket: Ticket) -> None:
        """Keep a ticket until it expires. Raises `RetryLater`."""
        ...

    def redeem_ticket(self, ticket_digest: str, now: datetime) -> Ticket:
        """The ticket, which is gone with this. Raises `NotFound` for one that is unknown, spent or expired; `RetryLater`."""
        ...


class ConnectionStore(Protocol):
    """Connections that are open, as far as is known. Lists are eventually consistent."""

    def put_connection(self, connection: Connection) -> None:
        """Raises `RetryLater`."""
        ...

    def forget_connections(self, connection_ids: Sequence[str]) -> None:
        """Does nothing for an unknown one. Raises `RetryLater`."""
        ...

    def connections_of(self, tenant_id: str) -> Sequence[Connection]:
        """The connections of a tenant. Raises `RetryLater`."""
        ...

    def all_connections(self) -> Sequence[Connection]:
        """The connections of everybody. Raises `RetryLater`."""
        ...


class Message(NamedTuple):
    """A text for a connection."""

    connection_id: str
    text: str


class Posted(StrEnum):
    """The fate of a message."""

    SENT = "sent"
    GONE = "gone"  # there is no such connection, or not yet
    FAILED = "failed"


class ConnectionGateway(Protocol):
    """The side that holds the sockets."""

    def post_messages(self, messages: Sequence[Message]) -> Sequence[Posted]:
        """The fate of each message, in their order. Never raises for a message that fails."""
        ...

    def close_connections(self, connection_ids: Sequence[str]) -> Sequence[str]:
        """End connections; the answer is those that are gone now. Never raises for a connection that stays open."""
        ...


class LiveTasks(Protocol):
    """Hands work on connections to the function that holds the right to it; nobody waits for the outcome."""

    def ask_to_close(self, connection_ids: Sequence[str]) -> None:
        """Raises `RetryLater` if nobody took it."""
        ...

    def ask_to_push(self, pushes: Sequence[Push]) -> None:
        """Raises `RetryLater` if nobody took it."""
        ...
