"""The relay's handler: a batch is archived before any record of it is relayed, and fails as a whole if it cannot be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from candlecast.domain.values.errors import RetryLater
from candlecast.runtime.compose import outbox_relay
from functions.outbox_relay.handler import handle
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
