"""Receipts of decisions and breaches of limits: one item each, kept for three months."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError

from candlecast.adapters.codec import from_json, to_json
from candlecast.adapters.dynamodb.accounts import tenant_key
from candlecast.adapters.dynamodb.single_table.batch import read_items
from candlecast.adapters.dynamodb.single_table.listing import read_page, within
from candlecast.adapters.dynamodb.single_table.table import (
    Row,
    Table,
    condition_failed,
    key,
    require_schema,
    require_tenant,
    require_version,
    sortable,
    store_errors,
)
from candlecast.domain.limits.breach import Breach
from candlecast.domain.values.errors import NotFound
from candlecast.ports.decisions import KEPT
from candlecast.ports.store import Page

if TYPE_CHECKING:
    from candlecast.domain.decide.receipt import Receipt
    from candlecast.ports.filters import BreachFilter

RECEIPT, BREACH = "RECEIPT", "BREACH"
TIME_KEYS = ("GSI2PK", "GSI2SK", "PK", "SK")


class DecisionRow(Row):
    """A receipt or a breach."""

    body = UnicodeAttribute()
    expires_at = NumberAttribute()


class DynamoDecisions:
    """`ports.decisions.Decisions`."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rows = table.rows(DecisionRow)

    def put_receipt(self, tenant_id: str, signal_id: str, subscription_id: str, receipt: str, at: datetime) -> None:
        self._put_row(self._receipt(tenant_id, signal_id, subscription_id, receipt, at))

    def put_receipts(self, receipts: Iterable[Receipt]) -> None:
        with store_errors(), self._rows.batch_write() as batch:
            for receipt in receipts:
                order = receipt.order
                names = order.tenant_id, order.signal.signal_id, order.subscription_id
                batch.save(self._receipt(*names, receipt.text(), receipt.decided_at))

    def get_receipt(self, tenant_id: str, signal_id: str, subscription_id: str) -> str:
        with store_errors():
            try:
                row = self._rows.get(tenant_key(tenant_id), key(RECEIPT, signal_id, subscription_id), consistent_read=True)
            except self._rows.DoesNotExist:
                raise NotFound("no such decision") from None
        require_schema(row)
        return row.body

    def put_breach(self, breach: Breach) -> None:
        row = self._rows(
            tenant_key(breach.tenant_id),
            key(BREACH, breach.breach_id),
            index2_partition=key("TENANT", breach.tenant_id, "BREACHES"),
            index2_place=key(sortable(breach.occurred_at), breach.breach_id),
            body=to_json(breach),
            expires_at=_expiry(breach.occurred_at),
        )
        self._put_row(row)

    def find_receipts(self, tenant_id: str, decisions: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        by_key = {(tenant_key(tenant_id), key(RECEIPT, *decision)): decision for decision in decisions}
        found = read_items(self._table, by_key, consistent=False)
        for item in found.values():
            require_version(int(item["schema_version"]["N"]))
        return {by_key[place]: item["body"]["S"] for place, item in found.items()}

    def list_breaches(self, tenant_id: str, where: BreachFilter, cursor: str | None = None, limit: int = 50) -> Page[Breach]:
        def fitting(row: DecisionRow) -> Breach | None:
            require_schema(row)
            found = from_json(Breach, row.body)
            require_tenant(tenant_id, found.tenant_id)
            return found if where.fits(found) else None

        return read_page(
            self._rows.by_index2.query,
            key("TENANT", tenant_id, "BREACHES"),
            TIME_KEYS,
            fitting,
            cursor,
            limit,
            within(self._rows.index2_place, where.window),
            ascending=where.window.ascending,
            filtered=bool(where.conditions),
        )

    def _receipt(self, tenant_id: str, signal_id: str, subscription_id: str, text: str, at: datetime) -> DecisionRow:
        place = key(RECEIPT, signal_id, subscription_id)
        return self._rows(tenant_key(tenant_id), place, body=text, expires_at=_expiry(at))

    def _put_row(self, row: DecisionRow) -> None:
        try:
            with store_errors():
                row.save(condition=self._rows.partition.does_not_exist())
        except PutError as error:
            if not condition_failed(error):
                raise


def _expiry(at: datetime) -> int:
    return int((at + KEPT).timestamp())
