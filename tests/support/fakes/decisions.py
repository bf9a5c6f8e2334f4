"""Receipts and breaches in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from candlecast.domain.decide.receipt import Receipt
from candlecast.domain.limits.breach import Breach
from candlecast.domain.values.errors import NotFound
from candlecast.ports.filters import BreachFilter
from candlecast.ports.store import Page
from tests.support.fakes.store import listed, page_of


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

    def find_receipts(self, tenant_id: str, decisions: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        found = {decision: self.receipts.get((tenant_id, *decision)) for decision in decisions}
        return {decision: text for decision, text in found.items() if text is not None}

    def list_breaches(self, tenant_id: str, where: BreachFilter, cursor: str | None = None, limit: int = 50) -> Page[Breach]:
        own = [((it.occurred_at, it.breach_id), it) for (tenant, _), it in self.breaches.items() if tenant == tenant_id]
        return page_of(f"BREACHES#{tenant_id}", listed(own, where), cursor, limit)
