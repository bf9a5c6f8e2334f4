"""Signals and receipts in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from candlecast.domain.strategies.execution import ReceivedAs, ShardReport, SignalRecord
from candlecast.domain.values.errors import NotFound
from candlecast.ports.filters import SignalFilter
from candlecast.ports.store import NewestMessage, Page, ReceivedMessage
from tests.support.fakes.store import FakeDatabase, Receipt, listed, page_of


class FakeSignalStore:
    def __init__(self, database: FakeDatabase | None = None) -> None:
        self.database = database or FakeDatabase()

    def put_signal(self, record: SignalRecord) -> SignalRecord:
        return replace(self.database.signals.setdefault(record.signal.signal_id, record), reports={})

    def report_shard(self, signal_id: str, report: ShardReport) -> None:
        reports = self.database.shard_reports.setdefault(signal_id, {})
        stored = reports.get(report.shard)
        if stored is None or stored.reached <= report.reached:
            reports[report.shard] = report

    def shard_report(self, signal_id: str, shard: int) -> ShardReport | None:
        return self.database.shard_reports.get(signal_id, {}).get(shard)

    def get_signal(self, signal_id: str) -> SignalRecord:
        try:
            return self._with_reports(self.database.signals[signal_id])
        except KeyError:
            raise NotFound("no such signal") from None

    def find_signals(self, signal_ids: Collection[str]) -> Mapping[str, SignalRecord]:
        found = ((signal_id, self.database.signals.get(signal_id)) for signal_id in signal_ids)
        return {signal_id: replace(record, reports={}) for signal_id, record in found if record is not None}

    def list_signals(
        self, strategy_id: str, where: SignalFilter, cursor: str | None = None, limit: int = 50
    ) -> Page[SignalRecord]:
        stored = map(self._with_reports, self.database.signals.values())
        own = [record for record in stored if record.signal.strategy_id == strategy_id]
        placed = [((record.published_at, record.signal.signal_id), record) for record in own]
        return page_of(f"SIGNALS#{strategy_id}", listed(placed, where, lambda record: record.signal), cursor, limit)

    def receive(
        self, source_id: str, sender_key: str, signal_id: str, body: str, at: datetime, window_seconds: int
    ) -> tuple[str, bool]:
        key = (source_id, sender_key)
        held = self.database.receipts.get(key)
        if held is not None and at < held.window_ends:
            return held.signal_id, held.queued
        self.database.receipts[key] = Receipt(signal_id, body, at + timedelta(seconds=window_seconds), at)
        return signal_id, False

    def mark_queued(self, source_id: str, sender_key: str, at: datetime) -> None:
        receipt = self.database.receipts.get((source_id, sender_key))
        if receipt is None:
            raise NotFound("no such receipt")
        receipt.queued_at = at

    def find_message(self, received_as: ReceivedAs) -> ReceivedMessage | None:
        held = self.database.receipts.get((received_as.source_id, received_as.sender_key))
        if held is None:
            return None
        return ReceivedMessage(signal_id=held.signal_id, body=held.body, received_at=held.received_at, queued_at=held.queued_at)

    def newest_message(self, source_id: str, market: str) -> NewestMessage | None:
        known = self.database.newest_messages.get((source_id, market))
        return None if known is None else known[0]

    def put_newest_message(self, source_id: str, market: str, message: NewestMessage, at: datetime) -> None:
        known = self.database.newest_messages.get((source_id, market))
        if known is None or known[1] <= at:
            self.database.newest_messages[source_id, market] = (message, at)

    def _with_reports(self, record: SignalRecord) -> SignalRecord:
        reported = self.database.shard_reports.get(record.signal.signal_id, {})
        return replace(record, reports={**record.reports, **reported})
