"""Tickets of live connections, and the connections: items of their own, which lead to nothing else.

A connection lies under its own id, since the gateway tells no more when a connection is gone. One index partition lists all
connections, keys alone: `LIVE` / tenant#end#topics. The lookup of a tenant, and that of everybody who listens, read it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from candlecast.adapters.codec import from_json, to_json
from candlecast.adapters.dynamodb.single_table.batch import Item, ask, query_items
from candlecast.adapters.dynamodb.single_table.table import (
    CONDITION_FAILED,
    SCHEMA_VERSION,
    SEPARATOR,
    Table,
    key,
    require_version,
    sortable,
)
from candlecast.adapters.lanes import side_by_side
from candlecast.domain.live.connection import CONNECTION_LIFE, Connection, Ticket, Topic
from candlecast.domain.values.errors import NotFound

TICKET, CONNECTION, LIVE, STATE = "TICKET", "CONNECTION", "LIVE", "STATE"
BETWEEN_TOPICS = "+"
MAX_LISTED = 10_000  # connections in one listing, some 2 MB of keys: those beyond hear nothing


class DynamoLive:
    """`ports.live.TicketStore` and `ports.live.ConnectionStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put_ticket(self, ticket_digest: str, ticket: Ticket) -> None:
        item = {
            "PK": {"S": key(TICKET, ticket_digest)},
            "SK": {"S": STATE},
            "schema_version": {"N": str(SCHEMA_VERSION)},
            "body": {"S": to_json(ticket)},
            "valid_until": {"S": sortable(ticket.expires_at)},
            "expires_at": _seconds(ticket.expires_at),
        }
        ask(partial(self._table.client.put_item, TableName=self._table.name, Item=item))

    def redeem_ticket(self, ticket_digest: str, now: datetime) -> Ticket:
        delete = partial(
            self._table.client.delete_item,
            TableName=self._table.name,
            Key={"PK": {"S": key(TICKET, ticket_digest)}, "SK": {"S": STATE}},
            ConditionExpression="valid_until > :now",
            ExpressionAttributeValues={":now": {"S": sortable(now)}},
            ReturnValues="ALL_OLD",
        )
        try:
            item = ask(delete)["Attributes"]
        except ClientError as error:
            if error.response["Error"]["Code"] != CONDITION_FAILED:
                raise
            raise NotFound("no such ticket") from None
        require_version(int(item["schema_version"]["N"]))
        return from_json(Ticket, item["body"]["S"])

    def put_connection(self, connection: Connection) -> None:
        partition, place = _index_key(connection)
        item = {
            **_key_of(connection.connection_id),
            "schema_version": {"N": str(SCHEMA_VERSION)},
            "GSI4PK": {"S": partition},
            "GSI4SK": {"S": place},
            # DynamoDB may delete it at once then. The clock must have found it before, or the gateway have ended it.
            "expires_at": _seconds(connection.ends_at + CONNECTION_LIFE),
        }
        ask(partial(self._table.client.put_item, TableName=self._table.name, Item=item))

    def forget_connections(self, connection_ids: Sequence[str]) -> None:
        side_by_side(self._forget, connection_ids)

    def _forget(self, connection_id: str) -> None:
        ask(partial(self._table.client.delete_item, TableName=self._table.name, Key=_key_of(connection_id)))

    def connections_of(self, tenant_id: str) -> Sequence[Connection]:
        return self._listed("GSI4PK = :live AND begins_with(GSI4SK, :tenant)", {":tenant": {"S": key(tenant_id) + SEPARATOR}})

    def all_connections(self) -> Sequence[Connection]:
        return self._listed("GSI4PK = :live", {})

    def _listed(self, condition: str, values: dict[str, Any]) -> Sequence[Connection]:
        found: Iterator[Item] = query_items(
            self._table,
            IndexName="GSI4",
            KeyConditionExpression=condition,
            ExpressionAttributeValues={":live": {"S": LIVE}, **values},
        )
        return [_connection(item) for item in islice(found, MAX_LISTED)]


def _key_of(connection_id: str) -> dict[str, Any]:
    return {"PK": {"S": key(CONNECTION, connection_id)}, "SK": {"S": STATE}}


def _index_key(connection: Connection) -> tuple[str, str]:
    topics = BETWEEN_TOPICS.join(connection.topics)
    return LIVE, key(connection.tenant_id, sortable(connection.ends_at), topics)


def _connection(item: Item) -> Connection:
    """A connection from its keys alone, which are all that the index holds."""
    _, connection_id = item["PK"]["S"].split(SEPARATOR)
    tenant_id, ends_at, topics = item["GSI4SK"]["S"].split(SEPARATOR)
    return Connection(
        connection_id=connection_id,
        tenant_id=tenant_id,
        topics=tuple(Topic(it) for it in topics.split(BETWEEN_TOPICS)),
        ends_at=datetime.fromisoformat(ends_at),
    )


def _seconds(instant: datetime) -> dict[str, str]:
    return {"N": str(int(instant.timestamp()))}
