"""The stream: an account's events come out of its image, and nothing else does."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import replace
from typing import Any

import pytest

from candlecast.adapters.codec import from_json, list_to_json, to_json
from candlecast.adapters.dynamodb.accounts import AccountRow, account_row
from candlecast.adapters.dynamodb.stream import published_events
from candlecast.adapters.dynamodb.table import CompressedAttribute, decompressed
from candlecast.domain.account import Account
from candlecast.domain.errors import Poison, RetryLater
from candlecast.domain.events import Event, EventType, order_event
from candlecast.domain.ids import event_id
from candlecast.domain.order import IntentState
from tests.builders import ACCOUNT, NOW, TENANT, a_position, an_account, an_intent
from tests.contract.store.test_requests import stubbed_table

ALERT = Event(type=EventType.ALERT_CRITICAL, occurred_at=NOW, code="FIRST")
EVENTS = (ALERT, replace(ALERT, code="SECOND"))


def packed(text: str) -> dict[str, str]:
    """A compressed attribute as it reaches a function."""
    return {"B": b64encode(CompressedAttribute().serialize(text)).decode()}


def an_image(**changes: dict[str, str] | None) -> dict[str, dict[str, str]]:
    image: dict[str, dict[str, str] | None] = {
        "PK": {"S": "TENANT#tenant-1#ACCOUNT#account-1"},
        "SK": {"S": "STATE"},
        "kind": {"S": "ACCOUNT"},
        "schema_version": {"N": "1"},
        "tenant_id": {"S": TENANT},
        "account_id": {"S": ACCOUNT},
        "version": {"N": "7"},
        "outbox": packed(list_to_json(Event, EVENTS)),
        **changes,
    }
    return {name: value for name, value in image.items() if value is not None}


def a_record(new: dict[str, Any] | None, old: dict[str, Any] | None = None) -> dict[str, Any]:
    images = {"NewImage": new, "OldImage": old}
    return {"eventName": "MODIFY", "dynamodb": {name: image for name, image in images.items() if image is not None}}


def test_events_have_the_same_ids_at_every_delivery() -> None:
    record = a_record(an_image(), an_image(version={"N": "6"}))
    first, second = published_events(record), published_events(record)
    assert first == second
    assert [(published.event_id, published.event.code, published.version) for published in first] == [
        (event_id(ACCOUNT, 7, 0), "FIRST", 7),
        (event_id(ACCOUNT, 7, 1), "SECOND", 7),
    ]


@pytest.mark.parametrize(
    "record",
    [
        {},
        a_record(None, an_image()),
        a_record({"PK": {"S": "STRATEGY#1"}, "SK": {"S": "DEFINITION"}}),
        a_record(an_image(kind={"S": "OTHER"})),
        a_record(an_image(), an_image()),
        a_record(an_image(outbox=packed("[]"))),
    ],
    ids=["nothing", "removed", "other row", "other kind", "same version", "nothing to tell"],
)
def test_what_is_no_new_version_of_an_account_tells_nothing(record: dict[str, Any]) -> None:
    assert published_events(record) == []


@pytest.mark.parametrize(
    "image",
    [
        an_image(outbox=None),
        an_image(outbox={"S": "canary"}),
        an_image(outbox={"B": "Y2FuYXJ5"}),
        an_image(outbox=packed("canary")),
        an_image(tenant_id=None),
        an_image(version={"N": "x"}),
    ],
)
def test_an_account_that_cannot_be_decoded_is_poison(image: dict[str, Any]) -> None:
    with pytest.raises(Poison) as poison:
        published_events(a_record(image))
    assert poison.value.code == "RECORD_UNREADABLE"
    assert "canary" not in str(poison.value)


def test_what_newer_code_has_written_waits_for_newer_code() -> None:
    with pytest.raises(RetryLater):
        published_events(a_record(an_image(schema_version={"N": "2"})))


def test_an_event_that_tells_what_the_body_says_comes_out_whole() -> None:
    intent, held = an_intent(), a_position()
    account = an_account(intents={intent.intent_id: intent}, positions={held.key: held})
    before, moved = (
        replace(intent, state=IntentState.PENDING),
        Event(type=EventType.POSITION_CHANGED, occurred_at=NOW, position=held),
    )
    outbox = (order_event(before, NOW), order_event(intent, NOW), moved, ALERT)
    row = account_row(stubbed_table().rows(AccountRow), replace(account, version=6, outbox=outbox), NOW)
    image: dict[str, Any] = row.to_dynamodb_dict()
    assert tuple(published.event for published in published_events(a_record(image))) == outbox
    told = decompressed(b64decode(image["outbox"]["B"]))
    assert told.count(intent.signal_id) == 1, "only what the body does not say is in the outbox"


def test_an_event_that_names_what_its_account_does_not_hold_is_poison() -> None:
    intent = an_intent()
    account = an_account(intents={intent.intent_id: intent}, outbox=(order_event(intent, NOW),))
    image = account_row(stubbed_table().rows(AccountRow), account, NOW).to_dynamodb_dict()
    with pytest.raises(Poison):
        published_events(a_record({**image, "body": packed(to_json(an_account()))}))


def test_what_older_code_has_stored_as_plain_text_is_read() -> None:
    intent = an_intent()
    account = an_account(intents={intent.intent_id: intent})
    image = an_image(outbox={"S": list_to_json(Event, EVENTS)}, body={"S": to_json(account)}, status={"S": "ACTIVE"})
    assert tuple(published.event for published in published_events(a_record(image))) == EVENTS
    row = stubbed_table().rows(AccountRow).from_raw_data({name: value for name, value in image.items() if value})
    assert from_json(Account, row.body) == account
