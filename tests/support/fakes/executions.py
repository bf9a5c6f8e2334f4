"""Execution records in memory: the lock and its lease."""

from __future__ import annotations

from dataclasses import replace

from candlecast.domain.strategies.execution import Execution, ExecutionStatus
from candlecast.domain.values.errors import Conflict
from candlecast.ports.store import Page
from tests.support.fakes.store import FakeDatabase, page_of


class FakeExecutionStore:
    def __init__(self, database: FakeDatabase | None = None) -> None:
        self.database = database or FakeDatabase()

    def begin(self, execution: Execution) -> Execution | None:
        key = (execution.strategy_id, execution.candle_close)
        held = self.database.executions.get(key)
        if held is not None:
            if held.status is ExecutionStatus.RUNNING and _is_same_attempt(held, execution):
                return held
            if held.status is not ExecutionStatus.RUNNING or held.lease_expires_at > execution.started_at:
                return None
            execution = replace(execution, signal=held.signal)
        self.database.executions[key] = execution
        return execution

    def keep_signal(self, execution: Execution) -> None:
        self._put_as_holder(execution)

    def finish(self, execution: Execution) -> None:
        self._put_as_holder(execution)

    def list_executions(self, strategy_id: str, cursor: str | None = None, limit: int = 50) -> Page[Execution]:
        runs = [execution for (strategy, _), execution in self.database.executions.items() if strategy == strategy_id]
        ordered = sorted(runs, key=lambda execution: execution.candle_close, reverse=True)
        return page_of(f"EXECUTIONS#{strategy_id}", ordered, cursor, limit)

    def _put_as_holder(self, execution: Execution) -> None:
        key = (execution.strategy_id, execution.candle_close)
        held = self.database.executions.get(key)
        if held is None or held.status is not ExecutionStatus.RUNNING or held.worker != execution.worker:
            raise Conflict("LEASE_LOST", "another worker holds this execution")
        self.database.executions[key] = execution


def _is_same_attempt(held: Execution, execution: Execution) -> bool:
    return (held.worker, held.started_at) == (execution.worker, execution.started_at)
