"""Statistics of runs: each run is counted once, in its day and in the total."""

from __future__ import annotations

from dataclasses import replace

import pytest

from candlecast.domain.strategies.execution import LEASE, Execution, ExecutionStatus
from candlecast.domain.strategies.execution_statistics import ExecutionSums
from candlecast.domain.values.errors import Conflict
from candlecast.ports.filters import ExecutionFilter
from tests.contract.store.conftest import Stores
from tests.contract.store.test_executions import finished, second_holder
from tests.support.builders import NOW, STRATEGY, a_signal, after, an_execution


def run(stores: Stores, close_after: float, status: ExecutionStatus = ExecutionStatus.NO_SIGNAL, **values: float) -> Execution:
    """A whole run, which ends two seconds after the close of its candle."""
    held = stores.executions.begin(an_execution(after(close_after), drift_seconds=values.get("drift", 1.0)))
    assert held is not None
    ended = replace(held, status=status, finished_at=after(2 + close_after), duration_ms=values.get("duration", 12.4))
    stores.executions.finish(ended)
    return ended


def test_each_run_is_counted_in_its_day_and_in_the_total(stores: Stores) -> None:
    today = [run(stores, 60), run(stores, 120, ExecutionStatus.FAILED, duration=31_000, drift=61.5)]
    tomorrow = run(stores, 86_400, ExecutionStatus.COMPLETED)
    statistics = stores.executions.execution_statistics(STRATEGY, NOW.date())
    assert statistics.days == {
        NOW.date(): ExecutionSums.of(today[0]) + ExecutionSums.of(today[1]),
        after(86_400).date(): ExecutionSums.of(tomorrow),
    }
    assert statistics.total == statistics.window
    assert statistics.total.states == {
        ExecutionStatus.NO_SIGNAL: 1,
        ExecutionStatus.FAILED: 1,
        ExecutionStatus.COMPLETED: 1,
    }
    assert (statistics.total.duration.total, statistics.total.drift.total) == (12 + 31_000 + 12, 1_000 + 61_500 + 1_000)


def test_days_before_the_first_one_asked_for_are_left_out_and_stay_in_the_total(stores: Stores) -> None:
    run(stores, 60)
    last = run(stores, 86_400)
    statistics = stores.executions.execution_statistics(STRATEGY, after(86_400).date())
    assert statistics.days == {after(86_400).date(): ExecutionSums.of(last)}
    assert statistics.total.runs == 2


def test_a_run_that_has_not_ended_is_not_counted(stores: Stores) -> None:
    held = stores.executions.begin(an_execution())
    assert held is not None
    stores.executions.keep_signal(replace(held, signal=a_signal()))
    assert stores.executions.execution_statistics(STRATEGY, NOW.date()).total == ExecutionSums()


def test_a_run_is_counted_once_though_its_first_holder_died_or_ends_it_again(stores: Stores) -> None:
    first = stores.executions.begin(an_execution())
    second = stores.executions.begin(second_holder(LEASE.total_seconds() + 2))
    assert first is not None
    assert second is not None
    stores.executions.finish(finished(second))
    for late in (first, second):
        with pytest.raises(Conflict):
            stores.executions.finish(finished(late, ExecutionStatus.FAILED))
    assert stores.executions.execution_statistics(STRATEGY, NOW.date()).total == ExecutionSums.of(finished(second))


def test_runs_of_another_strategy_are_counted_apart(stores: Stores) -> None:
    run(stores, 60)
    assert stores.executions.execution_statistics("strategy-2", NOW.date()).total == ExecutionSums()
    assert len(stores.executions.list_executions(STRATEGY, ExecutionFilter()).items) == 1
