"""The outboxes of accounts, kill switches and strategies as the table's stream delivers them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from candlecast.adapters.codec import from_json
from candlecast.adapters.dynamodb.account_text import stored_texts
from candlecast.adapters.dynamodb.accounts import ACCOUNT_KIND, ACCOUNT_SCHEMA_VERSIONS, names_of
from candlecast.adapters.dynamodb.gate import SWITCH_KIND
from candlecast.adapters.dynamodb.single_table.outbox import outbox_events
from candlecast.adapters.dynamodb.single_table.table import SCHEMA_VERSION
from candlecast.adapters.dynamodb.strategy_versions import CHANGE_KIND
from candlecast.domain.account.account import Account
from candlecast.domain.live.change import AccountChange
from candlecast.domain.values.errors import DomainError, InvalidValue, Poison, RetryLater
from candlecast.domain.values.ids import event_id
from candlecast.ports.archive import ArchivedEvent
from candlecast.ports.bus import PublishedEvent

Image = Mapping[str, Mapping[str, Any]]
KNOWN_VERSIONS = {
    ACCOUNT_KIND: ACCOUNT_SCHEMA_VERSIONS,
    SWITCH_KIND: frozenset({SCHEMA_VERSION}),
    CHANGE_KIND: frozenset({SCHEMA_VERSION}),
}


def published_events(record: Mapping[str, Any]) -> list[PublishedEvent]:
    """The events of one stream record, with the ids that they have at every delivery; none if it is no new version of an account.

    Raises `Poison` (RECORD_UNREADABLE) for an account that cannot be decoded, `RetryLater` (SCHEMA_UNKNOWN) while a deployment is
    half way.
    """
    change: Mapping[str, Image] = record.get("dynamodb", {})
    image = change.get("NewImage")
    known = None if image is None else KNOWN_VERSIONS.get(_text(image, "kind") or "")
    if image is None or known is None:
        return []
    if "OldImage" in change and change["OldImage"].get("version") == image.get("version"):
        return []
    if _number(image, "schema_version") not in known:
        raise RetryLater("SCHEMA_UNKNOWN", "the account was written by newer code", after_seconds=30)
    version = _number(image, "version")
    if version is None:
        raise Poison("RECORD_UNREADABLE", "an account's image lacks an attribute")
    try:
        tenant_id, account_id = _names(image)
        body, outbox = stored_texts(image, (tenant_id, account_id))
        events = outbox_events(outbox, lambda: from_json(Account, body))
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


def account_version(record: Mapping[str, Any]) -> AccountChange | None:
    """The new version of an account in one stream record, and the version before it (0: none); None for any other record."""
    change: Mapping[str, Image] = record.get("dynamodb", {})
    image, old = change.get("NewImage", {}), change.get("OldImage", {})
    before, sequence = _number(old, "version") or 0, _number(image, "version")
    if _text(image, "kind") != ACCOUNT_KIND or sequence is None or sequence == before:
        return None
    tenant_id, account_id = _names(image)
    return AccountChange(tenant_id=tenant_id, account_id=account_id, before=before, sequence=sequence)


def archived_events(records: Iterable[Mapping[str, Any]]) -> list[ArchivedEvent]:
    """The events of accounts and kill switches in a batch of stream records, as the archive keeps them.

    A record that cannot be read is left out: the relay fails at it, and its letter holds the record itself. Changes of strategies
    are left out as well: no history is made of them, and their items stay in the table.
    """
    found = []
    for record in records:
        if _text(record.get("dynamodb", {}).get("NewImage", {}), "kind") == CHANGE_KIND:
            continue
        with suppress(DomainError):
            sequence = str(record.get("dynamodb", {}).get("SequenceNumber", ""))
            for event in published_events(record):
                recorded_at = _recorded_at(record) or event.event.occurred_at
                found.append(ArchivedEvent(sequence=sequence, recorded_at=recorded_at, published=event))
    return found


def _recorded_at(record: Mapping[str, Any]) -> datetime | None:
    """Time of the write, which grows with each version of an item; None for a record without one."""
    value = record.get("dynamodb", {}).get("ApproximateCreationDateTime")
    return datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else None


def _names(image: Image) -> tuple[str, str]:
    """Tenant and account: attributes of the image, or the partition of an account's; `ValueError` if it has neither."""
    tenant_id, account_id = _text(image, "tenant_id"), _text(image, "account_id")
    return (tenant_id, account_id) if tenant_id and account_id else names_of(_text(image, "PK") or "")


def _text(image: Image, name: str) -> str | None:
    value = image.get(name, {}).get("S")
    return value if isinstance(value, str) else None


def _number(image: Image, name: str) -> int | None:
    value = image.get(name, {}).get("N")
    return int(value) if isinstance(value, str) and value.isdigit() else None
