"""An account's item as it lies in the table, decoded for an operator: the console of AWS shows compressed bytes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from candlecast.adapters.dynamodb.account_text import stored_texts
from candlecast.adapters.dynamodb.accounts import STATE, account_key, account_of, names_of
from candlecast.adapters.dynamodb.single_table.batch import Item, ask
from candlecast.adapters.dynamodb.single_table.outbox import outbox_events
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.domain.account.account import Account
from candlecast.domain.account.events import Event
from candlecast.domain.values.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAccount:
    """An account with the other attributes of its item."""

    account: Account
    events: tuple[Event, ...]  # of the last write; the stream has carried them on
    schema_version: int
    size_bytes: int  # names and values, as DynamoDB bills them
    look_in_turn: str | None  # when the account's turn comes at the reconciler
    look_soon: str | None  # when the reconciler looks for something open


def inspect_account(table: Table, tenant_id: str, account_id: str) -> StoredAccount:
    """Read and decode the item, strongly consistent. Raises `NotFound`, `RetryLater` (STORE_UNAVAILABLE, SCHEMA_UNKNOWN)."""
    where = {"PK": {"S": account_key(tenant_id, account_id)}, "SK": {"S": STATE}}
    answer = ask(partial(table.client.get_item, TableName=table.name, Key=where, ConsistentRead=True))
    if "Item" not in answer:
        raise NotFound("no such account")
    item: Item = answer["Item"]
    account = account_of(item, tenant_id)
    _, outbox = stored_texts(item, names_of(item["PK"]["S"]))
    return StoredAccount(
        account=account,
        events=outbox_events(outbox, lambda: account) if outbox else (),
        schema_version=int(item["schema_version"]["N"]),
        size_bytes=sum(len(name) + len(next(iter(value.values()))) for name, value in item.items()),
        look_in_turn=item.get("GSI3SK", {}).get("S"),
        look_soon=item.get("GSI4SK", {}).get("S"),
    )
