"""The golden items of live connections: a ticket, and a connection."""

from __future__ import annotations

from candlecast.adapters.dynamodb.live import DynamoLive
from candlecast.domain.live.connection import Connection, Ticket, Topic, ticket_digest
from tests.golden.cases import Case, stored
from tests.golden.times import NOW, at
from tests.golden.values import TENANT

DIGEST = ticket_digest("golden-ticket")


def _ticket() -> Ticket:
    topics = (Topic.ORDERS, Topic.SIGNALS)
    return Ticket(tenant_id=TENANT, topics=topics, expires_at=at(30), connection_ends_at=at(3_600))


def _connection() -> Connection:
    topics = (Topic.ORDERS, Topic.POSITIONS)
    return Connection(connection_id="L0SM9cOFvHcCIhw=", tenant_id=TENANT, topics=topics, ends_at=at(3_600.25))


LIVE: tuple[Case, ...] = (
    stored(
        "live",
        "ticket",
        _ticket,
        lambda world: DynamoLive(world.table).put_ticket(DIGEST, _ticket()),
        lambda world: DynamoLive(world.table).redeem_ticket(DIGEST, NOW),
    ),
    stored(
        "live",
        "connection",
        _connection,
        lambda world: DynamoLive(world.table).put_connection(_connection()),
        lambda world: DynamoLive(world.table).all_connections()[0],
    ),
)
