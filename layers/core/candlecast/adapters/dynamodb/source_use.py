"""Counters of signal sources: messages of a minute and an hour, notional of a day.

A source's messages of one hour are one item with a number for each minute, so that one conditional write answers for both bounds.
Notional has a partition of its own and sixteen rows a day. A thousand followers fill within seconds, and no message of the source
must wait for their counting.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zlib import crc32

from pynamodb.attributes import NumberAttribute
from pynamodb.exceptions import TransactWriteError, UpdateError
from pynamodb.expressions.operand import Path

from candlecast.adapters.dynamodb.single_table.table import (
    SCHEMA_VERSION,
    SEPARATOR,
    DecimalAttribute,
    Row,
    Table,
    cancelled_by,
    condition_failed,
    key,
    store_errors,
)
from candlecast.domain.values.money import ZERO
from candlecast.ports.sources import COUNTED_FOR, MessageBounds, MessageKind

NOTIONAL_SHARDS = 16  # as many as a strategy's track record has (`statistics.py`)
RATE_RETENTION = timedelta(days=2)  # for people who ask what a sender did last night
NOTIONAL_RETENTION = timedelta(days=90)


class RateRow(Row):
    """Messages of one kind in one hour: `total`, and a number for each minute (`m00` to `m59`)."""

    total = NumberAttribute(null=True)
    expires_at = NumberAttribute(null=True)


class NotionalRow(Row):
    """A part of a day's notional."""

    notional = DecimalAttribute(null=True)
    expires_at = NumberAttribute(null=True)


class CountedRow(Row):
    """An order whose notional has been counted."""

    expires_at = NumberAttribute()


class DynamoSourceUse:
    """`ports.sources.SourceUse`."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rates = table.rows(RateRow)
        self._notional = table.rows(NotionalRow)
        self._counted = table.rows(CountedRow)

    def count_message(self, source_id: str, kind: MessageKind, at: datetime, bounds: MessageBounds) -> datetime | None:
        moment = at.astimezone(UTC)
        rows, minute = self._rates, Path(f"m{moment.minute:02d}")
        room = minute.does_not_exist() | (minute < bounds.per_minute)
        if bounds.per_hour is not None:
            room &= rows.total.does_not_exist() | (rows.total < bounds.per_hour)
        row = rows(key("SOURCE", source_id), key("RATE", kind.value, f"{moment:%Y-%m-%dT%H}"))
        try:
            with store_errors():
                row.update(
                    actions=[
                        rows.total.add(1),
                        minute.add(1),
                        rows.expires_at.set(int((moment + RATE_RETENTION).timestamp())),
                        rows.schema_version.set(SCHEMA_VERSION),
                    ],
                    condition=room,
                )
        except UpdateError as error:
            if not condition_failed(error):
                raise
            with store_errors():
                row.refresh(consistent_read=True)  # the library's update does not hand on the item that refused it
            return bounds.room_from(moment, int(row.total or 0))
        return None

    def notional_of(self, source_id: str, day: date) -> Decimal:
        of_the_day = self._notional.place.startswith(day.isoformat() + SEPARATOR)
        with store_errors():
            rows = list(self._notional.query(key("SOURCE", source_id, "NOTIONAL"), of_the_day, consistent_read=True))
        return sum((row.notional or ZERO for row in rows), ZERO)

    def add_notional(self, source_id: str, order_id: str, account_id: str, notional: Decimal, at: datetime) -> None:
        moment = at.astimezone(UTC)
        mark = self._counted(
            key("SOURCE", source_id, "COUNTED", order_id), "COUNTED", expires_at=int((moment + COUNTED_FOR).timestamp())
        )
        part = self._notional(
            key("SOURCE", source_id, "NOTIONAL"),
            key(moment.date().isoformat(), f"{crc32(account_id.encode()) % NOTIONAL_SHARDS:02d}"),
        )
        try:
            with store_errors(), self._table.transaction() as transaction:
                transaction.save(mark, condition=self._counted.partition.does_not_exist())
                transaction.update(
                    part,
                    actions=[
                        self._notional.notional.add(notional),
                        self._notional.expires_at.set(int((moment + NOTIONAL_RETENTION).timestamp())),
                        self._notional.schema_version.set(SCHEMA_VERSION),
                    ],
                )
        except TransactWriteError as error:
            if not cancelled_by(error):
                raise
