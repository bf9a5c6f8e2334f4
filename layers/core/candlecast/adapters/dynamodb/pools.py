"""Pools of organisations: an item for every slot and one for every reservation, changed together by one transaction.

Each lies in a partition of its own, so that what an organisation orders at once is spread. A slot holds its free room as a number
of its own, because a condition can compare but not add. Reservations that must be looked at are in the index of due accounts,
under a name of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from heapq import merge
from itertools import islice
from typing import Any
from zlib import crc32

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition

from candlecast.adapters.codec import from_json, to_sparse_json
from candlecast.adapters.dynamodb.single_table.batch import Item, Key, read_items
from candlecast.adapters.dynamodb.single_table.table import (
    SCHEMA_VERSION,
    SEPARATOR,
    DecimalAttribute,
    Row,
    Table,
    cancelled_by,
    key,
    require_schema,
    sortable,
    store_errors,
)
from candlecast.domain.limits.pool_bounds import Amounts, PoolLimits
from candlecast.domain.pools.pool import SLOTS, Pool, Reservation, Slot, SlotChange
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, RetryLater
from candlecast.ports.clock import Clock
from candlecast.ports.pool import RESERVATION_CHANGED, SLOT_CHANGED

STATE = "STATE"
MET_ANOTHER = "TransactionConflict"
RESERVATION_PREFIX = "RESERVATION" + SEPARATOR
ENDED_RETENTION = timedelta(days=1)
SHARDS = 4  # of the index of due reservations; an index partition takes 1,000 write units a second


class SlotRow(Row):
    """A slot; `used_...` and `free_...` are its amounts, `day` is text that sorts as time does."""

    version = NumberAttribute()
    limits_version = NumberAttribute()
    limits = UnicodeAttribute()
    day = UnicodeAttribute()
    used_notional = DecimalAttribute()
    used_positions = DecimalAttribute()
    used_orders = DecimalAttribute()
    free_notional = DecimalAttribute()
    free_positions = DecimalAttribute()
    free_orders = DecimalAttribute()
    pnl = DecimalAttribute()


class ReservationRow(Row):
    """A reservation; the account's names are there for the index. One that has ended stays for a while, unlisted: nobody who
    takes orders may delete items.
    """

    version = NumberAttribute()
    tenant_id = UnicodeAttribute()
    account_id = UnicodeAttribute()
    expires_at = NumberAttribute(null=True)
    body = UnicodeAttribute()


class DynamoPoolStore:
    """`ports.pool.PoolStore`; the clock is for how long ended reservations stay."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._slots = table.rows(SlotRow)
        self._reservations = table.rows(ReservationRow)

    def read_pool(self, organisation_id: str) -> Pool:
        keys = [_slot_key(organisation_id, number) for number in range(SLOTS)]
        found = read_items(self._table, keys)
        return Pool(tuple(_slot(number, found[at]) for number, at in enumerate(keys) if at in found))

    def share_out(self, organisation_id: str, pool: Pool) -> None:
        rows = self._slots
        with store_errors(), _conflicts(), self._table.transaction() as transaction:
            for slot in pool.slots:
                known = rows.version == slot.version if slot.version else rows.partition.does_not_exist()
                transaction.save(self._slot_row(organisation_id, slot), condition=known)

    def find_reservation(self, intent_id: str) -> Reservation | None:
        with store_errors():
            try:
                row = self._reservations.get(*_reservation_key(intent_id), consistent_read=True)
            except self._reservations.DoesNotExist:
                return None
        require_schema(row)
        return from_json(Reservation, row.body) if row.expires_at is None else None

    def change(
        self, organisation_id: str, changes: Sequence[SlotChange], old: Reservation | None, new: Reservation | None
    ) -> None:
        rows = self._reservations
        unchanged: Condition = rows.partition.does_not_exist() | rows.expires_at.exists()
        if old is not None:
            unchanged = (rows.version == old.version) & rows.expires_at.does_not_exist()
        about = (old or new) is not None
        with store_errors(), _conflicts(reservation_first=about), self._table.transaction() as transaction:
            if new is not None:
                transaction.save(self._reservation_row(new, old), condition=unchanged)
            elif old is not None:
                transaction.save(self._ended_row(old), condition=unchanged)
            for change in changes:
                row = self._slots(*_slot_key(organisation_id, change.number))
                transaction.update(row, actions=self._additions(change), condition=self._allows(change))

    def due_reservations(self, before: datetime, limit: int) -> Sequence[Reservation]:
        shards = (self._due_of_shard(shard, before, limit) for shard in range(SHARDS))
        names = [name for _, name in islice(merge(*shards), limit)]
        found = (self.find_reservation(name) for name in names)
        return [each for each in found if each is not None and each.look_at <= before]

    def _due_of_shard(self, shard: int, before: datetime, limit: int) -> Sequence[tuple[str, str]]:
        rows = self._reservations
        with store_errors():
            due = rows.by_index3.query(
                key("RESERVATIONS", str(shard)),
                rows.index3_place <= sortable(before),
                limit=limit,
                attributes_to_get=["PK", "GSI3SK"],
            )
            return [(row.index3_place, row.partition.removeprefix(RESERVATION_PREFIX)) for row in due]

    def _slot_row(self, organisation_id: str, slot: Slot) -> SlotRow:
        row = self._slots(
            *_slot_key(organisation_id, slot.number),
            version=slot.version + 1,
            limits_version=slot.limits.version,
            limits=to_sparse_json(slot.limits),
            day=slot.day.isoformat(),
            pnl=slot.pnl,
        )
        for name, value in {**_named("used", slot.used), **_named("free", slot.free)}.items():
            setattr(row, name, value)
        return row

    def _reservation_row(self, new: Reservation, old: Reservation | None) -> ReservationRow:
        stored = replace(new, version=(old.version if old is not None else 0) + 1)
        return self._reservations(
            *_reservation_key(stored.intent_id),
            index3_partition=key("RESERVATIONS", str(crc32(stored.intent_id.encode()) % SHARDS)),
            index3_place=sortable(stored.look_at),
            version=stored.version,
            tenant_id=stored.tenant_id,
            account_id=stored.account_id,
            body=to_sparse_json(stored),
        )

    def _ended_row(self, old: Reservation) -> ReservationRow:
        row = self._reservation_row(old, old)
        row.index3_partition = row.index3_place = None
        row.expires_at = int((self._clock.now() + ENDED_RETENTION).timestamp())
        return row

    def _additions(self, change: SlotChange) -> list[Any]:
        rows = self._slots
        added = {**_named("used", change.used), **_named("free", change.free), "pnl": change.pnl}
        return [rows.version.add(1), *(getattr(rows, name).add(value) for name, value in added.items() if value)]

    def _allows(self, change: SlotChange) -> Condition:
        rows = self._slots
        allowed: Condition = (rows.day == change.day.isoformat()) & (rows.limits_version >= change.limits_version)
        for name, value in _named("free", change.free).items():
            if value < 0:
                allowed &= getattr(rows, name) >= -value
        return allowed


