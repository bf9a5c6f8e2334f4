"""Tries at messages, in partitions of their own: a role that counts them writes nothing else by that right."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from candlecast.adapters.dynamodb.single_table.batch import ask
from candlecast.adapters.dynamodb.single_table.table import SCHEMA_VERSION, Table, key
from candlecast.ports.clock import Clock

RETENTION = timedelta(days=15)  # a queue keeps a message for fourteen days at most


class DynamoAttempts:
    """`ports.queue.Attempts`, with one write for each call and no read."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table, self._clock = table, clock

    def begin(self, message_id: str, before: int) -> int:
        found = self._update(message_id, "SET #schema_version = :version, #expires_at = :until ADD #tries :tries", before + 1)
        return int(found["tries"]["N"]) - 1

    def end(self, message_id: str, tries: int) -> None:
        self._update(message_id, "SET #schema_version = :version, #expires_at = :until, #tries = :tries", tries)

    def _update(self, message_id: str, expression: str, tries: int) -> Any:
        until = int((self._clock.now() + RETENTION).timestamp())
        numbers = {":tries": tries, ":version": SCHEMA_VERSION, ":until": until}
        asked = partial(
            self._table.client.update_item,
            TableName=self._table.name,
            Key={"PK": {"S": key("ATTEMPT", message_id)}, "SK": {"S": "STATE"}},
            UpdateExpression=expression,
            ExpressionAttributeNames={f"#{name}": name for name in ("tries", "schema_version", "expires_at")},
            ExpressionAttributeValues={name: {"N": str(number)} for name, number in numbers.items()},
            ReturnValues="ALL_NEW",
        )
        return ask(asked)["Attributes"]
