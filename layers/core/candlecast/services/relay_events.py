"""Relay an account's events: project them to the items that queries read, then publish them (EV2).

At least once and in the order of the account's versions; every projection is idempotent, every event keeps its id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from candlecast.ports.bus import EventBus, PublishedEvent
from candlecast.ports.clock import Metrics
from candlecast.ports.store import History


@dataclass(frozen=True, slots=True)
class RelayEvents:
    """The outbox relay's use case."""

    history: History
    bus: EventBus
    metrics: Metrics

    def __call__(self, events: Sequence[PublishedEvent]) -> None:
        """Project and publish events; raises `RetryLater` if the store or the bus did not take them."""
        for published in events:
            event = published.event
            if event.order is not None:
                self.history.put_order(event.order, published.version)
            if event.position is not None and event.code is None:
                self.history.put_position(event.position, published.version)
            if event.trade is not None:
                self.history.put_trade(event.trade)
        if events:
            self.bus.publish(events)
            self.metrics.count("EventsPublished", len(events))
