"""Orders of lost minutes that history shows as open: read in the day after a restore, and never before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from candlecast.adapters.codec import from_json
from candlecast.adapters.dynamodb.single_table.table import Table, key, require_schema, require_tenant, sortable
from candlecast.domain.orders.intent import Intent

if TYPE_CHECKING:
    from candlecast.adapters.dynamodb.history import OrderRow


class DynamoLostOrders:
    """`ports.restorations.LostOrders`; looks through the newest rows of the time, as many as a page may read."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def orders_without_end(
        self, tenant_id: str, account_id: str, since: datetime, until: datetime, limit: int
    ) -> Sequence[Intent]:
        from candlecast.adapters.dynamodb.history import TIME_KEYS, OrderRow  # needed on that day only
        from candlecast.adapters.dynamodb.single_table.listing import read_page

        def fitting(row: OrderRow) -> Intent | None:
            require_schema(row)
            intent = from_json(Intent, row.body)
            require_tenant(tenant_id, intent.tenant_id)
            return intent if intent.account_id == account_id and not intent.state.is_terminal else None

        orders, partition = self._table.rows(OrderRow), key("TENANT", tenant_id, "ORDERS")
        made = orders.index2_place.between(sortable(since), sortable(until))
        return read_page(orders.by_index2.query, partition, TIME_KEYS, fitting, None, limit, made).items
