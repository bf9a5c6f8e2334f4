"""Why something was traded or not: receipts of decisions, and breaches of limits. Projected from events, read by the API."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from candlecast.domain.decide.receipt import Receipt
    from candlecast.domain.limits.breach import Breach
    from candlecast.ports.filters import BreachFilter
    from candlecast.ports.store import Page


KEPT = timedelta(days=90)  # a quarter: disputes of users and inquiries of operators are about younger receipts and breaches


class Decisions(Protocol):
    """Receipts and breaches of a tenant, kept for a bounded time."""

    def put_receipt(self, tenant_id: str, signal_id: str, subscription_id: str, receipt: str, at: datetime) -> None:
        """Keep the first receipt of a (signal, subscription), decided at `at`; a repeat changes nothing."""
        ...

    def put_receipts(self, receipts: Iterable[Receipt]) -> None:
        """Store the fan-out's receipts of subscriptions without an account, in batches; no account ever decides those."""
        ...

    def get_receipt(self, tenant_id: str, signal_id: str, subscription_id: str) -> str:
        """Raises `NotFound`."""
        ...

    def put_breach(self, breach: Breach) -> None:
        """Keep a breach; a repeat changes nothing."""
        ...

    def find_receipts(self, tenant_id: str, decisions: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        """The receipts that are still kept, by signal and subscription. One request for every hundred."""
        ...

    def list_breaches(self, tenant_id: str, where: BreachFilter, cursor: str | None = None, limit: int = 50) -> Page[Breach]:
        """One page of the breaches that fit. A filtered page may be short, or empty, and yet have a cursor. One request."""
        ...
