"""Accounts: the aggregate is one item, read with one request and written with one (D2).

The body is the account as compressed JSON without what has its default; its outbox lies beside it, so that the stream delivers
the events with the state that they tell of. A small entry of its own lists the account for its tenant: an index over the item
would copy it at every order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from heapq import merge
from zlib import crc32

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError, TransactWriteError

from candlecast.adapters.codec import from_json, to_sparse_json
from candlecast.adapters.dynamodb.outbox import outbox_text
from candlecast.adapters.dynamodb.table import (
    SEPARATOR,
    CompressedAttribute,
    Row,
    Table,
    cancelled_by,
    condition_failed,
    key,
    require_schema,
    require_tenant,
    sortable,
    store_errors,
)
from candlecast.domain.account import Account
from candlecast.domain.errors import Conflict, NotFound
from candlecast.domain.look_schedule import next_due
from candlecast.ports.clock import Clock
from candlecast.ports.store import DueAccount

ACCOUNT_KIND = "ACCOUNT"
STATE = "STATE"
# One index partition takes 1,000 write units a second. Every write of an open account moves its due time, which costs two (out
# and in), and an index that cannot follow throttles the table.
RECONCILE_SHARDS = 4
MAX_ACCOUNTS_LISTED = 100  # per tenant, in one answer


class AccountRow(Row):
    """An account's state. `kind` tells the stream's consumer what it is; `version` is what writes are conditional on."""

    kind = UnicodeAttribute(default=ACCOUNT_KIND)
    tenant_id = UnicodeAttribute()
    account_id = UnicodeAttribute()
    version = NumberAttribute()
    status = UnicodeAttribute()
    body = CompressedAttribute()
    outbox = CompressedAttribute()


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
        with store_errors():
            try:
                row = self._rows.get(account_key(tenant_id, account_id), STATE, consistent_read=True)
            except self._rows.DoesNotExist:
                raise NotFound("no such account") from None
        return _account(row, tenant_id)

    def save(self, account: Account) -> Account:
        row = account_row(self._rows, account, self._clock.now())
        try:
            with store_errors():
                row.save(condition=self._rows.version == account.version)
        except PutError as error:
            if condition_failed(error):
                raise Conflict("VERSION_CONFLICT", "the account has changed since it was read") from error
            raise
        return stored_account(account)

    def create(self, account: Account) -> Account:
        account = replace(account, version=0)
        row = account_row(self._rows, account, self._clock.now())
        entry = self._entries(tenant_key(account.tenant_id), key(ACCOUNT_KIND, account.account_id), account_id=account.account_id)
        try:
            with store_errors(), self._table.transaction() as transaction:
                transaction.save(row, condition=self._rows.partition.does_not_exist())
                transaction.save(entry)
        except TransactWriteError as error:
            if cancelled_by(error):
                raise Conflict("ALREADY_EXISTS", "the account exists") from error
            raise
        return stored_account(account)

    def list_accounts(self, tenant_id: str) -> Sequence[Account]:
        prefix = self._entries.place.startswith(ACCOUNT_KIND + SEPARATOR)
        with store_errors():
            entries = self._entries.query(tenant_key(tenant_id), prefix, consistent_read=True, limit=MAX_ACCOUNTS_LISTED)
            names = [entry.account_id for entry in entries]
        # one by one: a batch repeats what is throttled without a pause or an end, and a tenant has few accounts
        return [self.load(tenant_id, name) for name in names]

    def due_for_reconcile(self, before: datetime) -> Iterator[DueAccount]:
        shards = (self._due_of_shard(shard, before) for shard in range(RECONCILE_SHARDS))
        return merge(*shards, key=lambda due: due.due_at)

    def _due_of_shard(self, shard: int, before: datetime) -> Iterator[DueAccount]:
        with store_errors():
            due = self._rows.by_index3.query(
                key("RECONCILE", str(shard)),
                self._rows.index3_place <= sortable(before),
                attributes_to_get=["tenant_id", "account_id", self._rows.index3_place.attr_name],
            )
            for row in due:
                yield DueAccount(row.tenant_id, row.account_id, datetime.fromisoformat(row.index3_place))


def tenant_key(tenant_id: str) -> str:
    """Partition of what a tenant owns."""
    return key("TENANT", tenant_id)


def account_key(tenant_id: str, account_id: str) -> str:
    """Partition of one account."""
    return key("TENANT", tenant_id, ACCOUNT_KIND, account_id)


def account_row(rows: type[AccountRow], account: Account, now: datetime) -> AccountRow:
    """The item of version + 1, with the outbox beside the body and the time of the next reconciliation in its index."""
    stored = stored_account(account)
    row = rows(
        account_key(account.tenant_id, account.account_id),
        STATE,
        tenant_id=account.tenant_id,
        account_id=account.account_id,
        version=stored.version,
        status=account.status.value,
        body=to_sparse_json(stored),
        outbox=outbox_text(account),
    )
    due = next_due(stored, now)
    if due is not None:
        row.index3_partition = key("RECONCILE", str(crc32(account.account_id.encode()) % RECONCILE_SHARDS))
        row.index3_place = sortable(due)
    return row


def stored_account(account: Account) -> Account:
    """What an account is once it has been written."""
    return replace(account, version=account.version + 1, outbox=())


def _account(row: AccountRow, tenant_id: str) -> Account:
    require_schema(row)
    account = from_json(Account, row.body)
    require_tenant(tenant_id, account.tenant_id)
    return replace(account, version=int(row.version))
