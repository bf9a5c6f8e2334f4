"""The marker of a restored table, and the orders of the lost minutes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from candlecast.domain.orders.intent import Intent
    from candlecast.domain.reconcile.restoration import Restoration


class Restorations(Protocol):
    def find(self) -> Restoration | None:
        """The restore that made the table; None for a table that was never restored. Raises `RetryLater`."""
        ...

    def put(self, restoration: Restoration) -> None:
        """Write it, over an earlier one. Raises `RetryLater`."""
        ...


class LostOrders(Protocol):
    def orders_without_end(
        self, tenant_id: str, account_id: str, since: datetime, until: datetime, limit: int
    ) -> Sequence[Intent]:
        """The orders that the account made from `since` to before `until` and that have no end in history, newest first.

        Raises `RetryLater`.
        """
        ...
