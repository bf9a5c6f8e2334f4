"""Items that the gate of every order reads, and their copies: each copy lies in a partition of its own.

The item itself is copy 0. It alone is listed, told by the stream and written on the version that was read, so no copy is ever
newer. Copies carry its version and body. A copy that is written by itself never overwrites a newer one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from zlib import crc32

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError, TransactWriteError
from pynamodb.expressions.condition import Condition

from candlecast.adapters.dynamodb.single_table.batch import Item, Key, read_items
from candlecast.adapters.dynamodb.single_table.table import (
    RETRY_AFTER_SECONDS,
    SEPARATOR,
    Row,
    Table,
    cancelled_by,
    condition_failed,
    store_errors,
)
from candlecast.adapters.lanes import side_by_side
from candlecast.domain.values.errors import Conflict, RetryLater

# Of an item, each in a partition of its own, which serves 3,000 reads a second. 5,000 orders a second are 1,250 reads of each
# copy: a strongly consistent read of an item below 4 kB is one unit.
COPIES = 4
COPY_ATTEMPTS = 2  # a request lasts 6 s at its worst: transaction, item and copies end within the API's 29 s


class VersionedRow(Row):
    """A value under a version; writes are conditional on it."""

    version = NumberAttribute()
    body = UnicodeAttribute()


class CopiedItems:
    """Writes items of one table together with their copies."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._copies = table.rows(VersionedRow)

    def save_together(self, row: VersionedRow, read_version: int) -> None:
        """Write an item and all of its copies in one transaction, on the version that was read (0: there is none).

        Raises `Conflict` (VERSION_CONFLICT), `RetryLater` (STORE_UNAVAILABLE).
        """
        try:
            with store_errors(), self._table.transaction() as transaction:
                transaction.save(row, condition=_unchanged(row, read_version))
                for at in copy_keys((row.partition, row.place))[1:]:
                    transaction.save(self._copy(at, row))
        except TransactWriteError as error:
            if cancelled_by(error):
                raise _version_conflict() from error
            raise

    def save_surely(self, row: VersionedRow, read_version: int) -> None:
        """The same; if the transaction cannot be had, the item first and then each copy by itself.

        Raises `Conflict` (VERSION_CONFLICT), `RetryLater`: COPIES_INCOMPLETE if the item is written and a copy is not,
        STORE_UNAVAILABLE if not even the item may be.
        """
        try:
            self.save_together(row, read_version)
        except RetryLater:
            _repeated(partial(save_alone, row, read_version))
            self._write_copies([self._copy(at, row) for at in copy_keys((row.partition, row.place))[1:]])

    def complete(self, at: Key) -> int:
        """Write the copies that lack or lag behind their item; returns how many that were.

        Raises `RetryLater`: COPIES_INCOMPLETE if a copy could not be written, STORE_UNAVAILABLE if they could not be read.
        """
        found = read_items(self._table, copy_keys(at))
        if at not in found:
            return 0
        row = self._copies.from_raw_data(dict(found[at]))
        behind = [key for key in copy_keys(at)[1:] if key not in found or _version(found[key]) < row.version]
        self._write_copies([self._copy(key, row) for key in behind])
        return len(behind)

    def _copy(self, at: Key, row: VersionedRow) -> VersionedRow:
        return self._copies(*at, version=row.version, body=row.body, schema_version=row.schema_version)

    def _write_copies(self, copies: list[VersionedRow]) -> None:
        try:
            side_by_side(lambda copy: _repeated(partial(_save_unless_newer, copy)), copies)
        except RetryLater as error:
            told = "it is in force for some accounts and will be for all within a minute; ask again to be sure"
            raise RetryLater("COPIES_INCOMPLETE", told, after_seconds=RETRY_AFTER_SECONDS) from error


def copy_keys(at: Key) -> tuple[Key, ...]:
    """Where an item and its copies lie, the item first."""
    partition, place = at
    return at, *((SEPARATOR.join((partition, "COPY", str(number))), place) for number in range(1, COPIES))


def copy_of(account_id: str) -> int:
    """The copy that an account always reads, so that a switch is in force for all of its orders at once. 0 is the item itself."""
    return crc32(account_id.encode()) % COPIES


def copy_key(at: Key, account_id: str) -> Key:
    """Where the copy lies that an account reads."""
    return copy_keys(at)[copy_of(account_id)]


def save_alone(row: VersionedRow, read_version: int) -> None:
    """Write an item that has no copies, or whose copies follow. Raises as `CopiedItems.save_together`."""
    try:
        with store_errors():
            row.save(condition=_unchanged(row, read_version))
    except PutError as error:
        if condition_failed(error):
            raise _version_conflict() from error
        raise


def _save_unless_newer(copy: VersionedRow) -> None:
    kind = type(copy)
    try:
        with store_errors():
            copy.save(condition=kind.partition.does_not_exist() | (kind.version < copy.version))
    except PutError as error:
        if not condition_failed(error):
            raise


def _repeated(write: Callable[[], None]) -> None:
    """Retry a write at once: another transaction was under way, or a partition did not answer."""
    for _ in range(COPY_ATTEMPTS - 1):
        try:
            return write()
        except RetryLater:
            continue
    return write()


def _unchanged(row: VersionedRow, read_version: int) -> Condition:
    kind = type(row)
    known: Condition = kind.version == read_version if read_version else kind.partition.does_not_exist()
    return known


def _version(item: Item) -> int:
    return int(item["version"]["N"])


def _version_conflict() -> Conflict:
    return Conflict("VERSION_CONFLICT", "it has changed since it was read")
