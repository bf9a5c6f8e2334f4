"""Cursors: opaque, and good for the listing that they came from."""

from __future__ import annotations

import base64
import json

import pytest

from candlecast.adapters.paging import decode_cursor, encode_cursor
from candlecast.domain.values.errors import InvalidValue

POSITION = {"PK": "TENANT#tenant-1", "SK": "ORDER#1"}
LISTING = "TENANT#tenant-1#ORDERS"


def forged(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def test_a_cursor_leads_back_to_its_place() -> None:
    assert decode_cursor(LISTING, encode_cursor(LISTING, POSITION)) == POSITION


def test_a_cursor_shows_no_key() -> None:
    assert "TENANT" not in encode_cursor(LISTING, POSITION)


@pytest.mark.parametrize(
    "cursor",
    [
        encode_cursor("TENANT#tenant-2#ORDERS", POSITION),
        forged([LISTING]),
        forged([LISTING, "x"]),
        forged([LISTING, {"PK": 1}]),
        forged(LISTING),
        "not base64!",
        "é",
        "A" * 3_000,
        encode_cursor(LISTING, POSITION)[:-5],
    ],
)
def test_any_other_text_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        decode_cursor(LISTING, cursor)
    assert refused.value.code == "CURSOR_INVALID"
