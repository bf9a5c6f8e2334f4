"""Change what one reservation has taken from its pool: make it less, or end it. Used when an entry or its position has ended."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from candlecast.domain.limits.pool_bounds import NOTHING, Amounts, PoolBounds, PoolLimits
from candlecast.domain.pools.pool import Pool, Reservation, Slot, giving_back
from candlecast.domain.values.errors import Conflict, RetryLater
from candlecast.domain.values.money import ZERO
from candlecast.ports.pool import RESERVATION_CHANGED, PoolStore

ATTEMPTS = 5  # against others who change the same slot at the same moment; then the caller has to retry
BUSY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class SettleReservation:
    """Gives back to the slot that the reservation has taken from, in one transaction with the reservation itself."""

    pools: PoolStore

    def __call__(
        self,
        old: Reservation,
        kept: Amounts,
        new: Reservation | None,
        pnl: Decimal = ZERO,
        closed_on: date | None = None,
    ) -> None:
        """Let `old` keep only `kept` and become `new` (None: it ends); `pnl` counts for its slot on the day `closed_on`.

        Raises `Conflict` (RESERVATION_CHANGED) if the reservation is another by now, `RetryLater`.
        """
        # most reservations end on the day on which they were made, so this mostly needs no look at the slot
        slot = Slot(
            number=old.slot, limits=PoolLimits(organisation_id=old.organisation_id, bounds=PoolBounds(), version=0), day=old.day
        )
        for _ in range(ATTEMPTS):
            counted = pnl if closed_on == slot.day else ZERO
            if closed_on is None or closed_on <= slot.day:
                change = giving_back(slot, old, kept, counted)
                changes = [] if (change.free, change.pnl) == (NOTHING, ZERO) else [change]
                try:
                    return self.pools.change(old.organisation_id, changes, old, new)
                except Conflict as error:
                    if error.code == RESERVATION_CHANGED:
                        raise
            slot = self._present(old, closed_on)
        raise RetryLater("POOL_BUSY", "others change the slot all the time", after_seconds=BUSY_SECONDS)

    def _present(self, reservation: Reservation, day: date | None) -> Slot:
        """The slot as it is, after the day has begun for the pool if it has not."""
        pool = self.pools.read_pool(reservation.organisation_id)
        limits = pool.slots[0].limits
        if day is not None and not pool.is_shared_out(limits, day):
            pool = self._begun(pool, limits, day)
        return pool.slots[reservation.slot]

    def _begun(self, pool: Pool, limits: PoolLimits, day: date) -> Pool:
        with suppress(Conflict):  # somebody else has begun it
            self.pools.share_out(limits.organisation_id, pool.shared_out(limits, day))
        return self.pools.read_pool(limits.organisation_id)
