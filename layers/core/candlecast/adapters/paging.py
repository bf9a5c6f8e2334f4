"""Cursors and page sizes: a cursor is opaque to its holder and good for the one listing of the one tenant that it came from."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from candlecast.domain.values.errors import InvalidValue

MAX_PAGE_SIZE = (
    100  # a page of the largest rows stays far below the 1 MB that one query reads and the 6 MB that a function answers
)
MAX_CURSOR_CHARACTERS = 2_048  # a key has at most 2 kB by DynamoDB's rules, ours some 300 bytes

Position = Mapping[str, str]


def check_limit(limit: int) -> int:
    """Return `limit` if it is a page size that is served; raises `InvalidValue` (PAGE_SIZE_INVALID)."""
    if not 1 <= limit <= MAX_PAGE_SIZE:
        raise InvalidValue(f"limit must be between 1 and {MAX_PAGE_SIZE}", code="PAGE_SIZE_INVALID")
    return limit


def encode_cursor(listing: str, position: Position) -> str:
    """The cursor of a place in a listing; `listing` names what is listed and for whom."""
    text = json.dumps([listing, dict(position)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(listing: str, cursor: str) -> dict[str, str]:
    """The place that `encode_cursor` was given; raises `InvalidValue` (CURSOR_INVALID) for any other."""
    invalid = InvalidValue("the cursor does not belong to this listing", code="CURSOR_INVALID")
    if len(cursor) > MAX_CURSOR_CHARACTERS:
        raise invalid
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        found, position = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError):
        raise invalid from None
    if found != listing or not isinstance(position, dict):
        raise invalid
    if not all(isinstance(key, str) and isinstance(value, str) for key, value in position.items()):
        raise invalid
    return position
