"""Strategies and sources; a followed strategy with code stands in a sparse index, which is the market clock's work list."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError, TransactWriteError, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.transactions import TransactWrite

from candlecast.adapters.codec import from_json, to_json
from candlecast.adapters.dynamodb.listings import ListingRows
from candlecast.adapters.dynamodb.single_table.batch import query_items
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
    sortable,
    store_errors,
)
from candlecast.adapters.dynamodb.statistics import (
    RECENT,
    RECORD,
    RecordRow,
    StatisticsRow,
    day_sums_of,
    start_of,
    statistics_of,
    strategy_days,
    sums_of,
)
from candlecast.adapters.dynamodb.strategy_versions import VersionRows, strategy_key
from candlecast.domain.strategies.days import A_DAY, DaySums
from candlecast.domain.strategies.definition import SignalSource, StrategyDefinition, StrategyKind
from candlecast.domain.strategies.listing import RecordStart, is_listed
from candlecast.domain.strategies.record import RecordSums
from candlecast.domain.strategies.statistics import Statistics
from candlecast.domain.strategies.versions import (
    MAX_OWNED_STRATEGIES,
    MAX_UPLOADS_A_DAY,
    UPLOAD_LEASE,
    StrategyChange,
    StrategyVersion,
)
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, InvalidValue, NotFound
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.store import Page

if TYPE_CHECKING:
    from candlecast.ports.filters import VersionFilter

DEFINITION = "DEFINITION"
SOURCE = "SOURCE"
LISTING = "STRATEGIES"  # strategies of the platform
OWNED = "OWNED"  # strategies of one tenant
CLOCK, CLOCK_OF_UPLOADED = "CLOCK", "CLOCK_UPLOADED"
AUTHOR = "AUTHOR"
AFTER_EVERY_WINDOW = "~"  # sorts behind every digit
UPLOADS_RETENTION = timedelta(days=2)  # beyond the end of the day that they are counted for


class StrategyRow(Row):
    """A definition. `subscriber_count` is an attribute of its own, because it is added to; the body's is not read.

    So is `pins`, a JSON object with the number of subscriptions for each pinned version; `pinned_count` is their sum. `revision`
    guards changes; a definition of older code has none.
    """

    strategy_id = UnicodeAttribute()
    subscriber_count = NumberAttribute()
    pins = UnicodeAttribute(null=True)
    revision = NumberAttribute(null=True)
    body = UnicodeAttribute()


class SourceRow(Row):
    """A source of signals. `revision` guards its changes; a source of older code has none."""

    body = UnicodeAttribute()
    revision = NumberAttribute(null=True)


class AuthorRow(Row):
    """How many strategies a tenant owns."""

    strategies = NumberAttribute()


class UploadsRow(Row):
    """How many uploads of a tenant have been checked on one day (UTC), and until when one of them has the tenant's place."""

    uploads = NumberAttribute()
    checked_until = NumberAttribute(null=True)
    expires_at = NumberAttribute()


