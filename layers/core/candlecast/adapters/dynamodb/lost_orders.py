"""Orders of lost minutes that history shows as open: read in the day after a restore, and never before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.domain.orders.intent import Intent


class DynamoLostOrders:
    """`ports.restorations.LostOrders`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def open_orders(self, tenant_id: str, account_id: str, since: datetime, until: datetime, limit: int) -> Sequence[Intent]:
        from candlecast.adapters.dynamodb.history import DynamoHistory  # rows that a reconciler needs on that day only

        return DynamoHistory(self._table).open_orders(tenant_id, account_id, since, until, limit)
