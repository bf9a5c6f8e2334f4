"""The newest health of the deployment: one item, written each minute. Plain calls of the SDK."""

from __future__ import annotations

from functools import partial

from candlecast.adapters.codec import from_json, to_json
from candlecast.adapters.dynamodb.single_table.batch import ask
from candlecast.adapters.dynamodb.single_table.table import SCHEMA_VERSION, Table, require_version
from candlecast.domain.health.health import Health

HEALTH_KEY = {"PK": {"S": "HEALTH"}, "SK": {"S": "STATE"}}


class DynamoHealth:
    """`ports.health.HealthStore`, and the probe of the table that it lies in."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def load_health(self) -> Health | None:
        answer = ask(partial(self._table.client.get_item, TableName=self._table.name, Key=HEALTH_KEY))
        if "Item" not in answer:
            return None
        require_version(int(answer["Item"]["schema_version"]["N"]))
        return from_json(Health, answer["Item"]["body"]["S"])

    def save_health(self, health: Health) -> None:
        item = {**HEALTH_KEY, "schema_version": {"N": str(SCHEMA_VERSION)}, "body": {"S": to_json(health)}}
        ask(partial(self._table.client.put_item, TableName=self._table.name, Item=item))

    def check(self) -> None:
        """`ports.health.Probe`: the table answers if the item, or its absence, can be read."""
        self.load_health()
