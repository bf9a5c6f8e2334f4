"""The marker of a restored table, and the orders of the lost minutes, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from candlecast.domain.orders.intent import Intent
from candlecast.domain.reconcile.restoration import Restoration
from tests.support.fakes.store import FakeDatabase


class FakeRestorations:
    def __init__(self, database: FakeDatabase | None = None) -> None:
        self.database = database or FakeDatabase()

    def find(self) -> Restoration | None:
        return self.database.restoration

    def put(self, restoration: Restoration) -> None:
        self.database.restoration = restoration


class FakeLostOrders:
    """Reads the orders that `FakeHistory` writes."""

    def __init__(self, database: FakeDatabase) -> None:
        self.database = database

    def orders_without_end(
        self, tenant_id: str, account_id: str, since: datetime, until: datetime, limit: int
    ) -> Sequence[Intent]:
        orders = (order for order, _ in self.database.orders.values())
        open_ones = [
            order
            for order in orders
            if (order.tenant_id, order.account_id) == (tenant_id, account_id)
            and since <= order.created_at < until
            and not order.state.is_terminal
        ]
        return sorted(open_ones, key=lambda order: order.created_at, reverse=True)[:limit]
