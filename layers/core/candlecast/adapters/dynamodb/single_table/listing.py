"""Pages of a listing: read in order, filtered here, and bounded for one request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from candlecast.adapters.dynamodb.single_table.table import Row, store_errors
from candlecast.adapters.paging import check_limit, decode_cursor, encode_cursor
from candlecast.domain.values.errors import InvalidValue
from candlecast.ports.store import Page

MAX_ROWS_READ = 1_000  # for a filtered page: about 1 MB and a quarter of a second; the page may then be short, its cursor goes on

Key = dict[str, str]


def read_page[R: Row, T](
    query: Callable[..., Iterator[R]],
    partition: str,
    key_names: tuple[str, ...],
    decode: Callable[[R], T | None],
    cursor: str | None,
    limit: int,
    condition: Any = None,
    *,
    ascending: bool = False,
) -> Page[T]:
    """Read one page, newest first unless it is to ascend.

    `query` is a row's or an index's query. `key_names` are the attributes of its keys; the first is the partition. `decode` makes
    the value, or None to leave the row out. Raises `InvalidValue` CURSOR_INVALID, PAGE_SIZE_INVALID.
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
            page_size=limit + 1,
        )
        for number, row in enumerate(rows, start=1):
            value = decode(row)
            last_read = _key_of(row, key_names)
            if value is not None:
                found.append((value, last_read))
            if len(found) > limit:
                return Page([value for value, _ in found[:limit]], encode_cursor(partition, found[limit - 1][1]))
            if number == MAX_ROWS_READ:
                return Page([value for value, _ in found], encode_cursor(partition, last_read))
    return Page([value for value, _ in found])


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
