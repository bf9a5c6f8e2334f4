"""Execution records: a conditional put is the lock, its lease is the hard time-out of its holder (decision 0001)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import PutError, TransactWriteError
from pynamodb.expressions.condition import Condition

from candlecast.adapters.codec import from_json, to_json
from candlecast.adapters.dynamodb.execution_statistics import ExecutionStatisticsRows
from candlecast.adapters.dynamodb.single_table.listing import read_page, within
from candlecast.adapters.dynamodb.single_table.table import (
    SEPARATOR,
    Row,
    Table,
    cancelled_by,
    condition_failed,
    key,
    require_schema,
    sortable,
    store_errors,
)
from candlecast.adapters.dynamodb.strategy_versions import strategy_key
from candlecast.domain.strategies.execution import Execution, ExecutionStatus
from candlecast.domain.strategies.execution_statistics import ExecutionStatistics
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.ports.store import Page

if TYPE_CHECKING:
    from candlecast.ports.filters import ExecutionFilter

EXECUTION = "EXECUTION"
RUNNING = ExecutionStatus.RUNNING.value
RUNS_OF_A_PAGE = 500  # about half of the megabyte that a page may have


class ExecutionRow(Row):
    """One run; `status`, `worker` and `lease_expires_at` are what the lock's conditions ask."""

    status = UnicodeAttribute()
    worker = UnicodeAttribute()
    lease_expires_at = UnicodeAttribute()
    body = UnicodeAttribute()


class DynamoExecutionStore:
    """`ports.store.ExecutionStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rows = table.rows(ExecutionRow)
        self._statistics = ExecutionStatisticsRows(table)

    def begin(self, execution: Execution) -> Execution | None:
        if self._put(execution, self._rows.partition.does_not_exist()):
            return execution
        with store_errors():
            held = self._read(execution.strategy_id, _place(execution))
        if held.status is not ExecutionStatus.RUNNING:
            return None
        if (held.worker, held.started_at) == (execution.worker, execution.started_at):
            return held  # our own put, whose answer was lost and which the SDK has repeated
        if held.lease_expires_at > execution.started_at:
            return None
        successor = execution.continuing(held)
        unchanged = (
            (self._rows.status == RUNNING)
            & (self._rows.worker == held.worker)
            & (self._rows.lease_expires_at == sortable(held.lease_expires_at))
        )
        return successor if self._put(successor, unchanged) else None

    def leading(self, strategy_id: str, candle_close: datetime) -> Execution:
        with store_errors():
            try:
                return self._read(strategy_id, key(EXECUTION, sortable(candle_close)))
            except self._rows.DoesNotExist:
                raise NotFound("no such run") from None

    def give_back(self, execution: Execution) -> None:
        self._put_as_holder(replace(execution, lease_expires_at=execution.started_at))

    def keep_signal(self, execution: Execution) -> None:
        self._put_as_holder(execution)

    def finish(self, execution: Execution) -> None:
        # only this transaction leads out of RUNNING, and nothing leads back: a run is counted exactly once
        try:
            with store_errors(), self._table.transaction() as transaction:
                transaction.save(self._row(execution), condition=self._is_held_by(execution))
                self._statistics.count(transaction, execution)
        except TransactWriteError as error:
            if cancelled_by(error):
                raise _lease_lost() from error
            raise

    def list_executions(
        self, strategy_id: str, where: ExecutionFilter, cursor: str | None = None, limit: int = 50
    ) -> Page[Execution]:
        def fitting(row: ExecutionRow) -> Execution | None:
            execution = _execution(row)
            return execution if where.fits(execution) else None

        return read_page(
            self._rows.query,
            strategy_key(strategy_id),
            ("PK", "SK"),
            fitting,
            cursor,
            limit,
            within(self._rows.place, where.window, EXECUTION + SEPARATOR),
            ascending=where.window.ascending,
            filtered=bool(where.conditions),
        )

    def executions_between(self, strategy_id: str, start: datetime, until: datetime) -> Iterator[Execution]:
        # BETWEEN includes its end, but a run of another version goes on after the close: neither is a run before it
        asked = self._rows.place.between(key(EXECUTION, sortable(start)), key(EXECUTION, sortable(until)))
        with store_errors():
            for row in self._rows.query(strategy_key(strategy_id), asked, page_size=RUNS_OF_A_PAGE):
                execution = _execution(row)
                if execution.candle_close < until:
                    yield execution

    def execution_statistics(self, strategy_id: str, since: date) -> ExecutionStatistics:
        return self._statistics.read(strategy_id, since)

    def _read(self, strategy_id: str, place: str) -> Execution:
        return _execution(self._rows.get(strategy_key(strategy_id), place, consistent_read=True))

    def _put_as_holder(self, execution: Execution) -> None:
        if not self._put(execution, self._is_held_by(execution)):
            raise _lease_lost()

    def _is_held_by(self, execution: Execution) -> Condition:
        held: Condition = (self._rows.worker == execution.worker) & (self._rows.status == RUNNING)
        return held

    def _row(self, execution: Execution) -> ExecutionRow:
        return self._rows(
            strategy_key(execution.strategy_id),
            _place(execution),
            status=execution.status.value,
            worker=execution.worker,
            lease_expires_at=sortable(execution.lease_expires_at),
            body=to_json(execution),
        )

    def _put(self, execution: Execution, condition: Condition) -> bool:
        try:
            with store_errors():
                self._row(execution).save(condition=condition)
        except PutError as error:
            if condition_failed(error):
                return False
            raise
        return True


def _lease_lost() -> Conflict:
    return Conflict("LEASE_LOST", "another worker holds this execution")


def _place(execution: Execution) -> str:
    parts = EXECUTION, sortable(execution.candle_close)
    return key(*parts) if execution.leads else key(*parts, f"{execution.version or 0:06}")


def _execution(row: ExecutionRow) -> Execution:
    require_schema(row)
    return from_json(Execution, row.body)
