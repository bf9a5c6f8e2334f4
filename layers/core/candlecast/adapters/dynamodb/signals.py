"""Published signals with what became of their shards, and receipts of messages from outside."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pynamodb.attributes import BooleanAttribute, MapAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError, UpdateError

from candlecast.adapters.codec import from_json, to_json
from candlecast.adapters.dynamodb.listing import read_page
from candlecast.adapters.dynamodb.table import Row, Table, condition_failed, key, require_schema, sortable, store_errors
from candlecast.domain.errors import NotFound
from candlecast.domain.execution import ShardReport, SignalRecord
from candlecast.domain.ids import digest
from candlecast.ports.store import Page

SIGNAL = "SIGNAL"
RECEIPT_RETENTION = timedelta(days=30)  # beyond its window a receipt is there for people: what did the sender really send?


class SignalRow(Row):
    """A published signal; `reports` holds one JSON text per shard, so that shards do not overwrite each other."""

    body = UnicodeAttribute()
    reports: MapAttribute[str, Any] = MapAttribute()  # type: ignore[no-untyped-call]


class ReceiptRow(Row):
    """A message from outside, by its sender's key for it."""

    signal_id = UnicodeAttribute()
    body = UnicodeAttribute()
    received_at = UnicodeAttribute()
    window_ends = UnicodeAttribute()
    queued = BooleanAttribute(default=False)
    queued_at = UnicodeAttribute(null=True)
    expires_at = NumberAttribute()


class DynamoSignalStore:
    """`ports.store.SignalStore`."""

    def __init__(self, table: Table) -> None:
        self._rows = table.rows(SignalRow)
        self._receipts = table.rows(ReceiptRow)

    def put_signal(self, record: SignalRecord) -> None:
        signal_id = record.signal.signal_id
        row = self._rows(
            key(SIGNAL, signal_id),
            SIGNAL,
            index1_partition=key("SIGNALS", record.signal.strategy_id),
            index1_place=key(sortable(record.published_at), signal_id),
            body=to_json(replace(record, reports={})),
            reports={str(shard): to_json(report) for shard, report in record.reports.items()},
        )
        try:
            with store_errors():
                row.save(condition=self._rows.partition.does_not_exist())
        except PutError as error:
            if not condition_failed(error):
                raise

    def report_shard(self, signal_id: str, report: ShardReport) -> None:
        row = self._rows(key(SIGNAL, signal_id), SIGNAL)
        try:
            with store_errors():
                row.update(
                    actions=[self._rows.reports[str(report.shard)].set(to_json(report))],
                    condition=self._rows.partition.exists(),
                )
        except UpdateError as error:
            if condition_failed(error):
                raise NotFound("no such signal") from error
            raise

    def get_signal(self, signal_id: str) -> SignalRecord:
        with store_errors():
            try:
                row = self._rows.get(key(SIGNAL, signal_id), SIGNAL, consistent_read=True)
            except self._rows.DoesNotExist:
                raise NotFound("no such signal") from None
        return _record(row)

    def list_signals(self, strategy_id: str, cursor: str | None = None, limit: int = 50) -> Page[SignalRecord]:
        names = ("GSI1PK", "GSI1SK", "PK", "SK")
        return read_page(self._rows.by_index1.query, key("SIGNALS", strategy_id), names, _record, cursor, limit)

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
            expires_at=int((at + timedelta(seconds=window_seconds) + RECEIPT_RETENTION).astimezone(UTC).timestamp()),
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


def _receipt_key(source_id: str, sender_key: str) -> tuple[str, str]:
    """The sender's key is hashed: it is the sender's own text, of any length."""
    return key("SOURCE", source_id), key("RECEIPT", digest("receipt", sender_key))


def _record(row: SignalRow) -> SignalRecord:
    require_schema(row)
    texts: dict[str, str] = row.reports.as_dict()  # type: ignore[no-untyped-call]
    reports = {int(shard): from_json(ShardReport, text) for shard, text in texts.items()}
    return replace(from_json(SignalRecord, row.body), reports=reports)
