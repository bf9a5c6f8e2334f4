"""An event bus that records."""

from __future__ import annotations

from collections.abc import Sequence

from candlecast.domain.account.events import EventType
from candlecast.domain.values.errors import RetryLater
from candlecast.ports.bus import PublishedEvent


class FakeEventBus:
    """`published` holds everything that was taken; `fail_after(n)` takes n events of the next call and then fails."""

    def __init__(self) -> None:
        self.published: list[PublishedEvent] = []
        self._take: int | None = None

    def fail_after(self, events: int) -> None:
        self._take = events

    def publish(self, events: Sequence[PublishedEvent]) -> None:
        if self._take is not None:
            self.published.extend(events[: self._take])
            self._take = None
            raise RetryLater("EVENT_BUS_UNAVAILABLE", "told to fail", after_seconds=1)
        self.published.extend(events)

    def types(self) -> list[EventType]:
        return [published.event.type for published in self.published]
