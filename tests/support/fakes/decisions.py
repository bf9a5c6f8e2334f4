"""Receipts and breaches in memory."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from candlecast.domain.decide.receipt import Receipt
from candlecast.domain.limits.breach import Breach
from candlecast.domain.values.errors import NotFound
from candlecast.ports.store import Page
from tests.support.fakes.store import page_of


class FakeDecisions:
    def __init__(self) -> None:
        self.receipts: dict[tuple[str, str, str], str] = {}
        self.breaches: dict[tuple[str, str], Breach] = {}

    def put_receipt(self, tenant_id: str, signal_id: str, subscription_id: str, receipt: str, at: datetime) -> None:
        self.receipts.setdefault((tenant_id, signal_id, subscription_id), receipt)

    def put_receipts(self, receipts: Iterable[Receipt]) -> None:
        for receipt in receipts:
            order = receipt.order
            self.receipts[order.tenant_id, order.signal.signal_id, order.subscription_id] = receipt.text()

    def get_receipt(self, tenant_id: str, signal_id: str, subscription_id: str) -> str:
        try:
            return self.receipts[tenant_id, signal_id, subscription_id]
        except KeyError:
            raise NotFound("no such decision") from None

    def put_breach(self, breach: Breach) -> None:
        self.breaches.setdefault((breach.tenant_id, breach.breach_id), breach)

    def list_breaches(self, tenant_id: str, cursor: str | None = None, limit: int = 50) -> Page[Breach]:
        own = [breach for (tenant, _), breach in self.breaches.items() if tenant == tenant_id]
        ordered = sorted(own, key=lambda breach: (breach.occurred_at, breach.breach_id), reverse=True)
        return page_of(f"BREACHES#{tenant_id}", ordered, cursor, limit)
