"""Project an event to the items that queries read: orders, positions, trades, receipts, breaches, what a source has filled.

The relay projects each event as it comes, and a rebuild projects the events of the archive again. Every projection is idempotent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from candlecast.domain.account.events import EventType
from candlecast.domain.limits.breach import Breach
from candlecast.domain.orders.intent import Intent
from candlecast.ports.bus import PublishedEvent
from candlecast.ports.decisions import Decisions
from candlecast.ports.store import History
from candlecast.services.relay.count_notional import CountNotional


@dataclass(frozen=True, slots=True)
class ProjectEvents:
    """One projection for the relay and for a rebuild; its writes follow from the event alone, never from the clock."""

    history: History
    decisions: Decisions
    count_notional: CountNotional

    def __call__(self, events: Sequence[PublishedEvent]) -> None:
        """Project events in their order; raises `RetryLater` if the store did not take them.

        A trade that the same write has corrected is stored and counted as corrected, once.
        """
        newest = {_trade_of(published): number for number, published in enumerate(events)}
        for number, published in enumerate(events):
            event = published.event
            if event.order is not None:
                self._project_order(published, event.order)
            if event.position is not None and event.code is None:
                self.history.put_position(event.position, published.version, event.occurred_at)
            if event.trade is not None and newest[_trade_of(published)] == number:
                self.history.put_trade(event.trade, published.version)

    def _project_order(self, published: PublishedEvent, order: Intent) -> None:
        event = published.event
        if event.receipt is not None:
            self.decisions.put_receipt(order.tenant_id, order.signal_id, order.subscription_id, event.receipt, event.occurred_at)
        if event.type is not EventType.LIMITS_BREACHED:
            self.history.put_order(order, published.version)
            self.count_notional(order)
        elif (breach := _breach(published, order)) is not None:
            self.decisions.put_breach(breach)


def _trade_of(published: PublishedEvent) -> tuple[str, str, int, str | None]:
    """The write of an account and the trade that the event is about, if any."""
    trade = published.event.trade
    return published.tenant_id, published.account_id, published.version, trade.trade_id if trade is not None else None


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
