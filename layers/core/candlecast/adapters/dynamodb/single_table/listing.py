"""Pages of a listing: read in order by one request, and filtered here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from candlecast.adapters.dynamodb.single_table.table import Row, sortable, store_errors
from candlecast.adapters.paging import check_limit, decode_cursor, encode_cursor
from candlecast.domain.values.errors import InvalidValue
from candlecast.ports.store import Page

if TYPE_CHECKING:
    from pynamodb.pagination import ResultIterator

    from candlecast.ports.filters import Window

ROWS_OF_A_FILTERED_PAGE = 300  # half of the megabyte that one answer may have; the page may be short, its cursor goes on
A_MOMENT = timedelta(microseconds=1)  # between two times in a key
FIRST, LAST = "0", "~"  # sort before and behind every time; `LAST` also sorts behind an id after a time

Key = dict[str, str]


def read_page[R: Row, T](
    query: Callable[..., ResultIterator[R]],
    partition: str,
    key_names: tuple[str, ...],
    decode: Callable[[R], T | None],
    cursor: str | None,
    limit: int,
    condition: Any = None,
    *,
    ascending: bool = False,
    filtered: bool = False,
) -> Page[T]:
    """Read one page by one request, newest first unless it is to ascend.

    `query` is a row's or an index's query. `key_names` are the attributes of its keys; the first is the partition. `decode` makes
    the value, or None to leave the row out; `filtered` says that many are left out. A page ends with the rows of its request, so
    a page may be short, or empty, and yet have a cursor. Raises `InvalidValue` CURSOR_INVALID, PAGE_SIZE_INVALID.
    """
    check_limit(limit)
    start = start_of(partition, key_names, cursor)
    found: list[tuple[T, Key]] = []
    last_read: Key | None = None
    with store_errors():
        rows = query(
            partition,
            range_key_condition=condition,
            scan_index_forward=ascending,
            last_evaluated_key=start,
            page_size=ROWS_OF_A_FILTERED_PAGE if filtered else limit + 1,
        )
        for number, row in enumerate(rows, start=1):
            value = decode(row)
            last_read = _key_of(row, key_names)
            if value is not None:
                found.append((value, last_read))
            if len(found) > limit:
                return Page([value for value, _ in found[:limit]], encode_cursor(partition, found[limit - 1][1]))
            if number == rows.page_iter.total_scanned_count:  # a further row would be a further request
                break
        goes_on = last_read is not None and rows.last_evaluated_key is not None
    return Page([value for value, _ in found], encode_cursor(partition, last_read) if goes_on and last_read else None)


def within(attribute: Any, window: Window, prefix: str = "", text: Callable[[datetime], str] = sortable) -> Any:
    """The condition on a sort key whose times, behind `prefix`, lie in the window; None if nothing bounds the key.

    A time in a key is followed by an id, or by nothing. `text` writes a time as the key has it.
    """
    if not window.is_bounded and not prefix:
        return None
    first = FIRST if window.since is None else text(window.since)
    last = "" if window.until is None else text(window.until - A_MOMENT)
    return attribute.between(prefix + first, prefix + last + LAST)


def start_of(partition: str, key_names: tuple[str, ...], cursor: str | None) -> dict[str, dict[str, str]] | None:
    """The key behind which a page begins; None is the first page. Raises `InvalidValue` (CURSOR_INVALID)."""
    if cursor is None:
        return None
    position = decode_cursor(partition, cursor)
    if set(position) != set(key_names) or position[key_names[0]] != partition:
        raise InvalidValue("the cursor does not belong to this listing", code="CURSOR_INVALID")
    return {name: {"S": value} for name, value in position.items()}


def _key_of(row: Row, key_names: tuple[str, ...]) -> Key:
    by_name = {attribute.attr_name: name for name, attribute in row.get_attributes().items()}
    return {name: str(getattr(row, by_name[name])) for name in key_names}
