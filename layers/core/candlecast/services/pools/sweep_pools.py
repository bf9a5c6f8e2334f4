"""Look at reservations whose account should have said by now what became of them: a worker may have died in between.

A reservation is released only if its account does not know the entry and holds nothing of it. Also, no delivery of the order's
message can find the entry fresh any more. The reservation of an open position is looked at later once more, in case the events of
its end are lost.
"""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.account.account import Account
from candlecast.domain.limits.pool_bounds import NOTHING, Amounts
from candlecast.domain.pools.pool import LOOK_AGAIN_AFTER, Reservation, ReservationState
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.pool import PoolStore
from candlecast.ports.store import AccountStore
from candlecast.services.pools.settle_reservation import SettleReservation

MAX_LOOKS_PER_RUN = 200  # of a few milliseconds each; the rest is due a minute later


@dataclass(frozen=True, slots=True)
class SweepPools:
    """Runs every minute."""

    pools: PoolStore
    accounts: AccountStore
    clock: Clock
    metrics: Metrics

    def __call__(self) -> int:
        """Look at the due reservations, up to a bound; returns how many were released."""
        due = self.pools.due_reservations(self.clock.now(), MAX_LOOKS_PER_RUN)
        released = sum(map(self._look, due))
        self.metrics.count("PoolReservationsSwept", released)
        return released

    def _look(self, held: Reservation) -> bool:
        try:
            return self._settle(held, self._account(held))
        except Conflict:
            return False  # its account's events have come meanwhile

    def _settle(self, held: Reservation, account: Account | None) -> bool:
        later = replace(held, look_at=self.clock.now() + LOOK_AGAIN_AFTER)
        settle, entries = SettleReservation(self.pools), (held.intent_id, held.position_of)
        if account is not None and held.intent_id in account.intents:
            settle(held, held.amounts, later)
        elif account is not None and any(each.entry_intent_id in entries for each in account.positions.values()):
            settle(held, held.amounts, replace(later, state=ReservationState.CONFIRMED))
        else:
            sent = held.state is ReservationState.CONFIRMED or held.closed
            settle(held, Amounts(orders=held.amounts.orders) if sent else NOTHING, None)
            return True
        return False

    def _account(self, held: Reservation) -> Account | None:
        try:
            return self.accounts.load(held.tenant_id, held.account_id)
        except NotFound:
            return None
