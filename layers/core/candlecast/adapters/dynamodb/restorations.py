"""The marker of a restored table: one item, which the command writes and the reconciler reads for accounts that are behind."""

from __future__ import annotations

from functools import partial

from candlecast.adapters.codec import from_json, to_json
from candlecast.adapters.dynamodb.single_table.batch import ask
from candlecast.adapters.dynamodb.single_table.table import SCHEMA_VERSION, Table, require_version
from candlecast.domain.reconcile.restoration import Restoration

MARKER = {"PK": {"S": "RESTORATION"}, "SK": {"S": "STATE"}}
SCHEMA_VERSIONS = frozenset({SCHEMA_VERSION})


class DynamoRestorations:
    """`ports.restorations.Restorations`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self) -> Restoration | None:
        answer = ask(partial(self._table.client.get_item, TableName=self._table.name, Key=MARKER, ConsistentRead=True))
        if "Item" not in answer:
            return None
        require_version(int(answer["Item"]["schema_version"]["N"]), SCHEMA_VERSIONS)
        return from_json(Restoration, answer["Item"]["body"]["S"])

    def put(self, restoration: Restoration) -> None:
        item = {**MARKER, "schema_version": {"N": str(SCHEMA_VERSION)}, "body": {"S": to_json(restoration)}}
        ask(partial(self._table.client.put_item, TableName=self._table.name, Item=item))
