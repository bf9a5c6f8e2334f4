"""The golden items of the marketplace and of statistics of strategies."""

from __future__ import annotations

from dataclasses import replace

from candlecast.adapters.dynamodb.executions import DynamoExecutionStore
from candlecast.domain.strategies.execution_statistics import ExecutionStatistics, ExecutionSums, day_of
from tests.golden import other_values
from tests.golden.cases import Case, World, stored
from tests.golden.values import STRATEGY


def _statistics() -> ExecutionStatistics:
    ended = other_values.execution()
    sums = ExecutionSums.of(ended)
    return ExecutionStatistics(days={day_of(ended): sums}, total=sums)


def _end_a_run(world: World) -> None:
    store = DynamoExecutionStore(world.table)
    store.begin(replace(other_values.begun_execution(), worker=other_values.execution().worker))
    store.finish(other_values.execution())


MARKET: tuple[Case, ...] = (
    stored(
        "execution_statistics",
        "of-one-run",
        _statistics,
        _end_a_run,
        lambda world: DynamoExecutionStore(world.table).execution_statistics(STRATEGY, day_of(other_values.execution())),
    ),
)
