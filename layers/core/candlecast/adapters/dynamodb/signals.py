"""Published signals with the reports of their shards, and receipts of messages from outside."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pynamodb.attributes import BooleanAttribute, MapAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError, UpdateError

from candlecast.adapters.codec import from_json, to_json
from candlecast.adapters.dynamodb.single_table.batch import read_items
from candlecast.adapters.dynamodb.single_table.listing import read_page, within
from candlecast.adapters.dynamodb.single_table.table import (
    SCHEMA_VERSION,
    Row,
    Table,
    condition_failed,
    key,
    require_schema,
    require_version,
    sortable,
    store_errors,
)
from candlecast.domain.strategies.execution import ReceivedAs, ShardReport, SignalRecord
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import NotFound
from candlecast.domain.values.ids import digest
from candlecast.ports.store import MESSAGES_KEPT, NewestMessage, Page, ReceivedMessage

if TYPE_CHECKING:
    from candlecast.ports.filters import SignalFilter

SIGNAL = "SIGNAL"
NOBODY = "-"  # sorts before every turn; a shard may be empty, an attribute that is compared may not


class SignalRow(Row):
    """A published signal. `reports` is where older code keeps what its shards have come to, one JSON text each."""

    body = UnicodeAttribute()
    reports: MapAttribute[str, Any] = MapAttribute()  # type: ignore[no-untyped-call]


class ShardRow(Row):
    """How far one shard of a signal has come: an item each, since hundreds of shards would queue up before one."""

    body = UnicodeAttribute()
    reached = UnicodeAttribute()


class ReceiptRow(Row):
    """A message from outside, by its sender's key for it."""

    signal_id = UnicodeAttribute()
    body = UnicodeAttribute()
    received_at = UnicodeAttribute()
    window_ends = UnicodeAttribute()
    queued = BooleanAttribute(default=False)
    queued_at = UnicodeAttribute(null=True)
    expires_at = NumberAttribute()


class NewestRow(Row):
    """The newest accepted message of a source in one market."""

    sender_key = UnicodeAttribute()
    signal_id = UnicodeAttribute()
    came_after = UnicodeAttribute(null=True)
    received_at = UnicodeAttribute(null=True)  # older rows have none, and any message replaces them
    expires_at = NumberAttribute()


