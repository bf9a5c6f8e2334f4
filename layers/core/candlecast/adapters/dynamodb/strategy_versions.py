"""Versions and changes of strategies: items that are written once, beside the definition that they belong to."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.transactions import TransactWrite

from candlecast.adapters.codec import from_json, list_to_json, to_json
from candlecast.adapters.dynamodb.single_table.listing import read_page
from candlecast.adapters.dynamodb.single_table.table import (
    SEPARATOR,
    VERSIONS_OF_A_GENERATION,
    CompressedAttribute,
    Row,
    Table,
    key,
    require_schema,
    store_errors,
)
from candlecast.domain.strategies.versions import StrategyChange, StrategyVersion
from candlecast.domain.values.errors import NotFound
from candlecast.ports.store import Page

if TYPE_CHECKING:
    from candlecast.ports.filters import VersionFilter

CHANGE_KIND = "STRATEGY_CHANGE"
VERSION, CHANGE = "VERSION", "CHANGE"
DIGITS = 9  # of a number in a place, so that places sort as numbers do; more than any strategy has versions or changes
PLATFORM = "PLATFORM"  # the tenant in events of strategies without an owner, as in those of kill switches


class VersionRow(Row):
    """A version."""

    body = UnicodeAttribute()


class ChangeRow(Row):
    """A change. The attributes before the body are what the stream's consumer reads of an account, too."""

    kind = UnicodeAttribute(default=CHANGE_KIND)
    tenant_id = UnicodeAttribute()
    account_id = UnicodeAttribute()
    version = NumberAttribute()
    outbox = CompressedAttribute()
    body = UnicodeAttribute()


class VersionRows:
    """Reads versions and changes, and puts new ones into the transaction of their strategy."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._versions = table.rows(VersionRow)
        self._changes = table.rows(ChangeRow)

    def put_version(self, transaction: TransactWrite, version: StrategyVersion) -> None:
        row = self._versions(strategy_key(version.strategy_id), _place(VERSION, version.number), body=to_json(version))
        transaction.save(row, condition=self._versions.partition.does_not_exist())

    def put_change(self, transaction: TransactWrite, change: StrategyChange, owner: str | None) -> None:
        from candlecast.domain.account.events import Event, EventType  # with the rules on orders, which no clock loads

        event = Event(type=EventType(change.type), occurred_at=change.changed_at, strategy_change=change)
        row = self._changes(
            strategy_key(change.strategy_id),
            _place(CHANGE, change.revision),
            tenant_id=owner or PLATFORM,
            account_id=f"STRATEGY-{change.strategy_id}",
            # above the versions of the table's earlier generations, as an account's: the event's id is made of it
            version=(self._table.generation - 1) * VERSIONS_OF_A_GENERATION + change.revision,
            outbox=list_to_json(Event, (event,)),
            body=to_json(change),
        )
        transaction.save(row, condition=self._changes.partition.does_not_exist())

    def get_version(self, strategy_id: str, number: int) -> StrategyVersion:
        """Raises `NotFound`."""
        with store_errors():
            try:
                row = self._versions.get(strategy_key(strategy_id), _place(VERSION, number), consistent_read=True)
            except self._versions.DoesNotExist:
                raise NotFound("no such version") from None
        return _version(row)

    def list_versions(self, strategy_id: str, where: VersionFilter, cursor: str | None, limit: int) -> Page[StrategyVersion]:
        def fitting(row: VersionRow) -> StrategyVersion | None:
            version = _version(row)
            return version if where.window.covers(version.created_at) and where.fits(version) else None

        return read_page(
            partial(self._versions.query, consistent_read=True),
            strategy_key(strategy_id),
            ("PK", "SK"),
            fitting,
            cursor,
            limit,
            self._versions.place.startswith(VERSION + SEPARATOR),
            ascending=where.window.ascending,
            filtered=where.window.is_bounded or bool(where.conditions),  # a version's key has its number, and no time
        )

    def list_changes(self, strategy_id: str, cursor: str | None, limit: int) -> Page[StrategyChange]:
        query = partial(self._changes.query, consistent_read=True)
        prefix = self._changes.place.startswith(CHANGE + SEPARATOR)
        return read_page(query, strategy_key(strategy_id), ("PK", "SK"), _change, cursor, limit, prefix)


def strategy_key(strategy_id: str) -> str:
    """Partition of one strategy: its definition, its versions, its executions, its statistics."""
    return key("STRATEGY", strategy_id)


def _place(kind: str, number: int) -> str:
    return key(kind, f"{number:0{DIGITS}}")


def _version(row: VersionRow) -> StrategyVersion:
    require_schema(row)
    return from_json(StrategyVersion, row.body)


def _change(row: ChangeRow) -> StrategyChange:
    require_schema(row)
    return from_json(StrategyChange, row.body)
