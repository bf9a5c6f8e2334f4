"""Accounts: the aggregate is one item, read with one request and written with one (decision 0002).

Its item is read and written through the SDK's own calls. An order makes three such calls, and PynamoDB's rows would take as much
processor time as the requests themselves. Rare requests (creating, listing, transactions) go through rows.

The body is the account as compressed JSON without fields that have their default. Its outbox stands behind the body, so that the
stream delivers the events with the state after them. A usual item stays below the kilobyte by which a write is paid. A small
entry of its own lists the account for its tenant: an index over the item would copy it at every order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from heapq import merge
from typing import Any
from zlib import crc32

from botocore.exceptions import ClientError
from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import TransactWriteError

from candlecast.adapters.codec import from_json
from candlecast.adapters.dynamodb.account_text import packed_texts, stored_texts
from candlecast.adapters.dynamodb.single_table.batch import Item, ask, read_items
from candlecast.adapters.dynamodb.single_table.outbox import outbox_text
from candlecast.adapters.dynamodb.single_table.table import (
    CONDITION_FAILED,
    SEPARATOR,
    VERSIONS_OF_A_GENERATION,
    Row,
    Table,
    cancelled_by,
    key,
    require_tenant,
    require_version,
    sortable,
    store_errors,
)
from candlecast.domain.account.account import Account
from candlecast.domain.reconcile.look_schedule import due_in_turn, due_soon
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.ports.clock import Clock
from candlecast.ports.store import DueAccount

ACCOUNT_KIND = "ACCOUNT"
STATE = "STATE"
IN_TURN, SOON = "RECONCILE", "SOON"
# One index partition takes 1,000 write units a second, and an order up to three: its account comes in or leaves, and moves once.
# An index that cannot follow throttles the table. No order moves the turn of its account.
TURN_SHARDS = 4
SOON_SHARDS = 64  # 21,000 orders a second
ACCOUNT_SCHEMA_VERSION = 2  # 1: body and outbox each by itself, compressed without a dictionary or plain
ACCOUNT_SCHEMA_VERSIONS = frozenset({1, ACCOUNT_SCHEMA_VERSION})
MAX_ACCOUNTS_LISTED = 100  # per tenant, in one answer


class AccountRow(Row):
    """An account's state. `kind` tells the stream's consumer what it is; `version` is what writes are conditional on."""

    kind = UnicodeAttribute(default=ACCOUNT_KIND)
    version = NumberAttribute()
    body = BinaryAttribute(legacy_encoding=False)


class AccountEntryRow(Row):
    """That a tenant has an account."""

    account_id = UnicodeAttribute()


class DynamoAccountStore:
    """`ports.store.AccountStore`; the clock is for the reconcile time that a write puts into the index."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._rows = table.rows(AccountRow)
        self._entries = table.rows(AccountEntryRow)

    def load(self, tenant_id: str, account_id: str) -> Account:
        where = {"PK": {"S": account_key(tenant_id, account_id)}, "SK": {"S": STATE}}
        answer = ask(partial(self._table.client.get_item, TableName=self._table.name, Key=where, ConsistentRead=True))
        if "Item" not in answer:
            raise NotFound("no such account")
        return account_of(answer["Item"], tenant_id)

    def save(self, account: Account) -> Account:
        put = partial(
            self._table.client.put_item,
            TableName=self._table.name,
            Item=account_item(account, self._clock.now(), self._table.generation),
            ConditionExpression="#version = :version",
            ExpressionAttributeNames={"#version": "version"},
            ExpressionAttributeValues={":version": {"N": str(account.version)}},
        )
        try:
            ask(put)
        except ClientError as error:
            if error.response["Error"]["Code"] == CONDITION_FAILED:
                raise Conflict("VERSION_CONFLICT", "the account has changed since it was read") from error
            raise
        return stored_account(account, self._table.generation)

    def create(self, account: Account) -> Account:
        account = replace(account, version=0)
        row = account_row(self._rows, account, self._clock.now(), self._table.generation)
        entry = self._entries(tenant_key(account.tenant_id), key(ACCOUNT_KIND, account.account_id), account_id=account.account_id)
        try:
            with store_errors(), self._table.transaction() as transaction:
                transaction.save(row, condition=self._rows.partition.does_not_exist())
                transaction.save(entry)
        except TransactWriteError as error:
            if cancelled_by(error):
                raise Conflict("ALREADY_EXISTS", "the account exists") from error
            raise
        return stored_account(account, self._table.generation)

    def list_accounts(self, tenant_id: str) -> Sequence[Account]:
        prefix = self._entries.place.startswith(ACCOUNT_KIND + SEPARATOR)
        with store_errors():
            entries = self._entries.query(tenant_key(tenant_id), prefix, consistent_read=True, limit=MAX_ACCOUNTS_LISTED)
            places = [(account_key(tenant_id, entry.account_id), STATE) for entry in entries]
        items = read_items(self._table, places)
        if len(items) < len(places):
            raise NotFound("no such account")
        return [account_of(items[place], tenant_id) for place in places]

    def due_for_reconcile(self, before: datetime) -> Iterator[DueAccount]:
        rows = self._rows
        soon = [self._due_of(rows.by_index4, rows.index4_place, key(SOON, str(shard)), before) for shard in range(SOON_SHARDS)]
        turns = [
            self._due_of(rows.by_index3, rows.index3_place, key(IN_TURN, str(shard)), before) for shard in range(TURN_SHARDS)
        ]
        return merge(*soon, *turns, key=lambda due: due.due_at)

    def _due_of(self, index: Any, place: UnicodeAttribute, shard: str, before: datetime) -> Iterator[DueAccount]:
        wanted = [self._rows.partition.attr_name, place.attr_name]
        with store_errors():
            for row in index.query(shard, place <= sortable(before), attributes_to_get=wanted):
                due_at = row.index4_place or row.index3_place
                yield DueAccount(*names_of(row.partition), datetime.fromisoformat(due_at), in_turn=row.index4_place is None)


