"""The relay's handler: a batch is archived before any record of it is relayed, and fails as a whole if it cannot be."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from candlecast.adapters.dynamodb.accounts import account_item
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.domain.account.events import EventType
from candlecast.domain.strategies.versions import StrategyChange
from candlecast.domain.values.errors import RetryLater
from candlecast.runtime.compose import outbox_relay
from functions.outbox_relay.handler import handle
from tests.golden import values
from tests.golden.memory import MemoryTable
from tests.golden.times import NOW
from tests.support.builders import an_uploaded_strategy
from tests.support.queue_events import Context


def a_record(number: int) -> dict[str, Any]:
    return {"eventSource": "aws:dynamodb", "dynamodb": {"SequenceNumber": str(number), "NewImage": {"kind": {"S": "ACCOUNT"}}}}


class Relay:
    """Notes the handler's steps in `done`, in their order; `failing` records cannot be relayed."""

    def __init__(self, *, archive_down: bool = False, failing: tuple[str, ...] = ()) -> None:
        self.done: list[str] = []
        self._archive_down = archive_down
        self._failing = failing

    def __call__(self, records: Iterable[Mapping[str, Any]]) -> Callable[[Any], tuple[()]]:
        if self._archive_down:
            raise RetryLater("ARCHIVE_UNAVAILABLE", "told to fail", after_seconds=1)
        self.done.append("archived " + " ".join(record["dynamodb"]["SequenceNumber"] for record in records))
        return self._relay

    def _relay(self, record: Any) -> tuple[()]:
        number = record.raw_event["dynamodb"]["SequenceNumber"]
        if number in self._failing:
            raise RetryLater("STORE_UNAVAILABLE", "told to fail", after_seconds=1)
        self.done.append(f"relayed {number}")
        return ()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Relay], Any]:
    def ask(relay: Relay) -> Any:
        monkeypatch.setattr(outbox_relay, "build", lambda: relay)
        return handle({"Records": [a_record(1), a_record(2), a_record(3)]}, Context())  # type: ignore[arg-type]

    return ask


def test_the_whole_batch_is_archived_before_the_first_record_is_relayed(asked: Callable[[Relay], Any]) -> None:
    relay = Relay()
    assert asked(relay) == {"batchItemFailures": []}
    assert relay.done == ["archived 1 2 3", "relayed 1", "relayed 2", "relayed 3"]


def test_a_batch_that_cannot_be_archived_is_redelivered_and_nothing_of_it_is_relayed(asked: Callable[[Relay], Any]) -> None:
    relay = Relay(archive_down=True)
    with pytest.raises(RetryLater):
        asked(relay)
    assert relay.done == []


def test_the_stream_goes_on_at_the_record_that_failed(asked: Callable[[Relay], Any]) -> None:
    assert asked(Relay(failing=("2",))) == {"batchItemFailures": [{"itemIdentifier": "2"}]}


# -- the parts as they are put together --------------------------------------------------------------------------------------


class Services(MemoryTable):
    """The archive's bucket, the bus and the table before the real adapters; `done` has each write, in their order."""

    def __init__(self, *, archive_down: bool) -> None:
        super().__init__()
        self.done: list[str] = []
        self.published: list[Mapping[str, Any]] = []
        self._archive_down = archive_down

    def put_object(self, **_: Any) -> Any:
        if self._archive_down:
            raise EndpointConnectionError(endpoint_url="https://nobody.example")
        self.done.append("archive")
        return {}

    def put_events(self, *, Entries: list[Mapping[str, Any]], **_: Any) -> Any:  # noqa: N803  (the service's name)
        self.done.append("bus")
        self.published += Entries
        return {"FailedEntryCount": 0}

    def call(self, operation: str, request: Mapping[str, Any]) -> Any:
        if operation not in ("GetItem", "BatchGetItem", "Query"):
            self.done.append("table")
        return super().call(operation, request)


def told_account() -> dict[str, Any]:
    """The stream's record of an account that has told something."""
    return streamed(account_item(replace(values.account(), outbox=values.told()), NOW))


def told_strategy() -> dict[str, Any]:
    """The stream's record of a strategy's release, as the store writes it."""
    memory, definition = MemoryTable(), an_uploaded_strategy()
    store = DynamoStrategyStore(memory.table())
    store.create_strategy(definition)
    released = StrategyChange(
        strategy_id=definition.strategy_id,
        revision=1,
        type=EventType.STRATEGY_VERSION_RELEASED,
        changed_by=values.TENANT,
        changed_at=NOW,
        values={"version": "2", "share_percent": "20"},
    )
    store.change_strategy(definition, released)
    (item,) = (item for (_, place), item in memory.items.items() if place.startswith("CHANGE#"))
    return streamed(item)


def streamed(item: Mapping[str, Any]) -> dict[str, Any]:
    image = {name: {"B": b64encode(value["B"]).decode()} if "B" in value else value for name, value in item.items()}
    told = {"SequenceNumber": "1", "ApproximateCreationDateTime": NOW.timestamp(), "NewImage": image}
    return {"eventSource": "aws:dynamodb", "eventName": "MODIFY", "dynamodb": told}


@pytest.fixture
def put_together(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The relay's own composition before these services, invoked with one batch."""

    def ask(services: Services, record: Mapping[str, Any] | None = None) -> Any:
        for name in ("ENVIRONMENT", "TABLE_NAME", "EVENT_BUS_NAME", "ARCHIVE_BUCKET"):
            monkeypatch.setenv(name, "any")
        monkeypatch.setattr(outbox_relay, "aws", lambda _: services)
        monkeypatch.setattr(outbox_relay, "Table", lambda _, generation: services.table(generation))
        monkeypatch.setattr(outbox_relay, "build", outbox_relay.build.__wrapped__)  # type: ignore[attr-defined]
        return handle({"Records": [record or told_account()]}, Context())  # type: ignore[arg-type]

    return ask


def test_the_relay_as_it_is_put_together_archives_before_it_writes_or_publishes(
    put_together: Callable[..., Any],
) -> None:
    services = Services(archive_down=False)
    assert put_together(services) == {"batchItemFailures": []}
    assert services.done[0] == "archive"
    assert services.done.count("archive") == 1
    assert {"table", "bus"} <= set(services.done[1:])


def test_a_release_of_a_strategy_is_announced_on_the_bus_and_is_no_part_of_the_archive(put_together: Callable[..., Any]) -> None:
    services = Services(archive_down=False)
    assert put_together(services, told_strategy()) == {"batchItemFailures": []}
    (entry,) = services.published
    assert entry["DetailType"] == "strategy.version.released"
    assert json.loads(entry["Detail"])["event"]["strategy_change"]["values"] == {"version": "2", "share_percent": "20"}
    assert services.done == ["bus"], "no history is rebuilt from it"


def test_the_relay_as_it_is_put_together_does_nothing_while_the_archive_takes_nothing(
    put_together: Callable[..., Any],
) -> None:
    services = Services(archive_down=True)
    with pytest.raises(RetryLater, match="ARCHIVE_UNAVAILABLE"):
        put_together(services)
    assert services.done == []
