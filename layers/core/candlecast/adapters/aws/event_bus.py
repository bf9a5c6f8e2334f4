"""EventBridge: events of accounts, for everybody who listens."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import batched
from typing import TYPE_CHECKING

from candlecast.adapters.aws.clients import RETRY_AFTER_SECONDS, aws_errors
from candlecast.adapters.codec import to_json
from candlecast.domain.values.errors import RetryLater
from candlecast.ports.bus import PublishedEvent

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef as Entry

SOURCE = "candlecast"
BATCH = 10  # what EventBridge takes in one request; ten of our largest events (some 2 kB) stay below its 256 kB
UNAVAILABLE = "EVENT_BUS_UNAVAILABLE"


class EventBridgeBus:
    """`ports.bus.EventBus`. The detail is the event with its id, tenant, account and version; its type is the detail type."""

    def __init__(self, events: EventBridgeClient, bus_name: str) -> None:
        self._events = events
        self._bus_name = bus_name

    def publish(self, events: Sequence[PublishedEvent]) -> None:
        refused = 0
        for batch in batched(events, BATCH, strict=False):
            with aws_errors(UNAVAILABLE):
                answer = self._events.put_events(Entries=[self._entry(published) for published in batch])
            refused += answer["FailedEntryCount"]
        if refused:
            raise RetryLater(UNAVAILABLE, f"{refused} of {len(events)} events were not taken", after_seconds=RETRY_AFTER_SECONDS)

    def _entry(self, published: PublishedEvent) -> Entry:
        return {
            "EventBusName": self._bus_name,
            "Source": SOURCE,
            "DetailType": published.event.type.value,
            "Time": published.event.occurred_at,
            "Detail": to_json(published),
        }
