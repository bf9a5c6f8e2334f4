"""The outboxes of accounts and kill switches as the table's stream delivers them."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from candlecast.adapters.codec import from_json
from candlecast.adapters.dynamodb.accounts import ACCOUNT_KIND
from candlecast.adapters.dynamodb.gate import SWITCH_KIND
from candlecast.adapters.dynamodb.outbox import outbox_events
from candlecast.adapters.dynamodb.table import SCHEMA_VERSION, decompressed
from candlecast.domain.account import Account
from candlecast.domain.errors import InvalidValue, Poison, RetryLater
from candlecast.domain.ids import event_id
from candlecast.ports.bus import PublishedEvent

Image = Mapping[str, Mapping[str, Any]]
KINDS = (ACCOUNT_KIND, SWITCH_KIND)


def published_events(record: Mapping[str, Any]) -> list[PublishedEvent]:
    """The events of one stream record, with the ids that they have at every delivery; none if it is no new version of an account.

    Raises `Poison` (RECORD_UNREADABLE) for an account that cannot be decoded, `RetryLater` (SCHEMA_UNKNOWN) while a deployment is
    half way.
    """
    change: Mapping[str, Image] = record.get("dynamodb", {})
    image = change.get("NewImage")
    if image is None or _text(image, "kind") not in KINDS:
        return []
    if "OldImage" in change and change["OldImage"].get("version") == image.get("version"):
        return []
    if _number(image, "schema_version") != SCHEMA_VERSION:
        raise RetryLater("SCHEMA_UNKNOWN", "the account was written by newer code", after_seconds=30)
    tenant_id, account_id, version = _text(image, "tenant_id"), _text(image, "account_id"), _number(image, "version")
    if tenant_id is None or account_id is None or version is None:
        raise Poison("RECORD_UNREADABLE", "an account's image lacks an attribute")
    try:
        events = outbox_events(_stored_text(image, "outbox"), lambda: from_json(Account, _stored_text(image, "body")))
    except InvalidValue as error:
        raise Poison("RECORD_UNREADABLE", error.message) from None
    except ValueError:
        raise Poison("RECORD_UNREADABLE", "an account's image cannot be read") from None
    return [
        PublishedEvent(
            event_id=event_id(account_id, version, index),
            tenant_id=tenant_id,
            account_id=account_id,
            version=version,
            event=event,
        )
        for index, event in enumerate(events)
    ]


def _text(image: Image, name: str) -> str | None:
    value = image.get(name, {}).get("S")
    return value if isinstance(value, str) else None


def _stored_text(image: Image, name: str) -> str:
    """Compressed text: bytes from the stream's own API, or base64 as it reaches a function; older code has stored it plain."""
    plain = _text(image, name)
    if plain is not None:
        return plain
    value = image.get(name, {}).get("B", b"")
    return decompressed(b64decode(value) if isinstance(value, str) else bytes(value))


def _number(image: Image, name: str) -> int | None:
    value = image.get(name, {}).get("N")
    return int(value) if isinstance(value, str) and value.isdigit() else None