def tenant_key(tenant_id: str) -> str:
    """Partition of a tenant's items."""
    return key("TENANT", tenant_id)


def account_key(tenant_id: str, account_id: str) -> str:
    """Partition of one account."""
    return key("TENANT", tenant_id, ACCOUNT_KIND, account_id)


def due_partitions(account_id: str) -> tuple[str, str]:
    """The partitions in which an account is due: of GSI3 at its turn, of GSI4 while an order or position is open."""
    shard = crc32(account_id.encode())
    return key(IN_TURN, str(shard % TURN_SHARDS)), key(SOON, str(shard % SOON_SHARDS))


def names_of(partition: str) -> tuple[str, str]:
    """Tenant and account of such a partition; an attribute of either would be paid for at every write."""
    _, tenant_id, _, account_id = partition.split(SEPARATOR)
    return tenant_id, account_id


def next_version(account: Account, generation: int) -> int:
    """The version that a write gives an account: above all that an earlier generation of the table may have had.

    Ids of events and of new stops are made of versions. After a restore an id must not be one of the lost minutes.
    """
    return max(account.version, (generation - 1) * VERSIONS_OF_A_GENERATION) + 1


def account_item(account: Account, now: datetime, generation: int = 1) -> dict[str, Any]:
    """The item of the next version, with the outbox behind the body and the times of its next looks in their indexes."""
    body = replace(account, version=0, outbox=())  # the version is an attribute, which writes are conditional on
    item: dict[str, Any] = {
        "PK": {"S": account_key(account.tenant_id, account.account_id)},
        "SK": {"S": STATE},
        "kind": {"S": ACCOUNT_KIND},
        "version": {"N": str(next_version(account, generation))},
        "schema_version": {"N": str(ACCOUNT_SCHEMA_VERSION)},
        "body": {"B": packed_texts(body, outbox_text(account))},
    }
    turn_partition, soon_partition = due_partitions(account.account_id)
    turn, soon = due_in_turn(body), due_soon(body, now)
    if turn is not None:
        item |= {"GSI3PK": {"S": turn_partition}, "GSI3SK": {"S": sortable(turn)}}
    if soon is not None:
        item |= {"GSI4PK": {"S": soon_partition}, "GSI4SK": {"S": sortable(soon)}}
    return item


def account_row(rows: type[AccountRow], account: Account, now: datetime, generation: int) -> AccountRow:
    """The same as a row, for a transaction."""
    return rows.from_raw_data(account_item(account, now, generation))


def stored_account(account: Account, generation: int) -> Account:
    """An account once it has been written."""
    return replace(account, version=next_version(account, generation), outbox=())


def account_of(item: Item, tenant_id: str) -> Account:
    """The account of an item; raises `RetryLater` (SCHEMA_UNKNOWN) while a deployment is half way."""
    require_version(int(item["schema_version"]["N"]), ACCOUNT_SCHEMA_VERSIONS)
    body, _ = stored_texts(item, names_of(item["PK"]["S"]))
    account = from_json(Account, body)
    require_tenant(tenant_id, account.tenant_id)
    return replace(account, version=int(item["version"]["N"]))
