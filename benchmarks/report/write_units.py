"""The cost of a write on DynamoDB: units by the item's size before and after, in the table and in each index.

After "Item sizes and formats" and "Write capacity" of the Amazon DynamoDB Developer Guide: one unit for each started kilobyte of
the larger item. An index is written once if an item enters, leaves or changes there, and twice if its key changes.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

UNIT_BYTES = 1_024
READ_UNIT_BYTES = 4_096
KEYS = ("PK", "SK")
# Each index by its keys, with the attributes that it copies beside the table's and its own keys. None copies all attributes.
INDEXES: Mapping[tuple[str, str], tuple[str, ...] | None] = {
    ("GSI1PK", "GSI1SK"): None,
    ("GSI2PK", "GSI2SK"): None,
    ("GSI3PK", "GSI3SK"): ("tenant_id", "account_id"),
    ("GSI4PK", "GSI4SK"): (),
}
LENGTH_OF_NUMBER = 21  # at most; a version is far shorter

Item = Mapping[str, Any]


def write_units(before: Item | None, after: Item) -> int:
    """Of one unconditional or conditional put; a transaction costs twice as much."""
    units = _units(max(item_bytes(before), item_bytes(after)))
    return units + sum(_index_units(before, after, keys, copied) for keys, copied in INDEXES.items())


def read_units(item: Item | None) -> int:
    """Of a strongly consistent read, which costs a unit even where nothing is."""
    return max(1, -(-item_bytes(item) // READ_UNIT_BYTES))


def item_bytes(item: Item | None) -> int:
    """Names and values, binary ones without base64, as DynamoDB counts them."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in (item or {}).items())


def _index_units(before: Item | None, after: Item, keys: tuple[str, str], copied: tuple[str, ...] | None) -> int:
    entries = [_entry(item, keys, copied) for item in (before, after)]
    old, new = entries
    if old == new:
        return 0
    if old is None or new is None:
        return _units(item_bytes(old or new))
    if all(old[key] == new[key] for key in keys):
        return _units(max(item_bytes(old), item_bytes(new)))
    return _units(item_bytes(old)) + _units(item_bytes(new))


def _entry(item: Item | None, keys: tuple[str, str], copied: tuple[str, ...] | None) -> Item | None:
    if item is None or any(key not in item for key in keys):
        return None
    return item if copied is None else {name: item[name] for name in (*KEYS, *keys, *copied) if name in item}


def _value_bytes(value: Mapping[str, Any]) -> int:
    (kind, content), *_ = value.items()
    if kind == "N":
        return min(LENGTH_OF_NUMBER, len(str(content)))
    return len(b64decode(content)) if kind == "B" else len(str(content).encode())


def _units(size: int) -> int:
    return -(-size // UNIT_BYTES)