class DynamoStrategyStore:
    """`ports.store.StrategyStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rows = table.rows(StrategyRow)
        self._sources = table.rows(SourceRow)
        self._statistics = table.rows(StatisticsRow)
        self._records = table.rows(RecordRow)
        self._authors = table.rows(AuthorRow)
        self._uploads = table.rows(UploadsRow)
        self._versions = VersionRows(table)
        self._listings = ListingRows(table)

    def create_strategy(
        self, definition: StrategyDefinition, source: SignalSource | None = None, version: StrategyVersion | None = None
    ) -> None:
        puts = 1 + (source is not None) + (version is not None)
        try:
            with store_errors(), self._table.transaction() as transaction:
                transaction.save(self._definition_row(definition), condition=self._rows.partition.does_not_exist())
                if source is not None:
                    transaction.save(self._source_row(source), condition=self._sources.partition.does_not_exist())
                if version is not None:
                    self._versions.put_version(transaction, version)
                if definition.owner is not None:
                    self._count_strategy(transaction, definition.owner)
                if is_listed(definition):
                    self._listings.write(transaction, definition)
        except TransactWriteError as error:
            refused = cancelled_by(error)
            if refused == {puts}:  # updates come after all puts
                message = f"a tenant owns at most {MAX_OWNED_STRATEGIES} strategies, retired ones included"
                raise Conflict("TOO_MANY_STRATEGIES", message) from error
            if refused:
                raise Conflict("ALREADY_EXISTS", "the strategy or its source exists") from error
            raise

    def change_strategy(
        self, definition: StrategyDefinition, change: StrategyChange, version: StrategyVersion | None = None
    ) -> StrategyDefinition:
        rows, stored = self._rows, replace(definition, revision=definition.revision + 1)
        if (change.strategy_id, change.revision) != (stored.strategy_id, stored.revision):
            raise InvalidValue("the change belongs to another revision")
        unchanged = rows.revision == definition.revision
        if definition.revision == 0:
            unchanged |= rows.revision.does_not_exist()
        try:
            with store_errors(), self._table.transaction() as transaction:
                self._versions.put_change(transaction, change, definition.owner)
                if version is not None:
                    self._versions.put_version(transaction, version)
                transaction.update(
                    rows(strategy_key(stored.strategy_id), DEFINITION),
                    actions=[rows.body.set(to_json(stored)), rows.revision.set(stored.revision)],
                    condition=rows.partition.exists() & unchanged,
                )
                self._listings.write(transaction, stored)
        except TransactWriteError as error:
            if not cancelled_by(error):
                raise
            self.get_strategy(definition.strategy_id)  # raises `NotFound`
            raise Conflict("VERSION_CONFLICT", "somebody else has changed the strategy") from error
        return stored

    def get_version(self, strategy_id: str, number: int) -> StrategyVersion:
        return self._versions.get_version(strategy_id, number)

    def list_versions(
        self, strategy_id: str, where: VersionFilter, cursor: str | None = None, limit: int = 50
    ) -> Page[StrategyVersion]:
        return self._versions.list_versions(strategy_id, where, cursor, limit)

    def list_changes(self, strategy_id: str, cursor: str | None = None, limit: int = 50) -> Page[StrategyChange]:
        return self._versions.list_changes(strategy_id, cursor, limit)

    def pinned_versions(self, strategy_id: str) -> Mapping[int, int]:
        return pins_of(read_row(self._rows, strategy_id))

    def owned_strategies(self, tenant_id: str, cursor: str | None = None, limit: int = 50) -> Page[StrategyDefinition]:
        names = ("GSI2PK", "GSI2SK", "PK", "SK")
        return read_page(self._rows.by_index2.query, key(OWNED, tenant_id), names, definition_of, cursor, limit, ascending=True)

    def followed_uploads(self, timeframe: Timeframe) -> Iterator[tuple[str, str, str]]:
        with store_errors():
            for row in self._rows.by_index1.query(key(CLOCK_OF_UPLOADED, timeframe.value), attributes_to_get=["PK", "GSI1SK"]):
                venue, market, strategy_id = str(row.index1_place).split(SEPARATOR)
                # roles do not limit an index's attributes: only a row of the strategy's own partition is its definition
                if row.partition == strategy_key(strategy_id):
                    yield venue, market, strategy_id

    def begin_upload(self, tenant_id: str, at: datetime) -> None:
        rows, moment, row = self._uploads, at.timestamp(), self._uploads_row(tenant_id, at)
        has_left = rows.uploads.does_not_exist() | (rows.uploads < MAX_UPLOADS_A_DAY)
        is_free = rows.checked_until.does_not_exist() | (rows.checked_until <= moment)
        try:
            with store_errors():
                row.update(
                    actions=[
                        rows.uploads.add(1),
                        rows.checked_until.set((at + UPLOAD_LEASE).timestamp()),
                        rows.expires_at.set(int((at + UPLOADS_RETENTION).timestamp())),
                        rows.schema_version.set(SCHEMA_VERSION),
                    ],
                    condition=has_left & is_free,
                )
        except UpdateError as error:
            if not condition_failed(error):
                raise
            with store_errors():
                row.refresh(consistent_read=True)
            if row.uploads < MAX_UPLOADS_A_DAY:
                raise Conflict("UPLOAD_IN_PROGRESS", "another upload of the tenant is being checked") from error
            raise Conflict(
                "TOO_MANY_UPLOADS", f"at most {MAX_UPLOADS_A_DAY} uploads a day (UTC), refused ones included"
            ) from error

    def end_upload(self, tenant_id: str, began_at: datetime) -> None:
        with store_errors():
            self._uploads_row(tenant_id, began_at).update(actions=[self._uploads.checked_until.remove()])

    def get_strategy(self, strategy_id: str) -> StrategyDefinition:
        return read_strategy(self._rows, strategy_id)

    def list_strategies(self, cursor: str | None = None, limit: int = 50) -> Page[StrategyDefinition]:
        names = ("GSI2PK", "GSI2SK", "PK", "SK")
        return read_page(self._rows.by_index2.query, LISTING, names, definition_of, cursor, limit, ascending=True)

    def followed_markets(self, timeframe: Timeframe) -> Iterator[tuple[str, str]]:
        seen: set[tuple[str, str]] = set()
        with store_errors():
            for row in self._rows.by_index1.query(key(CLOCK, timeframe.value), attributes_to_get=["GSI1SK"]):
                venue, market, _ = str(row.index1_place).split(SEPARATOR)
                if (venue, market) not in seen:
                    seen.add((venue, market))
                    yield venue, market

    def followed_strategies(self, timeframe: Timeframe, venue: str, market: str) -> Sequence[StrategyDefinition]:
        condition = self._rows.index1_place.startswith(key(venue, market) + SEPARATOR)
        with store_errors():
            rows = list(self._rows.by_index1.query(key(CLOCK, timeframe.value), condition))
        # roles do not limit an index's attributes: only a row of the strategy's own partition is its definition
        found = ((row.partition, definition_of(row)) for row in rows)
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

    def record_start(self, strategy_id: str, venue: str, until: datetime) -> RecordStart | None:
        total = self._records.place.startswith(key(RECORD, venue) + SEPARATOR)
        with store_errors():
            shards = list(self._records.query(strategy_key(strategy_id), total))
        if sum(int(shard.dated or 0) for shard in shards) != sum(int(shard.trades or 0) for shard in shards):
            return None  # trades from before starts were kept
        return min(filter(None, (start_of(shard, until) for shard in shards)), key=lambda start: start.opened_at, default=None)

    def strategy_days(self, strategy_id: str, venue: str, first: date, last: date) -> Mapping[date, DaySums]:
        shards = query_items(
            self._table,
            KeyConditionExpression="#pk = :pk AND #sk BETWEEN :first AND :beyond",
            ExpressionAttributeNames={"#pk": "PK", "#sk": "SK"},
            ExpressionAttributeValues={
                ":pk": {"S": strategy_days(strategy_id)},
                ":first": {"S": key(venue, first.isoformat())},
                ":beyond": {"S": key(venue, (last + A_DAY).isoformat())},
            },
        )
        days: dict[date, DaySums] = {}
        for shard in shards:
            day = date.fromisoformat(shard["SK"]["S"].split(SEPARATOR)[1])
            days[day] = days.get(day, DaySums()) + day_sums_of(shard)
        return days

    def _uploads_row(self, tenant_id: str, at: datetime) -> UploadsRow:
        return self._uploads(key("TENANT", tenant_id), key("UPLOADS", at.astimezone(UTC).date().isoformat()))

    def _definition_row(self, definition: StrategyDefinition) -> StrategyRow:
        row = self._rows(
            strategy_key(definition.strategy_id),
            DEFINITION,
            strategy_id=definition.strategy_id,
            subscriber_count=definition.subscriber_count,
            revision=definition.revision,
            body=to_json(definition),
        )
        if definition.owner is not None:
            row.index2_partition, row.index2_place = key(OWNED, definition.owner), definition.strategy_id
        elif definition.reserved_for is None:
            row.index2_partition, row.index2_place = LISTING, definition.strategy_id
        if definition.subscriber_count > 0 and (place := clock_place(definition)) is not None:
            row.index1_partition, row.index1_place = place
        return row

    def _count_strategy(self, transaction: TransactWrite, owner: str) -> None:
        rows = self._authors
        transaction.update(
            rows(key("TENANT", owner), AUTHOR),
            actions=[rows.strategies.add(1), rows.schema_version.set(SCHEMA_VERSION)],
            condition=rows.strategies.does_not_exist() | (rows.strategies < MAX_OWNED_STRATEGIES),
        )

    def _source_row(self, source: SignalSource) -> SourceRow:
        return self._sources(key(SOURCE, source.source_id), SOURCE, body=to_json(source), revision=source.revision)


def clock_place(definition: StrategyDefinition) -> tuple[str, str] | None:
    """Where a strategy with code stands in the market clock's index while it is followed; None for an external one.

    Uploaded strategies have a partition of their own, so that code of earlier releases never meets them.
    """
    if definition.timeframe is None or definition.market is None:
        return None
    partition = CLOCK_OF_UPLOADED if definition.kind is StrategyKind.UPLOADED else CLOCK
    place = key(definition.venue, definition.market, definition.strategy_id)
    return key(partition, definition.timeframe.value), place


def read_row(rows: type[StrategyRow], strategy_id: str) -> StrategyRow:
    """The row of a definition, strongly consistent; raises `NotFound`."""
    with store_errors():
        try:
            row = rows.get(strategy_key(strategy_id), DEFINITION, consistent_read=True)
        except rows.DoesNotExist:
            raise NotFound("no such strategy") from None
    require_schema(row)
    return row


def read_strategy(rows: type[StrategyRow], strategy_id: str) -> StrategyDefinition:
    """The definition with its present counts; raises `NotFound`."""
    return definition_of(read_row(rows, strategy_id))


def pins_of(row: StrategyRow) -> dict[int, int]:
    """Subscriptions by the number of the version that they have pinned."""
    return {int(number): int(count) for number, count in json.loads(row.pins or "{}").items()}


def pins_text(pins: Mapping[int, int]) -> str:
    """The attribute that `pins_of` reads."""
    return json.dumps({str(number): pins[number] for number in sorted(pins)}, separators=(",", ":"))


def _since(rows: type[RecordRow], venue: str, until: datetime) -> Condition:
    """All windows of a venue from `until` on: at most two days of them, since windows end by themselves."""
    return rows.place.between(key(RECENT, venue, sortable(until)), key(RECENT, venue, AFTER_EVERY_WINDOW))


def definition_of(row: StrategyRow) -> StrategyDefinition:
    """The definition in a row, with its counts."""
    require_schema(row)
    pinned = sum(pins_of(row).values())
    return replace(from_json(StrategyDefinition, row.body), subscriber_count=int(row.subscriber_count), pinned_count=pinned)
