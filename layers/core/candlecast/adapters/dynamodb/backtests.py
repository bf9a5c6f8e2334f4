"""Backtests: an item each in the partition of their tenant, beside the counts that bound them.

The partition is none of the tenant's own, so that the runner reaches backtests and nothing else of a tenant.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError, TransactWriteError, UpdateError
from pynamodb.expressions.condition import Condition

from candlecast.adapters.codec import from_json, to_json
from candlecast.adapters.dynamodb.single_table.listing import read_page, within
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
    sortable,
    store_errors,
)
from candlecast.domain.backtests.backtest import KEY_DAYS, MAX_A_DAY, MAX_OPEN, Backtest, time_in_id
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.domain.values.ids import digest
from candlecast.ports.backtests import FirstRequest, RequestKey
from candlecast.ports.store import Page

if TYPE_CHECKING:
    from candlecast.ports.filters import BacktestFilter

BACKTESTS, BACKTEST, OPEN, DAY, KEY = "BACKTESTS", "BACKTEST", "OPEN", "DAY", "KEY"
UNSENT = "BACKTESTS_UNSENT"  # of the index: backtests whose tasks were perhaps never sent
DAY_RETENTION = timedelta(days=3)  # from the begin of the day that is counted: two days beyond its end


class BacktestRow(Row):
    """One backtest; writes are conditional on its version. An open one never expires, since its end makes room for another.

    The index has it from its creation until its tasks are sent.
    """

    version = NumberAttribute()
    body = UnicodeAttribute()
    expires_at = NumberAttribute(null=True)


class CountRow(Row):
    """How many backtests of a tenant are open, or how many tasks were asked for on one day (UTC)."""

    backtests = NumberAttribute()
    expires_at = NumberAttribute(null=True)


class KeyRow(Row):
    """The backtest that a key of a request was used for."""

    backtest_id = UnicodeAttribute()
    asked_for = UnicodeAttribute()
    """Digest of the request."""
    expires_at = NumberAttribute()


class DynamoBacktestStore:
    """`ports.backtests.BacktestStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rows = table.rows(BacktestRow)
        self._counts = table.rows(CountRow)
        self._keys = table.rows(KeyRow)

    def create_backtest(self, backtest: Backtest, key: RequestKey | None = None) -> Backtest:
        stored = replace(backtest, version=1)
        counts, ends = self._counts, int((_begin_of_day(backtest.asked_at) + DAY_RETENTION).timestamp())
        row = self._row(stored)
        row.index2_partition, row.index2_place = UNSENT, sortable(stored.asked_at)
        try:
            with store_errors(), self._table.transaction() as transaction:
                transaction.save(row, condition=self._rows.partition.does_not_exist())
                if key is not None:
                    transaction.save(self._key_row(stored, key), condition=self._is_free(stored.asked_at))
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
            raise _refusal(refused, puts=1 if key is None else 2) from error
        return stored

    def find_first(self, tenant_id: str, key: str, now: datetime) -> FirstRequest | None:
        with store_errors():
            try:
                row = self._keys.get(*_key_of_request(tenant_id, key), consistent_read=True)
            except self._keys.DoesNotExist:
                return None
        require_schema(row)
        if row.expires_at <= now.timestamp():
            return None
        return FirstRequest(backtest=self.find_backtest(tenant_id, row.backtest_id), asked_for=row.asked_for)

    def note_sent(self, backtest: Backtest) -> None:
        rows = self._rows
        row = rows(key(BACKTESTS, backtest.tenant_id), key(BACKTEST, backtest.backtest_id))
        try:
            with store_errors():
                row.update(
                    actions=[rows.index2_partition.remove(), rows.index2_place.remove()], condition=rows.partition.exists()
                )
        except UpdateError as error:
            if not condition_failed(error):
                raise

    def list_unsent(self, before: datetime, limit: int) -> Sequence[Backtest]:
        with store_errors():
            rows = self._rows.by_index2.query(UNSENT, self._rows.index2_place < sortable(before), limit=limit)
            return [_backtest(row) for row in rows]

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
                    self._save_open(stored, is_unchanged)
                return stored
            # nothing leads out of an end, so each is counted exactly once
            with store_errors(), self._table.transaction() as transaction:
                transaction.save(self._row(stored), condition=is_unchanged)
                transaction.update(self._open_row(stored), actions=[self._counts.backtests.add(-1)])
        except (PutError, UpdateError, TransactWriteError) as error:
            if condition_failed(error) or (isinstance(error, TransactWriteError) and cancelled_by(error)):
                raise Conflict("VERSION_CONFLICT", "the backtest has changed since it was read") from error
            raise
        return stored

    def _save_open(self, stored: Backtest, is_unchanged: Condition) -> None:
        """Write it over itself. A task that runs was sent, and a sweep has others: it keeps its place among the unsent."""
        rows, row = self._rows, self._row(stored)
        if stored.plan.tasks == 1:
            row.save(condition=is_unchanged)
            return
        written = rows.version.set(stored.version), rows.body.set(row.body), rows.schema_version.set(SCHEMA_VERSION)
        row.update(actions=[*written], condition=is_unchanged)

    def list_backtests(self, tenant_id: str, where: BacktestFilter, cursor: str | None = None, limit: int = 50) -> Page[Backtest]:
        def fitting(row: BacktestRow) -> Backtest | None:
            backtest = _backtest(row)
            return backtest if where.fits(backtest) else None

        return read_page(
            self._rows.query,
            key(BACKTESTS, tenant_id),
            ("PK", "SK"),
            fitting,
            cursor,
            limit,
            within(self._rows.place, where.window, BACKTEST + SEPARATOR, time_in_id),
            ascending=where.window.ascending,
            filtered=bool(where.conditions),
        )

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

    def _key_row(self, backtest: Backtest, key: RequestKey) -> KeyRow:
        return self._keys(
            *_key_of_request(backtest.tenant_id, key.key),
            backtest_id=backtest.backtest_id,
            asked_for=key.asked_for,
            expires_at=int((backtest.asked_at + timedelta(days=KEY_DAYS)).timestamp()),
        )

    def _is_free(self, now: datetime) -> Condition:
        """Whether the key was not used, or long ago."""
        free: Condition = self._keys.partition.does_not_exist() | (self._keys.expires_at <= int(now.timestamp()))
        return free

    def _open_row(self, backtest: Backtest) -> CountRow:
        return self._counts(key(BACKTESTS, backtest.tenant_id), OPEN)

    def _day_row(self, backtest: Backtest) -> CountRow:
        return self._counts(key(BACKTESTS, backtest.tenant_id), key(DAY, _begin_of_day(backtest.asked_at).date().isoformat()))


def _begin_of_day(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _key_of_request(tenant_id: str, request_key: str) -> tuple[str, str]:
    return key(BACKTESTS, tenant_id), key(KEY, digest("backtest", tenant_id, request_key))


def _refusal(places: frozenset[int], puts: int) -> Conflict:
    """The refusal of a new backtest by the places of its conditions: `puts` first, then the day's count and that of open ones."""
    if min(places) < puts:
        return Conflict("ALREADY_EXISTS", "there is a backtest of that id or key already")
    if puts in places:
        return Conflict("TOO_MANY_BACKTESTS_TODAY", f"at most {MAX_A_DAY} tasks a day (UTC)")
    return Conflict("TOO_MANY_BACKTESTS", f"{MAX_OPEN} backtests wait or run already: wait for one, or cancel it")


def _backtest(row: BacktestRow) -> Backtest:
    require_schema(row)
    return from_json(Backtest, row.body, with_floats=True)  # values of a sweep
