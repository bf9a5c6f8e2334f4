"""Relay an account's events: project them to the items that queries read, then publish them.

At least once and in the order of the account's versions; every projection is idempotent, every event keeps its id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from candlecast.domain.account.events import Event, EventType
from candlecast.ports.bus import EventBus, PublishedEvent
from candlecast.ports.clock import Metrics
from candlecast.services.pools.release_pools import ReleasePools
from candlecast.services.relay.project_events import ProjectEvents


@dataclass(frozen=True, slots=True)
class RelayEvents:
    """The outbox relay's use case."""

    project: ProjectEvents
    release_pools: ReleasePools
    bus: EventBus
    metrics: Metrics

    def __call__(self, events: Sequence[PublishedEvent]) -> tuple[PublishedEvent, ...]:
        """Project and publish events; returns the critical alerts among them and those that they have caused.

        Raises `RetryLater` if the store or the bus did not take them.
        """
        alerts = [published for published in events if published.event.type is EventType.ALERT_CRITICAL]
        for published in events:
            self._measure(published.event)
        self.project(events)
        for published in events:
            caused = self.release_pools(published)
            if caused is not None:
                alerts.append(caused)
        if events:
            self.bus.publish(events)
            self.metrics.count("EventsPublished", len(events))
        self.metrics.count("CriticalAlerts", len(alerts))
        return tuple(alerts)

    def _measure(self, event: Event) -> None:
        order = event.order
        if order is None:
            return
        if event.type is EventType.TRADE_FILLED and order.slippage_bps is not None:
            self.metrics.basis_points("SlippageBasisPoints", float(order.slippage_bps))
        if event.type is EventType.LIMITS_BREACHED and order.denial is not None:
            self.metrics.count("LimitBreaches")
