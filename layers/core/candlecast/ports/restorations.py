"""The marker of a restored table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from candlecast.domain.reconcile.restoration import Restoration


class Restorations(Protocol):
    def find(self) -> Restoration | None:
        """The restore that made the table; None for a table that was never restored. Raises `RetryLater`."""
        ...

    def put(self, restoration: Restoration) -> None:
        """Write it, over an earlier one. Raises `RetryLater`."""
        ...
