"""Parity by day: an item for each strategy and day, in partitions of their own: who writes them reaches nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pynamodb.attributes import NumberAttribute

from candlecast.adapters.codec import from_json, to_json
from candlecast.adapters.dynamodb.single_table.table import (
    CompressedAttribute,
    Row,
    Table,
    key,
    require_schema,
    store_errors,
)
from candlecast.domain.parity.parity import MAX_DAYS, RETENTION, ParityDay, end_of

PARITY = "PARITY"


class ParityRow(Row):
    """One day; `body` has up to twenty differences with their candles."""

    body = CompressedAttribute()
    expires_at = NumberAttribute()


class DynamoParityStore:
    """`ports.parity.ParityStore`."""

    def __init__(self, table: Table) -> None:
        self._rows = table.rows(ParityRow)

    def put_day(self, day: ParityDay) -> None:
        row = self._rows(
            key(PARITY, day.strategy_id),
            day.day.isoformat(),
            body=to_json(day),
            expires_at=int((end_of(day.day) + RETENTION).timestamp()),
        )
        with store_errors():
            row.save()

    def list_days(self, strategy_id: str, first: date, last: date) -> Sequence[ParityDay]:
        asked = self._rows.place.between(first.isoformat(), last.isoformat())
        with store_errors():
            rows = self._rows.query(key(PARITY, strategy_id), asked, scan_index_forward=False, limit=MAX_DAYS)
            return [_day(row) for row in rows]


def _day(row: ParityRow) -> ParityDay:
    require_schema(row)
    return from_json(ParityDay, row.body)
