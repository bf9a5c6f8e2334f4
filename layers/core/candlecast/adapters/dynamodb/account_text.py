"""The text of an account's item: its body and its outbox, packed together, since events repeat values of the body."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from pynamodb.constants import BINARY, STRING

from candlecast.adapters.codec import to_sparse_json
from candlecast.adapters.dynamodb.single_table.compression import decompressed, packed
from candlecast.domain.account.account import Account

BETWEEN = "\n"  # JSON that is not indented has none.
# Markers of the account's tenant and of the account: JSON escapes every control character, so no text contains a marker.
TENANT, ACCOUNT = "\x01", "\x02"


def packed_texts(account: Account, outbox: str) -> bytes:
    """An account and the events of this write, compressed.

    Tenant and account id stand in the item's key, so markers replace both ids in the text.
    """
    text = to_sparse_json(account) + BETWEEN + outbox
    return packed(text.replace(account.tenant_id, TENANT).replace(account.account_id, ACCOUNT))


def stored_texts(item: Mapping[str, Mapping[str, Any]], names: tuple[str, str]) -> tuple[str, str]:
    """Body and outbox of an account's item or of its image in the stream; older code has stored each by itself.

    `names` are tenant and account as its key has them. Raises `ValueError` for an attribute that is neither form.
    """
    tenant_id, account_id = names
    text = _text(item, "body").replace(ACCOUNT, account_id).replace(TENANT, tenant_id)
    body, between, outbox = text.partition(BETWEEN)
    return body, _text(item, "outbox") if "outbox" in item and not between else outbox


def _text(item: Mapping[str, Mapping[str, Any]], name: str) -> str:
    """An attribute that is plain text, or compressed: bytes from an SDK, or base64 as it reaches a function."""
    value = item.get(name, {})
    if STRING in value:
        return str(value[STRING])
    content = value.get(BINARY, b"")
    return decompressed(b64decode(content) if isinstance(content, str) else bytes(content))
