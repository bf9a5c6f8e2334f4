"""Strategies and sources; a followed built-in strategy stands in a sparse index, which is the market clock's work list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError, TransactWriteError
from pynamodb.expressions.condition import Condition

from candlecast.adapters.codec import from_json, to_json
from candlecast.adapters.dynamodb.single_table.listing import read_page
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
from candlecast.adapters.dynamodb.statistics import RECENT, RECORD, RecordRow, StatisticsRow, statistics_of, sums_of
from candlecast.domain.strategies.definition import SignalSource, StrategyDefinition, StrategyKind
from candlecast.domain.strategies.record import RecordSums
from candlecast.domain.strategies.statistics import Statistics
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.store import Page

DEFINITION = "DEFINITION"
SOURCE = "SOURCE"
LISTING = "STRATEGIES"
AFTER_EVERY_WINDOW = "~"  # sorts behind every digit


class StrategyRow(Row):
    """A definition. `subscriber_count` is an attribute of its own, because it is added to; the body's is not read."""

    strategy_id = UnicodeAttribute()
    subscriber_count = NumberAttribute()
    body = UnicodeAttribute()


class SourceRow(Row):
    """A source of signals. `revision` guards its changes; a source of older code has none."""

    body = UnicodeAttribute()
    revision = NumberAttribute(null=True)


class DynamoStrategyStore:
    """`ports.store.StrategyStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rows = table.rows(StrategyRow)
        self._sources = table.rows(SourceRow)
        self._statistics = table.rows(StatisticsRow)
        self._records = table.rows(RecordRow)

    def create_strategy(self, definition: StrategyDefinition, source: SignalSource | None = None) -> None:
        row = self._rows(
            strategy_key(definition.strategy_id),
            DEFINITION,
            strategy_id=definition.strategy_id,
            subscriber_count=definition.subscriber_count,
            body=to_json(definition),
        )
        if definition.reserved_for is None:
            row.index2_partition, row.index2_place = LISTING, definition.strategy_id
        if definition.subscriber_count > 0 and (place := clock_place(definition)) is not None:
            row.index1_partition, row.index1_place = place
        try:
            with store_errors(), self._table.transaction() as transaction:
                transaction.save(row, condition=self._rows.partition.does_not_exist())
                if source is not None:
                    transaction.save(self._source_row(source), condition=self._sources.partition.does_not_exist())
        except TransactWriteError as error:
            if cancelled_by(error):
                raise Conflict("ALREADY_EXISTS", "the strategy or its source exists") from error
            raise

    def get_strategy(self, strategy_id: str) -> StrategyDefinition:
        return read_strategy(self._rows, strategy_id)

    def list_strategies(self, cursor: str | None = None, limit: int = 50) -> Page[StrategyDefinition]:
        names = ("GSI2PK", "GSI2SK", "PK", "SK")
        return read_page(self._rows.by_index2.query, LISTING, names, _definition, cursor, limit, ascending=True)

    def followed_markets(self, timeframe: Timeframe) -> Iterator[tuple[str, str]]:
        seen: set[tuple[str, str]] = set()
        with store_errors():
            for row in self._rows.by_index1.query(_clock_partition(timeframe), attributes_to_get=["GSI1SK"]):
                venue, market, _ = str(row.index1_place).split(SEPARATOR)
                if (venue, market) not in seen:
                    seen.add((venue, market))
                    yield venue, market

    def followed_strategies(self, timeframe: Timeframe, venue: str, market: str) -> Sequence[StrategyDefinition]:
        condition = self._rows.index1_place.startswith(key(venue, market) + SEPARATOR)
        with store_errors():
            rows = list(self._rows.by_index1.query(_clock_partition(timeframe), condition))
        # roles do not limit an index's attributes: only a row of the strategy's own partition is its definition
        found = ((row.partition, _definition(row)) for row in rows)
        return [definition for partition, definition in found if partition == strategy_key(definition.strategy_id)]

    def get_source(self, source_id: str) -> SignalSource:
        with store_errors():
            try:
                row = self._sources.get(key(SOURCE, source_id), SOURCE, consistent_read=True)
            except self._sources.DoesNotExist:
                raise NotFound("no such source") from None
        require_schema(row)
        return from_json(SignalSource, row.body)

    def save_source(self, source: SignalSource) -> None:
        rows = self._sources
        unchanged = rows.revision == source.revision
        if source.revision == 0:
            unchanged |= rows.revision.does_not_exist()
        try:
            with store_errors():
                self._source_row(replace(source, revision=source.revision + 1)).save(condition=unchanged)
        except PutError as error:
            if condition_failed(error):
                raise Conflict("VERSION_CONFLICT", "somebody else has changed the source") from error
            raise

    def strategy_statistics(self, strategy_id: str) -> Statistics:
        prefix = self._statistics.place.startswith("STATISTICS" + SEPARATOR)
        with store_errors():
            shards = list(self._statistics.query(strategy_key(strategy_id), prefix))
        return sum((statistics_of(row) for row in shards), Statistics())

    def strategy_record(self, strategy_id: str, venue: str, until: datetime | None = None) -> RecordSums:
        strategy, rows = strategy_key(strategy_id), self._records
        total = rows.place.startswith(key(RECORD, venue) + SEPARATOR)
        with store_errors():
            recent = [] if until is None else list(rows.query(strategy, _since(rows, venue, until)))
            shards = list(rows.query(strategy, total))  # a trade that is counted between the two reads shows early, to one reader
        return sum(map(sums_of, shards), RecordSums()) - sum(map(sums_of, recent), RecordSums())

    def _source_row(self, source: SignalSource) -> SourceRow:
        return self._sources(key(SOURCE, source.source_id), SOURCE, body=to_json(source), revision=source.revision)


def strategy_key(strategy_id: str) -> str:
    """Partition of one strategy: its definition, its executions, its statistics."""
    return key("STRATEGY", strategy_id)


def clock_place(definition: StrategyDefinition) -> tuple[str, str] | None:
    """Where a built-in strategy stands in the market clock's index while it is followed; None for an external one."""
    if definition.kind is not StrategyKind.BUILT_IN or definition.timeframe is None or definition.market is None:
        return None
    return _clock_partition(definition.timeframe), key(definition.venue, definition.market, definition.strategy_id)


def read_strategy(rows: type[StrategyRow], strategy_id: str) -> StrategyDefinition:
    """The definition with its present follower count; raises `NotFound`."""
    with store_errors():
        try:
            row = rows.get(strategy_key(strategy_id), DEFINITION, consistent_read=True)
        except rows.DoesNotExist:
            raise NotFound("no such strategy") from None
    return _definition(row)


def _since(rows: type[RecordRow], venue: str, until: datetime) -> Condition:
    """All windows of a venue from `until` on: at most two days of them, since windows end by themselves."""
    return rows.place.between(key(RECENT, venue, sortable(until)), key(RECENT, venue, AFTER_EVERY_WINDOW))


def _definition(row: StrategyRow) -> StrategyDefinition:
    require_schema(row)
    return replace(from_json(StrategyDefinition, row.body), subscriber_count=int(row.subscriber_count))


def _clock_partition(timeframe: Timeframe) -> str:
    return key("CLOCK", timeframe.value)
