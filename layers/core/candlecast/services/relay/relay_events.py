"""Relay an account's events: project them to the items that queries read, then publish them.

At least once and in the order of the account's versions; every projection is idempotent, every event keeps its id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from candlecast.domain.account.events import EventType
from candlecast.domain.limits.breach import Breach
from candlecast.domain.orders.intent import Intent
from candlecast.ports.bus import EventBus, PublishedEvent
from candlecast.ports.clock import Metrics
from candlecast.ports.decisions import Decisions
from candlecast.ports.store import History
from candlecast.services.pools.release_pools import ReleasePools
from candlecast.services.relay.count_notional import CountNotional


@dataclass(frozen=True, slots=True)
class RelayEvents:
    """The outbox relay's use case."""

    history: History
    decisions: Decisions
    release_pools: ReleasePools
    bus: EventBus
    metrics: Metrics
    count_notional: CountNotional

    def __call__(self, events: Sequence[PublishedEvent]) -> tuple[PublishedEvent, ...]:
        """Project and publish events; returns the critical alerts among them and those that they have caused.

        Raises `RetryLater` if the store or the bus did not take them.
        """
        alerts = [published for published in events if published.event.type is EventType.ALERT_CRITICAL]
        for published in events:
            event = published.event
            if event.order is not None:
                self._project_order(published, event.order)
            if event.position is not None and event.code is None:
                self.history.put_position(event.position, published.version)
            if event.trade is not None:
                self.history.put_trade(event.trade, published.version)
            caused = self.release_pools(published)
            if caused is not None:
                alerts.append(caused)
        if events:
            self.bus.publish(events)
            self.metrics.count("EventsPublished", len(events))
        self.metrics.count("CriticalAlerts", len(alerts))
        return tuple(alerts)

    def _project_order(self, published: PublishedEvent, order: Intent) -> None:
        event = published.event
        if event.receipt is not None:
            self.decisions.put_receipt(order.tenant_id, order.signal_id, order.subscription_id, event.receipt)
        if event.type is EventType.TRADE_FILLED and order.slippage_bps is not None:
            self.metrics.basis_points("SlippageBasisPoints", float(order.slippage_bps))
        if event.type is not EventType.LIMITS_BREACHED:
            self.history.put_order(order, published.version)
            self.count_notional(order)
        elif (breach := _breach(published, order)) is not None:
            self.decisions.put_breach(breach)
            self.metrics.count("LimitBreaches")


def _breach(published: PublishedEvent, order: Intent) -> Breach | None:
    if order.denial is None:
        return None
    return Breach(
        breach_id=published.event_id,
        tenant_id=order.tenant_id,
        account_id=order.account_id,
        subscription_id=order.subscription_id,
        signal_id=order.signal_id,
        market=order.market,
        denial=order.denial,
        occurred_at=published.event.occurred_at,
    )
