"""Pages of the market clock's work list, from its sparse index alone."""

from __future__ import annotations

from functools import partial

from candlecast.adapters.dynamodb.single_table.listing import read_page
from candlecast.adapters.dynamodb.single_table.table import SEPARATOR, Row, Table, key
from candlecast.adapters.dynamodb.strategies import CLOCK, CLOCK_OF_UPLOADED
from candlecast.adapters.dynamodb.strategy_versions import strategy_key
from candlecast.domain.strategies.definition import StrategyKind
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.clock_registry import ClockEntry
from candlecast.ports.store import Page

KEYS = ("GSI1PK", "GSI1SK", "PK", "SK")


class DynamoClockRegistry:
    """`ports.clock_registry.ClockRegistry`."""

    def __init__(self, table: Table) -> None:
        self._rows = table.rows(Row)

    def entries(self, timeframe: Timeframe, kind: StrategyKind, cursor: str | None = None, limit: int = 50) -> Page[ClockEntry]:
        partition = key(CLOCK_OF_UPLOADED if kind is StrategyKind.UPLOADED else CLOCK, timeframe.value)
        keys = partial(self._rows.by_index1.query, attributes_to_get=list(KEYS))
        return read_page(keys, partition, KEYS, _entry, cursor, limit, ascending=True)


def _entry(row: Row) -> ClockEntry | None:
    venue, market, strategy_id = str(row.index1_place).split(SEPARATOR)
    # roles do not limit an index's attributes: only a row of the strategy's own partition is its definition
    return ClockEntry(venue, market, strategy_id) if row.partition == strategy_key(strategy_id) else None
