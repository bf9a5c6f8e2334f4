"""List what signals have asked of a tenant, each order with the receipt of its decision."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.orders.intent import Intent
from candlecast.ports.decisions import Decisions
from candlecast.ports.filters import OrderFilter
from candlecast.ports.store import History, Page


@dataclass(frozen=True, slots=True)
class DecidedOrder:
    """An order that a signal has asked for, with the receipt of its decision; None once the receipt is gone."""

    order: Intent
    receipt: str | None


@dataclass(frozen=True, slots=True)
class ListReceipts:
    """Receipts have no order in time of their own: each is found by its order. One query, and one read of the receipts."""

    history: History
    decisions: Decisions

    def __call__(self, tenant_id: str, where: OrderFilter, cursor: str | None, limit: int) -> Page[DecidedOrder]:
        """One page. Raises `InvalidValue` (CURSOR_INVALID)."""
        page = self.history.list_orders(tenant_id, where, cursor, limit)
        wanted = {(order.signal_id, order.subscription_id) for order in page.items}
        found = self.decisions.find_receipts(tenant_id, wanted) if wanted else {}
        decided = [DecidedOrder(order, found.get((order.signal_id, order.subscription_id))) for order in page.items]
        return Page(decided, page.cursor)
