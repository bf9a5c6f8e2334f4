"""Sums of a strategy's runs: an item for each day, and one of all time, added to in the transaction that ends a run.

They have a partition of their own, so that the role of the strategy runner may update them and no definition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta

from pynamodb.attributes import NumberAttribute
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from candlecast.adapters.dynamodb.single_table.batch import Item, query_items
from candlecast.adapters.dynamodb.single_table.table import SCHEMA_VERSION, Row, Table, key, require_version
from candlecast.domain.strategies.execution import Execution, ExecutionStatus
from candlecast.domain.strategies.execution_statistics import (
    DRIFT_BOUNDS,
    DURATION_BOUNDS,
    RETENTION,
    ExecutionStatistics,
    ExecutionSums,
    Spread,
    day_of,
)

EXECUTIONS = "EXECUTIONS"
TOTAL = "TOTAL"  # sorts behind every day
A_DAY = timedelta(days=1)


class ExecutionSumsRow(Row):
    """Numbers by the names of `_numbers`; those of a day end by `expires_at`."""

    expires_at = NumberAttribute(null=True)


class ExecutionStatisticsRows:
    """Adds runs to the sums, and reads them."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rows = table.rows(ExecutionSumsRow)

    def count(self, transaction: TransactWrite, execution: Execution) -> None:
        """Add a run to its day and to all time, once the transaction is committed."""
        rows, partition, day = self._rows, key(EXECUTIONS, execution.strategy_id), day_of(execution)
        actions: list[Action] = [Path(name).add(number) for name, number in _numbers(ExecutionSums.of(execution)) if number]
        actions.append(rows.schema_version.set(SCHEMA_VERSION))
        ends = int((datetime.combine(day, time(), UTC) + RETENTION + A_DAY).timestamp())
        transaction.update(rows(partition, day.isoformat()), actions=[*actions, rows.expires_at.set(ends)])
        transaction.update(rows(partition, TOTAL), actions=actions)

    def read(self, strategy_id: str, since: date) -> ExecutionStatistics:
        """One query, of at most as many items as there are days."""
        found = query_items(
            self._table,
            KeyConditionExpression="#pk = :pk AND #sk BETWEEN :since AND :total",
            ExpressionAttributeNames={"#pk": "PK", "#sk": "SK"},
            ExpressionAttributeValues={
                ":pk": {"S": key(EXECUTIONS, strategy_id)},
                ":since": {"S": since.isoformat()},
                ":total": {"S": TOTAL},
            },
        )
        sums = {item["SK"]["S"]: _sums(item) for item in found}
        total = sums.pop(TOTAL, ExecutionSums())
        return ExecutionStatistics(days={date.fromisoformat(day): held for day, held in sums.items()}, total=total)


def _numbers(sums: ExecutionSums) -> Iterator[tuple[str, int]]:
    """Each number by the name of its attribute."""
    for status, count in sums.states.items():
        yield status.value, count
    for name, spread in (("duration", sums.duration), ("drift", sums.drift)):
        yield f"{name}_ms", spread.total
        for bucket, count in enumerate(spread.buckets):
            yield f"{name}_{bucket}", count


def _sums(item: Item) -> ExecutionSums:
    require_version(_number(item, "schema_version"))
    states = {status: _number(item, status.value) for status in ExecutionStatus if status.value in item}
    return ExecutionSums(
        states=states, duration=_spread(item, "duration", DURATION_BOUNDS), drift=_spread(item, "drift", DRIFT_BOUNDS)
    )


def _spread(item: Item, name: str, bounds: tuple[int, ...]) -> Spread:
    buckets = tuple(_number(item, f"{name}_{bucket}") for bucket in range(len(bounds) + 1))
    return Spread(bounds=bounds, buckets=buckets, total=_number(item, f"{name}_ms"))


def _number(item: Mapping[str, Mapping[str, str]], name: str) -> int:
    return int(item[name]["N"]) if name in item else 0
