"""Backtests: an item each in the partition of their tenant, beside the counts that bound them.

The partition is none of the tenant's own, so that the runner reaches backtests and nothing else of a tenant.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError, TransactWriteError
from pynamodb.expressions.condition import Condition

from candlecast.adapters.codec import from_json, to_json
from candlecast.adapters.dynamodb.single_table.listing import read_page
from candlecast.adapters.dynamodb.single_table.table import (
    SCHEMA_VERSION,
    SEPARATOR,
    Row,
    Table,
    cancelled_by,
    condition_failed,
    key,
    require_schema,
    require_tenant,
    store_errors,
)
from candlecast.domain.backtests.backtest import MAX_A_DAY, MAX_OPEN, Backtest
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.ports.store import Page

BACKTESTS, BACKTEST, OPEN, DAY = "BACKTESTS", "BACKTEST", "OPEN", "DAY"
DAY_RETENTION = timedelta(days=3)  # from the begin of the day that is counted: two days beyond its end
OF_BACKTEST, OF_DAY, OF_OPEN = range(3)  # places of the conditions of a new backtest


class BacktestRow(Row):
    """One backtest; writes are conditional on its version. An open one never expires, since its end makes room for another."""

    version = NumberAttribute()
    body = UnicodeAttribute()
    expires_at = NumberAttribute(null=True)


class CountRow(Row):
    """How many backtests of a tenant are open, or how many tasks were asked for on one day (UTC)."""

    backtests = NumberAttribute()
    expires_at = NumberAttribute(null=True)


class DynamoBacktestStore:
    """`ports.backtests.BacktestStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rows = table.rows(BacktestRow)
        self._counts = table.rows(CountRow)

    def create_backtest(self, backtest: Backtest) -> Backtest:
        stored = replace(backtest, version=1)
        counts, ends = self._counts, int((_begin_of_day(backtest.asked_at) + DAY_RETENTION).timestamp())
        try:
            with store_errors(), self._table.transaction() as transaction:
                transaction.save(self._row(stored), condition=self._rows.partition.does_not_exist())
                transaction.update(
                    self._day_row(backtest),
                    actions=[
                        counts.backtests.add(stored.plan.tasks),
                        counts.expires_at.set(ends),
                        counts.schema_version.set(SCHEMA_VERSION),
                    ],
                    condition=self._has_room(MAX_A_DAY, stored.plan.tasks),
                )
                transaction.update(
                    self._open_row(backtest),
                    actions=[counts.backtests.add(1), counts.schema_version.set(SCHEMA_VERSION)],
                    condition=self._has_room(MAX_OPEN, 1),
                )
        except TransactWriteError as error:
            refused = cancelled_by(error)
            if not refused:
                raise
            raise _refusal(refused) from error
        return stored

    def find_backtest(self, tenant_id: str, backtest_id: str) -> Backtest:
        with store_errors():
            try:
                row = self._rows.get(key(BACKTESTS, tenant_id), key(BACKTEST, backtest_id), consistent_read=True)
            except self._rows.DoesNotExist:
                raise NotFound("no such backtest") from None
        found = _backtest(row)
        require_tenant(tenant_id, found.tenant_id)
        return found

    def save_backtest(self, backtest: Backtest) -> Backtest:
        stored = replace(backtest, version=backtest.version + 1)
        is_unchanged = self._rows.version == backtest.version
        try:
            if stored.status.is_open:
                with store_errors():
                    self._row(stored).save(condition=is_unchanged)
                return stored
            # nothing leads out of an end, so each is counted exactly once
            with store_errors(), self._table.transaction() as transaction:
                transaction.save(self._row(stored), condition=is_unchanged)
                transaction.update(self._open_row(stored), actions=[self._counts.backtests.add(-1)])
        except (PutError, TransactWriteError) as error:
            if condition_failed(error) or (isinstance(error, TransactWriteError) and cancelled_by(error)):
                raise Conflict("VERSION_CONFLICT", "the backtest has changed since it was read") from error
            raise
        return stored

    def list_backtests(self, tenant_id: str, cursor: str | None = None, limit: int = 50) -> Page[Backtest]:
        prefix = self._rows.place.startswith(BACKTEST + SEPARATOR)
        return read_page(self._rows.query, key(BACKTESTS, tenant_id), ("PK", "SK"), _backtest, cursor, limit, prefix)

    def _has_room(self, most: int, added: int) -> Condition:
        room: Condition = self._counts.backtests.does_not_exist() | (self._counts.backtests <= most - added)
        return room

    def _row(self, backtest: Backtest) -> BacktestRow:
        return self._rows(
            key(BACKTESTS, backtest.tenant_id),
            key(BACKTEST, backtest.backtest_id),
            version=backtest.version,
            body=to_json(backtest),
            expires_at=None if backtest.status.is_open else int(backtest.expires_at.timestamp()),
        )

    def _open_row(self, backtest: Backtest) -> CountRow:
        return self._counts(key(BACKTESTS, backtest.tenant_id), OPEN)

    def _day_row(self, backtest: Backtest) -> CountRow:
        return self._counts(key(BACKTESTS, backtest.tenant_id), key(DAY, _begin_of_day(backtest.asked_at).date().isoformat()))


def _begin_of_day(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _refusal(places: frozenset[int]) -> Conflict:
    if OF_BACKTEST in places:
        return Conflict("ALREADY_EXISTS", "there is a backtest of that id already")
    if OF_DAY in places:
        return Conflict("TOO_MANY_BACKTESTS_TODAY", f"at most {MAX_A_DAY} tasks a day (UTC)")
    return Conflict("TOO_MANY_BACKTESTS", f"{MAX_OPEN} backtests wait or run already: wait for one, or cancel it")


def _backtest(row: BacktestRow) -> Backtest:
    require_schema(row)
    return from_json(Backtest, row.body, with_floats=True)  # values of a sweep
