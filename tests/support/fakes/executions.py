"""Execution records in memory: the lock and its lease."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime

from candlecast.domain.strategies.execution import Execution, ExecutionStatus
from candlecast.domain.strategies.execution_statistics import ExecutionStatistics, ExecutionSums, day_of
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.ports.filters import ExecutionFilter
from candlecast.ports.store import Page
from tests.support.fakes.store import FakeDatabase, listed, page_of


class FakeExecutionStore:
    def __init__(self, database: FakeDatabase | None = None) -> None:
        self.database = database or FakeDatabase()

    def begin(self, execution: Execution) -> Execution | None:
        key = _key(execution)
        held = self.database.executions.get(key)
        if held is not None:
            if held.status is ExecutionStatus.RUNNING and _is_same_attempt(held, execution):
                return held
            if held.status is not ExecutionStatus.RUNNING or held.lease_expires_at > execution.started_at:
                return None
            execution = execution.continuing(held)
        self.database.executions[key] = execution
        return execution

    def leading(self, strategy_id: str, candle_close: datetime) -> Execution:
        try:
            return self.database.executions[strategy_id, candle_close, 0]
        except KeyError:
            raise NotFound("no such run") from None

    def give_back(self, execution: Execution) -> None:
        self._put_as_holder(replace(execution, lease_expires_at=execution.started_at))

    def keep_signal(self, execution: Execution) -> None:
        self._put_as_holder(execution)

    def finish(self, execution: Execution) -> None:
        self._put_as_holder(execution)

    def list_executions(
        self, strategy_id: str, where: ExecutionFilter, cursor: str | None = None, limit: int = 50
    ) -> Page[Execution]:
        runs = [((key[1], key[2]), execution) for key, execution in self.database.executions.items() if key[0] == strategy_id]
        return page_of(f"EXECUTIONS#{strategy_id}", listed(runs, where), cursor, limit)

    def executions_between(self, strategy_id: str, start: datetime, until: datetime) -> Iterator[Execution]:
        for key in sorted(key for key in self.database.executions if key[0] == strategy_id and start <= key[1] < until):
            yield self.database.executions[key]

    def execution_statistics(self, strategy_id: str, since: date) -> ExecutionStatistics:
        """Computed from the records, which are each final once."""
        total, days = ExecutionSums(), dict[date, ExecutionSums]()
        for (strategy, *_), execution in self.database.executions.items():
            if strategy == strategy_id and execution.status is not ExecutionStatus.RUNNING:
                total, day = total + ExecutionSums.of(execution), day_of(execution)
                days[day] = days.get(day, ExecutionSums()) + ExecutionSums.of(execution)
        return ExecutionStatistics(days={day: sums for day, sums in sorted(days.items()) if day >= since}, total=total)

    def _put_as_holder(self, execution: Execution) -> None:
        key = _key(execution)
        held = self.database.executions.get(key)
        if held is None or held.status is not ExecutionStatus.RUNNING or held.worker != execution.worker:
            raise Conflict("LEASE_LOST", "another worker holds this execution")
        self.database.executions[key] = execution


def _key(execution: Execution) -> tuple[str, datetime, int]:
    return execution.strategy_id, execution.candle_close, 0 if execution.leads else execution.version or 0


def _is_same_attempt(held: Execution, execution: Execution) -> bool:
    return (held.worker, held.started_at) == (execution.worker, execution.started_at)
