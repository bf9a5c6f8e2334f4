"""Orders of lost minutes that history shows as open: read in the day after a restore, and never before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from candlecast.adapters.codec import from_json
from candlecast.adapters.dynamodb.single_table.table import Table, key, require_schema, require_tenant, sortable, store_errors
from candlecast.domain.orders.intent import Intent

if TYPE_CHECKING:
    from candlecast.adapters.dynamodb.history import OrderRow

MAX_ROWS_READ = 1_000  # of one account's look: about 2 MB, and more orders than a tenant gets in the minutes that a restore loses


class DynamoLostOrders:
    """`ports.restorations.LostOrders`; looks through the newest rows of the time."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def orders_without_end(
        self, tenant_id: str, account_id: str, since: datetime, until: datetime, limit: int
    ) -> Sequence[Intent]:
        from candlecast.adapters.dynamodb.history import OrderRow  # needed on that day only

        def fitting(row: OrderRow) -> Intent | None:
            require_schema(row)
            intent = from_json(Intent, row.body)
            require_tenant(tenant_id, intent.tenant_id)
            return intent if intent.account_id == account_id and not intent.state.is_terminal else None

        orders, partition = self._table.rows(OrderRow), key("TENANT", tenant_id, "ORDERS")
        made = orders.index2_place.between(sortable(since), sortable(until))
        with store_errors():
            rows = orders.by_index2.query(partition, made, scan_index_forward=False, limit=MAX_ROWS_READ)
            return list(islice((intent for intent in map(fitting, rows) if intent is not None), limit))
