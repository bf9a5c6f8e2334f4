"""The relay's handler: a batch is archived before any record of it is relayed, and fails as a whole if it cannot be."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from candlecast.adapters.aws.live_function import pushes_of
from candlecast.adapters.dynamodb.accounts import account_item
from candlecast.adapters.dynamodb.live import DynamoLive
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.domain.account.events import EventType
from candlecast.domain.strategies.versions import StrategyChange
from candlecast.domain.values.errors import RetryLater
from candlecast.runtime.compose import outbox_relay
from candlecast.runtime.observe import logger
from functions.outbox_relay.handler import TELLING_MILLISECONDS, handle
from tests.golden import values
from tests.golden.memory import MemoryTable
from tests.golden.times import NOW
from tests.support.builders import an_uploaded_strategy
from tests.support.fakes.live import a_connection
from tests.support.queue_events import Context

LONG_AFTER = datetime(2099, 1, 1, tzinfo=UTC)  # the relay's clock is that of the machine


def a_record(number: int) -> dict[str, Any]:
    return {"eventSource": "aws:dynamodb", "dynamodb": {"SequenceNumber": str(number), "NewImage": {"kind": {"S": "ACCOUNT"}}}}


class Relay:
    """Notes the handler's steps in `done`, in their order; `failing` records cannot be relayed."""

    def __init__(self, *, archive_down: bool = False, failing: tuple[str, ...] = (), deaf: bool = False) -> None:
        self.done: list[str] = []
        self._archive_down = archive_down
        self._failing = failing
        self._deaf = deaf

    def __call__(self, records: Iterable[Mapping[str, Any]]) -> Relay:
        if self._archive_down:
            raise RetryLater("ARCHIVE_UNAVAILABLE", "told to fail", after_seconds=1)
        self.done.append("archived " + " ".join(record["dynamodb"]["SequenceNumber"] for record in records))
        return self

    def tell_listeners(self) -> int:
        self.done.append("told")
        if self._deaf:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "canary"}}, "Invoke")
        return 1

    def relay(self, record: Any) -> tuple[()]:
        number = record.raw_event["dynamodb"]["SequenceNumber"]
        if number in self._failing:
            raise RetryLater("STORE_UNAVAILABLE", "told to fail", after_seconds=1)
        self.done.append(f"relayed {number}")
        return ()


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    stream = StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return stream


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    def ask(relay: Relay, remaining: int = 30_000) -> Any:
        monkeypatch.setattr(outbox_relay, "build", lambda: relay)
        return handle({"Records": [a_record(1), a_record(2), a_record(3)]}, Context(remaining))  # type: ignore[arg-type]

    return ask


def test_the_whole_batch_is_archived_before_the_first_record_is_relayed(asked: Callable[..., Any]) -> None:
    relay = Relay()
    assert asked(relay) == {"batchItemFailures": []}
    assert relay.done == ["archived 1 2 3", "relayed 1", "relayed 2", "relayed 3", "told"]


def test_a_batch_that_cannot_be_archived_is_redelivered_and_nothing_of_it_is_relayed(asked: Callable[..., Any]) -> None:
    relay = Relay(archive_down=True)
    with pytest.raises(RetryLater):
        asked(relay)
    assert relay.done == []


def test_the_stream_goes_on_at_the_record_that_failed(asked: Callable[..., Any]) -> None:
    assert asked(Relay(failing=("2",))) == {"batchItemFailures": [{"itemIdentifier": "2"}]}


def test_listeners_who_cannot_be_told_fail_nothing_of_the_batch(asked: Callable[..., Any], logged: StringIO) -> None:
    relay = Relay(failing=("2",), deaf=True)
    assert asked(relay) == {"batchItemFailures": [{"itemIdentifier": "2"}]}
    assert relay.done[-1] == "told"
    assert "listeners not told" in logged.getvalue()
    assert "canary" not in logged.getvalue()


def test_a_batch_that_has_no_time_left_tells_nobody(asked: Callable[..., Any]) -> None:
    relay = Relay()
    assert asked(relay, remaining=TELLING_MILLISECONDS - 1) == {"batchItemFailures": []}
    assert relay.done == ["archived 1 2 3", "relayed 1", "relayed 2", "relayed 3"]


# -- the parts as they are put together --------------------------------------------------------------------------------------


class Services(MemoryTable):
    """The archive's bucket, the bus and the table before the real adapters; `done` has each write, in their order."""

    def __init__(self, *, archive_down: bool) -> None:
        super().__init__()
        self.done: list[str] = []
        self.published: list[Mapping[str, Any]] = []
        self.invoked: list[Mapping[str, Any]] = []
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

    def invoke(self, **asked: Any) -> Any:
        self.done.append("live")
        self.invoked.append(asked)
        return {"StatusCode": 202}

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
        for name in ("ENVIRONMENT", "TABLE_NAME", "EVENT_BUS_NAME", "ARCHIVE_BUCKET", "LIVE_FUNCTION"):
            monkeypatch.setenv(name, "any")
        monkeypatch.setattr(outbox_relay, "aws", lambda _: services)
        monkeypatch.setattr(outbox_relay, "functions_client", lambda _: services)
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


def test_whoever_owns_a_changed_account_is_told_after_the_batch_was_relayed(put_together: Callable[..., Any]) -> None:
    services, connection = Services(archive_down=False), a_connection(tenant_id=values.TENANT, ends_at=LONG_AFTER)
    live = DynamoLive(services.table())
    live.put_connection(connection)
    live.put_connection(a_connection("another", tenant_id="another", ends_at=LONG_AFTER))
    services.done.clear()
    assert put_together(services) == {"batchItemFailures": []}
    assert services.done[-1] == "live"
    (asked,) = services.invoked
    assert (asked["FunctionName"], asked["InvocationType"]) == ("any", "Event")
    (push,) = pushes_of(json.loads(asked["Payload"])["push"])
    assert push.connections == (connection,)
    (change,) = push.changes
    account = values.account()
    assert (change.account_id, change.before, change.sequence) == (account.account_id, 0, account.version + 1)
    told = [event for event in values.told() if event.order is not None]
    assert set(change.orders) == {event.order.intent_id for event in told if event.order is not None}
    assert set(change.signals) == {
        event.order.signal_id for event in told if event.order is not None and event.receipt is not None
    }


def test_while_nobody_listens_nobody_is_invoked(put_together: Callable[..., Any]) -> None:
    services = Services(archive_down=False)
    assert put_together(services) == {"batchItemFailures": []}
    assert services.invoked == []