@contextmanager
def _conflicts(*, reservation_first: bool = False) -> Iterator[None]:
    """Translate a transaction that was refused, or that met another; a reservation's put comes before the updates."""
    try:
        yield
    except TransactWriteError as error:
        refused = cancelled_by(error)
        if reservation_first and 0 in refused:
            raise Conflict(RESERVATION_CHANGED, "the reservation is another by now") from error
        if refused or any(reason and reason.code == MET_ANOTHER for reason in error.cancellation_reasons):
            raise Conflict(SLOT_CHANGED, "a slot does not allow its change") from error
        raise


def _slot_key(organisation_id: str, number: int) -> Key:
    return key("POOL", organisation_id, f"{number:02d}"), STATE


def _reservation_key(intent_id: str) -> Key:
    return key("RESERVATION", intent_id), STATE


def _named(prefix: str, amounts: Amounts) -> dict[str, Any]:
    return {
        f"{prefix}_notional": amounts.notional,
        f"{prefix}_positions": amounts.positions,
        f"{prefix}_orders": amounts.orders,
    }


def _slot(number: int, item: Item) -> Slot:
    if int(item["schema_version"]["N"]) != SCHEMA_VERSION:
        raise RetryLater("SCHEMA_UNKNOWN", "the slot was written by newer code", after_seconds=30)

    def amounts(prefix: str) -> Amounts:
        return Amounts(*(_decimal(item, f"{prefix}_{name}") for name in ("notional", "positions", "orders")))

    return Slot(
        number=number,
        limits=from_json(PoolLimits, item["limits"]["S"]),
        day=date.fromisoformat(item["day"]["S"]),
        used=amounts("used"),
        free=amounts("free"),
        pnl=_decimal(item, "pnl"),
        version=int(item["version"]["N"]),
    )


def _decimal(item: Mapping[str, Any], name: str) -> Any:
    return DecimalAttribute().deserialize(item[name]["N"])
