"""A client's connection, which reports changes, and the ticket that opens one connection once.

A browser can send no header with a WebSocket, so a token of the API cannot come along. The ticket stands in for the token: it
takes over the tenant and the end of the token's life, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from candlecast.domain.values.ids import digest

TICKET_LIFE = timedelta(seconds=30)  # from the answer of the API to the handshake: a slow network needs ten
# API Gateway ends a connection after two hours: docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
CONNECTION_LIFE = timedelta(hours=2)
MAX_CONNECTIONS = 20  # of a tenant: some people, each with a few windows; it bounds the messages that one change makes
MAX_TICKET_CHARACTERS = 64


class Topic(StrEnum):
    """A subject that a client listens to. Each is the caller's own: orders, positions, decisions on signals."""

    ORDERS = "orders"
    POSITIONS = "positions"
    SIGNALS = "signals"


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """Opens one connection for its tenant until `expires_at`; the connection ends at `connection_ends_at`."""

    tenant_id: str
    topics: tuple[Topic, ...]
    expires_at: datetime
    connection_ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Open until `ends_at` at the latest. `connection_id` is the gateway's."""

    connection_id: str
    tenant_id: str
    topics: tuple[Topic, ...]
    ends_at: datetime


def ticket_digest(ticket: str) -> str:
    """The stored form of a ticket: a reader of the table opens nothing with it."""
    return digest("live-ticket", ticket)