class DynamoSignalStore:
    """`ports.store.SignalStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rows = table.rows(SignalRow)
        self._shards = table.rows(ShardRow)
        self._receipts = table.rows(ReceiptRow)
        self._newest = table.rows(NewestRow)

    def put_signal(self, record: SignalRecord) -> SignalRecord:
        signal_id = record.signal.signal_id
        row = self._rows(
            key(SIGNAL, signal_id),
            SIGNAL,
            index1_partition=key("SIGNALS", record.signal.strategy_id),
            index1_place=key(sortable(record.published_at), signal_id),
            body=to_json(replace(record, reports={})),
            reports={},
        )
        try:
            with store_errors():
                row.save(condition=self._rows.partition.does_not_exist())
        except PutError as error:
            if not condition_failed(error):
                raise
            return replace(_record(self._row(signal_id)), reports={})
        return replace(record, reports={})

    def report_shard(self, signal_id: str, report: ShardReport) -> None:
        rows = self._shards
        try:
            with store_errors():
                rows(key(SIGNAL, signal_id), _shard_place(report.shard)).update(
                    actions=[
                        rows.body.set(to_json(report)),
                        rows.reached.set(report.reached or NOBODY),
                        rows.schema_version.set(SCHEMA_VERSION),
                    ],
                    condition=rows.reached.does_not_exist() | (rows.reached <= (report.reached or NOBODY)),
                )
        except UpdateError as error:
            if not condition_failed(error):
                raise

    def shard_report(self, signal_id: str, shard: int) -> ShardReport | None:
        return self._reports([(signal_id, shard)]).get((signal_id, shard))

    def get_signal(self, signal_id: str) -> SignalRecord:
        return self._with_reports([_record(self._row(signal_id))])[0]

    def find_signals(self, signal_ids: Collection[str]) -> Mapping[str, SignalRecord]:
        found = read_items(self._table, {(key(SIGNAL, signal_id), SIGNAL) for signal_id in signal_ids}, consistent=False)
        records = []
        for item in found.values():
            require_version(int(item["schema_version"]["N"]))
            records.append(from_json(SignalRecord, item["body"]["S"]))
        return {record.signal.signal_id: record for record in records}

    def list_signals(
        self, strategy_id: str, where: SignalFilter, cursor: str | None = None, limit: int = 50
    ) -> Page[SignalRecord]:
        def fitting(row: SignalRow) -> SignalRecord | None:
            record = _record(row)
            return record if where.fits(record.signal) else None

        page = read_page(
            self._rows.by_index1.query,
            key("SIGNALS", strategy_id),
            ("GSI1PK", "GSI1SK", "PK", "SK"),
            fitting,
            cursor,
            limit,
            within(self._rows.index1_place, where.window),
            ascending=where.window.ascending,
            filtered=bool(where.conditions),
        )
        return Page(self._with_reports(page.items), page.cursor)

    def _row(self, signal_id: str) -> SignalRow:
        with store_errors():
            try:
                return self._rows.get(key(SIGNAL, signal_id), SIGNAL, consistent_read=True)
            except self._rows.DoesNotExist:
                raise NotFound("no such signal") from None

    def _with_reports(self, records: Sequence[SignalRecord]) -> list[SignalRecord]:
        """The records with the reports of their shards."""
        found = self._reports([(record.signal.signal_id, shard) for record in records for shard in range(record.shards)])
        by_signal: dict[str, dict[int, ShardReport]] = {}
        for (signal_id, shard), report in found.items():
            by_signal.setdefault(signal_id, {})[shard] = report
        return [replace(each, reports={**each.reports, **by_signal.get(each.signal.signal_id, {})}) for each in records]

    def _reports(self, shards: Collection[tuple[str, int]]) -> dict[tuple[str, int], ShardReport]:
        by_key = {(key(SIGNAL, signal_id), _shard_place(shard)): (signal_id, shard) for signal_id, shard in shards}
        return {by_key[place]: _report(item) for place, item in read_items(self._table, by_key).items()}

    def receive(
        self, source_id: str, sender_key: str, signal_id: str, body: str, at: datetime, window_seconds: int
    ) -> tuple[str, bool]:
        partition, place = _receipt_key(source_id, sender_key)
        row = self._receipts(
            partition,
            place,
            signal_id=signal_id,
            body=body,
            received_at=sortable(at),
            window_ends=sortable(at + timedelta(seconds=window_seconds)),
            expires_at=int((at + timedelta(seconds=window_seconds) + MESSAGES_KEPT).astimezone(UTC).timestamp()),
        )
        is_new = self._receipts.partition.does_not_exist() | (self._receipts.window_ends <= sortable(at))
        try:
            with store_errors():
                row.save(condition=is_new)
        except PutError as error:
            if not condition_failed(error):
                raise
        else:
            return signal_id, False
        with store_errors():
            held = self._receipts.get(partition, place, consistent_read=True)
        return held.signal_id, held.queued

    def mark_queued(self, source_id: str, sender_key: str, at: datetime) -> None:
        row = self._receipts(*_receipt_key(source_id, sender_key))
        try:
            with store_errors():
                row.update(
                    actions=[self._receipts.queued.set(True), self._receipts.queued_at.set(sortable(at))],
                    condition=self._receipts.partition.exists(),
                )
        except UpdateError as error:
            if condition_failed(error):
                raise NotFound("no such receipt") from error
            raise

    def find_message(self, received_as: ReceivedAs) -> ReceivedMessage | None:
        place = _receipt_key(received_as.source_id, received_as.sender_key)
        with store_errors():
            try:
                row = self._receipts.get(*place)
            except self._receipts.DoesNotExist:
                return None
        require_schema(row)
        return ReceivedMessage(
            signal_id=row.signal_id,
            body=row.body,
            received_at=datetime.fromisoformat(row.received_at),
            queued_at=None if row.queued_at is None else datetime.fromisoformat(row.queued_at),
        )

    def newest_message(self, source_id: str, market: str) -> NewestMessage | None:
        with store_errors():
            try:
                row = self._newest.get(*_newest_key(source_id, market), consistent_read=True)
            except self._newest.DoesNotExist:
                return None
        require_schema(row)
        return NewestMessage(row.sender_key, row.signal_id, row.came_after or "")

    def put_newest_message(self, source_id: str, market: str, message: NewestMessage, at: datetime) -> None:
        row = self._newest(
            *_newest_key(source_id, market),
            sender_key=message.sender_key,
            signal_id=message.signal_id,
            came_after=message.came_after or None,
            received_at=sortable(at),
            expires_at=int((at + MESSAGES_KEPT).astimezone(UTC).timestamp()),
        )
        rows = self._newest
        try:
            with store_errors():
                row.save(condition=rows.received_at.does_not_exist() | (rows.received_at <= sortable(at)))
        except PutError as error:
            if not condition_failed(error):
                raise


def _newest_key(source_id: str, market: str) -> tuple[str, str]:
    return key("SOURCE", source_id), key("NEWEST", market)


def _receipt_key(source_id: str, sender_key: str) -> tuple[str, str]:
    """The sender's key is hashed: it is the sender's own text, of any length."""
    return key("SOURCE", source_id), key("RECEIPT", digest("receipt", sender_key))


def _shard_place(shard: int) -> str:
    return key("SHARD", str(shard))


def _record(row: SignalRow) -> SignalRecord:
    require_schema(row)
    texts: dict[str, str] = row.reports.as_dict()  # type: ignore[no-untyped-call]
    reports = {int(shard): from_json(ShardReport, text) for shard, text in texts.items()}
    return replace(from_json(SignalRecord, row.body), reports=reports)


def _report(item: Mapping[str, Mapping[str, str]]) -> ShardReport:
    require_version(int(item["schema_version"]["N"]))
    return from_json(ShardReport, item["body"]["S"])
