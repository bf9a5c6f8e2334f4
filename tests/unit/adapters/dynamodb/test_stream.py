"""The stream: an account's events come out of its image, and nothing else does."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from candlecast.adapters.codec import list_to_json, to_json
from candlecast.adapters.dynamodb.account_text import stored_texts
from candlecast.adapters.dynamodb.accounts import account_item, account_of
from candlecast.adapters.dynamodb.single_table.compression import compressed
from candlecast.adapters.dynamodb.single_table.compression import packed as with_dictionary
from candlecast.adapters.dynamodb.stream import archived_events, published_events
from candlecast.domain.account.events import Event, EventType, order_event
from candlecast.domain.orders.intent import IntentState
from candlecast.domain.values.errors import Poison, RetryLater
from candlecast.domain.values.ids import event_id
from tests.support.builders import ACCOUNT, NOW, TENANT, a_position, an_account, an_intent

ALERT = Event(type=EventType.ALERT_CRITICAL, occurred_at=NOW, code="FIRST")
EVENTS = (ALERT, replace(ALERT, code="SECOND"))


def packed(text: str) -> dict[str, str]:
    """A compressed attribute as it reaches a function."""
    return {"B": b64encode(compressed(text)).decode()}


def as_delivered(item: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """An item as it reaches a function."""
    return {name: {"B": b64encode(value["B"]).decode()} if "B" in value else dict(value) for name, value in item.items()}


def an_image(**changes: dict[str, str] | None) -> dict[str, dict[str, str]]:
    image: dict[str, dict[str, str] | None] = {
        "PK": {"S": "TENANT#tenant-1#ACCOUNT#account-1"},
        "SK": {"S": "STATE"},
        "kind": {"S": "ACCOUNT"},
        "schema_version": {"N": "1"},
        "tenant_id": {"S": TENANT},
        "account_id": {"S": ACCOUNT},
        "version": {"N": "7"},
        "body": packed("{}"),
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
        an_image(body=None),
        an_image(body={"B": b64encode(with_dictionary("{}\ncanary")).decode()}),
        an_image(tenant_id=None, PK=None),
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
        published_events(a_record(an_image(schema_version={"N": "3"})))


def test_an_event_that_tells_what_the_body_says_comes_out_whole() -> None:
    intent, held = an_intent(), a_position()
    account = an_account(intents={intent.intent_id: intent}, positions={held.key: held})
    before, moved = (
        replace(intent, state=IntentState.PENDING),
        Event(type=EventType.POSITION_CHANGED, occurred_at=NOW, position=held),
    )
    outbox = (order_event(before, NOW), order_event(intent, NOW), moved, ALERT)
    image = as_delivered(account_item(replace(account, version=6, outbox=outbox), NOW))
    published = published_events(a_record(image))
    assert tuple(each.event for each in published) == outbox
    assert {(each.tenant_id, each.account_id, each.version) for each in published} == {(TENANT, ACCOUNT, 7)}
    _, told = stored_texts(image, (TENANT, ACCOUNT))
    assert told.count(intent.signal_id) == 1, "only what the body does not say is in the outbox"


def test_an_event_that_names_what_its_account_does_not_hold_is_poison() -> None:
    intent = an_intent()
    account = an_account(intents={intent.intent_id: intent}, outbox=(order_event(intent, NOW),))
    _, outbox = stored_texts(account_item(account, NOW), (TENANT, ACCOUNT))
    with pytest.raises(Poison):
        published_events(a_record(an_image(body=packed(to_json(an_account())), outbox=packed(outbox))))


@pytest.mark.parametrize("stored", [lambda text: {"S": text}, packed])
def test_what_older_code_has_stored_is_read(stored: Callable[[str], dict[str, str]]) -> None:
    intent = an_intent()
    account = an_account(intents={intent.intent_id: intent})
    image = an_image(outbox=stored(list_to_json(Event, EVENTS)), body=stored(to_json(account)), status={"S": "ACTIVE"})
    assert tuple(published.event for published in published_events(a_record(image))) == EVENTS
    assert account_of(image, TENANT) == replace(account, version=7)


def test_a_batch_is_archived_with_the_place_and_the_time_of_each_record() -> None:
    first, second = a_record(an_image()), a_record(an_image(version={"N": "8"}))
    first["dynamodb"] |= {"SequenceNumber": "111", "ApproximateCreationDateTime": NOW.timestamp() - 60}
    second["dynamodb"] |= {"SequenceNumber": "112", "ApproximateCreationDateTime": NOW.timestamp()}
    found = archived_events([first, a_record(None, an_image()), second])
    assert [(each.sequence, each.recorded_at, each.published) for each in found] == [
        *(("111", NOW - timedelta(seconds=60), event) for event in published_events(first)),
        *(("112", NOW, event) for event in published_events(second)),
    ]


def test_a_record_that_cannot_be_read_hides_no_other_of_its_batch_from_the_archive() -> None:
    newer, broken = a_record(an_image(schema_version={"N": "3"})), a_record(an_image(body=None))
    found = archived_events([broken, a_record(an_image()), newer])
    assert [each.published.version for each in found] == [7, 7]


def test_an_event_is_archived_though_its_record_has_no_time() -> None:
    assert [each.recorded_at for each in archived_events([a_record(an_image())])] == [NOW, NOW]
