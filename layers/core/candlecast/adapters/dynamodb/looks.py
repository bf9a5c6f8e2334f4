"""Leases on accounts by requests for looks, and the reconcile clock's window.

Plain calls of the SDK: the clock writes thousands in a minute. A lease is no part of the account's item, because every change of
that item moves index entries and meets the executor's versions. A lease has a partition of its own, so that the clock's role
writes no account.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import batched
from typing import Any

from botocore.exceptions import ClientError

from candlecast.adapters.codec import from_json, to_json
from candlecast.adapters.dynamodb.single_table.batch import Item, ask, read_items
from candlecast.adapters.dynamodb.single_table.table import (
    CONDITION_FAILED,
    RETRY_AFTER_SECONDS,
    SCHEMA_VERSION,
    SEPARATOR,
    Table,
    key,
    require_version,
    sortable,
)
from candlecast.adapters.lanes import side_by_side
from candlecast.domain.reconcile.look_lease import LeasePlace, LookLease
from candlecast.domain.reconcile.look_window import LookWindow
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import RetryLater

BATCH = 25  # what DynamoDB takes in one BatchWriteItem
WINDOW_KEY = {"PK": {"S": "LOOKS"}, "SK": {"S": "WINDOW"}}
SCHEMA_VERSIONS = frozenset({SCHEMA_VERSION})


class DynamoLooks:
    """`ports.looks.LookLeases` and `ports.looks.LookWindows`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, places: Collection[LeasePlace]) -> Mapping[LeasePlace, LookLease]:
        items = read_items(self._table, [lease_key(place) for place in places], consistent=False)
        leases = map(_lease_of, items.values())
        return {lease.place: lease for lease in leases}

    def keep(self, leases: Sequence[LookLease]) -> None:
        items = list({lease.place: _item_of(lease) for lease in leases}.values())  # a batch takes a key once
        if len(items) == 1:
            ask(partial(self._table.client.put_item, TableName=self._table.name, Item=items[0]))
            return
        if any(side_by_side(self._write, list(batched(items, BATCH, strict=False)))):
            raise RetryLater("STORE_UNAVAILABLE", "part of a batch was throttled", after_seconds=RETRY_AFTER_SECONDS)

    def end(self, lease: LookLease) -> None:
        put = partial(
            self._table.client.put_item,
            TableName=self._table.name,
            Item=_item_of(replace(lease, until=lease.asked_at)),
            ConditionExpression="#asked_at = :asked_at",
            ExpressionAttributeNames={"#asked_at": "asked_at"},
            ExpressionAttributeValues={":asked_at": {"S": sortable(lease.asked_at)}},
        )
        try:
            ask(put)
        except ClientError as error:
            if error.response["Error"]["Code"] != CONDITION_FAILED:
                raise

    def load_window(self) -> LookWindow:
        answer = ask(partial(self._table.client.get_item, TableName=self._table.name, Key=WINDOW_KEY, ConsistentRead=True))
        if "Item" not in answer:
            return LookWindow()
        require_version(int(answer["Item"]["schema_version"]["N"]), SCHEMA_VERSIONS)
        return from_json(LookWindow, answer["Item"]["body"]["S"])

    def save_window(self, window: LookWindow) -> None:
        item = {**WINDOW_KEY, "schema_version": {"N": str(SCHEMA_VERSION)}, "body": {"S": to_json(window)}}
        ask(partial(self._table.client.put_item, TableName=self._table.name, Item=item))

    def _write(self, items: Sequence[Item]) -> bool:
        """Whether a part of the batch was not taken."""
        requests = {self._table.name: [{"PutRequest": {"Item": item}} for item in items]}
        return bool(ask(partial(self._table.client.batch_write_item, RequestItems=requests)).get("UnprocessedItems"))


def lease_key(place: LeasePlace) -> tuple[str, str]:
    """Where a lease lies."""
    return key("LOOK", place.tenant_id, place.account_id), "TURN" if place.in_turn else "ORDERS"


def _item_of(lease: LookLease) -> dict[str, Any]:
    partition, place = lease_key(lease.place)
    item = {
        "PK": {"S": partition},
        "SK": {"S": place},
        "schema_version": {"N": str(SCHEMA_VERSION)},
        "look_at": {"S": sortable(lease.look_at)},
        "until": {"S": sortable(lease.until)},
        "asked_at": {"S": sortable(lease.asked_at)},
        "awaited": {"BOOL": lease.awaited},
    }
    return item if lease.turn is None else {**item, "turn": {"S": sortable(lease.turn)}}


def _lease_of(item: Item) -> LookLease:
    require_version(int(item["schema_version"]["N"]), SCHEMA_VERSIONS)
    _, tenant_id, account_id = item["PK"]["S"].split(SEPARATOR)
    return LookLease(
        tenant_id=tenant_id,
        account_id=account_id,
        look_at=datetime.fromisoformat(item["look_at"]["S"]),
        until=datetime.fromisoformat(item["until"]["S"]),
        asked_at=datetime.fromisoformat(item["asked_at"]["S"]),
        awaited=item["awaited"]["BOOL"],
        turn=datetime.fromisoformat(item["turn"]["S"]) if "turn" in item else None,
    )
