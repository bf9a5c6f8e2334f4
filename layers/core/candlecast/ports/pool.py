"""Where the pooled limits of organisations are counted: slots, and the reservations that explain them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from candlecast.domain.pools.pool import Pool, Reservation, SlotChange

SLOT_CHANGED = "SLOT_CHANGED"
RESERVATION_CHANGED = "RESERVATION_CHANGED"


class PoolStore(Protocol):
    """Every method raises `RetryLater` (STORE_UNAVAILABLE) if the store does not answer; then a write may have been made."""

    def read_pool(self, organisation_id: str) -> Pool:
        """All slots, strongly consistent each, not all of one instant; an empty pool if nothing was ever reserved."""
        ...

    def share_out(self, organisation_id: str, pool: Pool) -> None:
        """Replace all slots in one step; raises `Conflict` (SLOT_CHANGED) if any has changed since it was read, or does."""
        ...

    def find_reservation(self, intent_id: str) -> Reservation | None:
        """The reservation, strongly consistent."""
        ...

    def change(
        self,
        organisation_id: str,
        changes: Sequence[SlotChange],
        old: Reservation | None,
        new: Reservation | None,
    ) -> None:
        """Change slots and one reservation in one step, or nothing. One request.

        `old` is the reservation as it was read (None: there is none). `new` is written as the next version (None: the reservation
        ends). Raises `Conflict` with RESERVATION_CHANGED if the stored reservation is not `old` any more. The code is
        SLOT_CHANGED if a slot does not allow its change, or if another writer is changing the slot at this moment.
        """
        ...

    def due_reservations(self, before: datetime, limit: int) -> Sequence[Reservation]:
        """Reservations to be looked at by `before`, those that have been due for longest first, from an index."""
        ...
