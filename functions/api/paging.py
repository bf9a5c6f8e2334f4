"""Cursors as callers hold them: signed, and good for one query of one tenant (decision 0067).

The store's own cursor is a key of the table. A caller who could write one would choose where the store begins to read.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request

from candlecast.domain.values.errors import InvalidValue
from candlecast.ports.vault import CursorKey
from candlecast.runtime.compose import api
from functions.api.deps import DEFAULT_PAGE_SIZE, CallerDep, PageSize
from functions.api.strictness import FORMAT

VERSION = "1"  # of the form below; a cursor of another version is refused, and its holder begins again
MAX_CURSOR_CHARACTERS = 2_048  # the store's own has some 500, and the signature 43
OF_THE_PAGE = frozenset({"cursor", "limit", FORMAT})  # parameters that choose the page and its form, not the query

CursorKeyDep = Annotated[CursorKey, Depends(api.cursor_key)]
Cursor = Annotated[
    str | None,
    Query(description="`next_cursor` of the page before.", json_schema_extra={"maxLength": MAX_CURSOR_CHARACTERS}),
]


@dataclass(frozen=True, slots=True)
class Paging:
    """One page that is asked for: its size, and the store's cursor at which it begins; None is the first page."""

    limit: int
    start: str | None
    _key: CursorKey
    _query: str

    def next(self, cursor: str | None) -> str | None:
        """The cursor for the caller that continues at the store's `cursor`; None after the last page."""
        return None if cursor is None else seal(self._key.read(), self._query, cursor)


def paging(
    request: Request, who: CallerDep, key: CursorKeyDep, limit: PageSize = DEFAULT_PAGE_SIZE, cursor: Cursor = None
) -> Paging:
    """The page that a request asks for.

    The key is read only for a cursor that comes or goes. Raises `InvalidValue` (CURSOR_INVALID), `RetryLater`
    (VAULT_UNAVAILABLE).
    """
    filters = sorted((name, value) for name, value in request.query_params.multi_items() if name not in OF_THE_PAGE)
    query = json.dumps([who.tenant_id, request.scope["path"], filters])
    return Paging(limit, None if cursor is None else unseal(key, query, cursor), key, query)


PagingDep = Annotated[Paging, Depends(paging)]


def seal(key: bytes, query: str, cursor: str) -> str:
    """The store's cursor with its version and a signature over version, query and cursor."""
    return f"{VERSION}.{_signature(key, query, cursor)}.{cursor}"


def unseal(key: CursorKey, query: str, sealed: str) -> str:
    """The store's cursor in `sealed`; raises `InvalidValue` (CURSOR_INVALID) for one that `seal` has not made for this query."""
    version, _, rest = sealed.partition(".")
    signature, _, cursor = rest.partition(".")
    has_form = len(sealed) <= MAX_CURSOR_CHARACTERS and sealed.isascii() and version == VERSION and cursor
    if not has_form or not hmac.compare_digest(signature, _signature(key.read(), query, cursor)):
        raise InvalidValue("the cursor does not belong to this query; begin with the first page", code="CURSOR_INVALID")
    return cursor


def _signature(key: bytes, query: str, cursor: str) -> str:
    text = json.dumps([VERSION, query, cursor])
    return base64.urlsafe_b64encode(hmac.digest(key, text.encode(), hashlib.sha256)).decode().rstrip("=")
