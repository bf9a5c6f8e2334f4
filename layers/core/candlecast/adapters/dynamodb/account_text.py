"""What an account's item holds as text: its body and its outbox, packed together, since events repeat what the body says."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pynamodb.constants import BINARY, STRING

from candlecast.adapters.codec import to_sparse_json
from candlecast.adapters.dynamodb.compression import decompressed, packed
from candlecast.domain.account import Account

BETWEEN = "\n"  # JSON that is not indented has none
_NAMELESS = '"tenant_id":"","account_id":""'


def packed_texts(account: Account, outbox: str) -> bytes:
    """An account and what it tells with this write; whose it is stands in the item's key, and not again in each of its orders."""
    text = to_sparse_json(account) + BETWEEN + outbox
    return packed(text.replace(_names(account.tenant_id, account.account_id), _NAMELESS))


def stored_texts(item: Mapping[str, Mapping[str, Any]], names: tuple[str, str]) -> tuple[str, str]:
    """Body and outbox of an account's item or of its image in the stream; older code has stored each by itself.

    `names` are tenant and account as its key has them. Raises `ValueError` for what is neither text.
    """
    text = _text(item, "body").replace(_NAMELESS, _names(*names))
    body, between, outbox = text.partition(BETWEEN)
    return body, _text(item, "outbox") if "outbox" in item and not between else outbox


@lru_cache(maxsize=1_000)  # some hundred bytes each; twice for every order
def _names(tenant_id: str, account_id: str) -> str:
    """How every order and position of the account begins to say whose it is; in a text within the JSON quotes are escaped."""
    return f'"tenant_id":{json.dumps(tenant_id)},"account_id":{json.dumps(account_id)}'


def _text(item: Mapping[str, Mapping[str, Any]], name: str) -> str:
    """An attribute that is plain text, or compressed: bytes from an SDK, or base64 as it reaches a function."""
    value = item.get(name, {})
    if STRING in value:
        return str(value[STRING])
    content = value.get(BINARY, b"")
    return decompressed(b64decode(content) if isinstance(content, str) else bytes(content))
