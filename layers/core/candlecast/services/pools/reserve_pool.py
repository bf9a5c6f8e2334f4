"""Reserve an entry in the pool of its organisation, before anything of it is written or sent.

One transaction more than an order without a pool costs, while the account's own slot has room; a tenant without a pool pays
nothing. If the pool cannot be asked, no entry is taken; exits never ask it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from candlecast.domain.account.account import Account
from candlecast.domain.decide.plan import Plan
from candlecast.domain.decide.pooled_plan import deny_entry, entries_of, marked, without_entry
from candlecast.domain.limits.limits import Authority
from candlecast.domain.limits.pool_bounds import NOTHING, Amounts, PoolBounds, PoolLimits
from candlecast.domain.orders.intent import Intent
from candlecast.domain.pools.pool import ABANDONED_AFTER, Reservation, SlotChange, needed_by, slot_of
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, RetryLater
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.pool import RESERVATION_CHANGED, PoolStore
from candlecast.services.pools.settle_reservation import ATTEMPTS, BUSY_SECONDS, SettleReservation


@dataclass(frozen=True, slots=True)
class ReservePool:
    """Called between the plan and its first write; each part of an entry is reserved by itself."""

    pools: PoolStore
    clock: Clock
    metrics: Metrics

    def __call__(self, plan: Plan, order: TradeOrder, account: Account) -> Plan:
        """The plan, its entry reserved or denied (POOL_EXHAUSTED; LIMITS_UNAVAILABLE if it would not stay fresh).

        While the pool cannot be asked and the entry stays fresh, the plan has its exits alone, and the message is redelivered for
        the entry. Raises `RetryLater` if there are no exits.
        """
        limits = _pool_of(order, account)
        if limits is None:
            return plan
        plan = marked(plan, limits.organisation_id)
        entries = entries_of(plan)
        if not entries:
            return plan
        try:
            denial = next((denial for entry in entries if (denial := self._reserve(entry, limits)) is not None), None)
        except RetryLater as error:
            self.metrics.count("PoolsUnavailable")
            again = self.clock.now() + timedelta(seconds=error.after_seconds)
            if entries[0].expires_at is not None and again > entries[0].expires_at:
                return deny_entry(plan, Denial(Reason.LIMITS_UNAVAILABLE))
            exits = without_entry(plan)
            if not exits.intents:
                raise
            return exits
        return plan if denial is None else deny_entry(plan, denial)

    def _reserve(self, entry: Intent, limits: PoolLimits) -> Denial | None:
        now, needed = self.clock.now(), needed_by(entry)
        mine = Reservation(
            intent_id=entry.intent_id,
            organisation_id=limits.organisation_id,
            tenant_id=entry.tenant_id,
            account_id=entry.account_id,
            slot=slot_of(entry.account_id),
            amounts=needed,
            day=now.date(),
            look_at=now + ABANDONED_AFTER,
            position_of=entry.bracket_of,
        )
        own = SlotChange(number=mine.slot, day=mine.day, limits_version=limits.version, free=-needed, used=needed)
        if self._taken([own], mine):
            return None
        return self._reserve_anywhere(mine, limits)

    def _reserve_anywhere(self, mine: Reservation, limits: PoolLimits) -> Denial | None:
        """Where the account's own slot has no room, or knows other limits or another day: look at all of them."""
        for _ in range(ATTEMPTS):
            pool = self.pools.read_pool(mine.organisation_id)
            if not pool.slots and limits.version == 0:
                return None  # no message has ever named a pool
            changes: tuple[SlotChange, ...] = ()
            if pool.is_shared_out(limits, mine.day):
                denial = pool.denial(mine.amounts)
                if denial is not None:
                    return denial
                changes = pool.taking(mine.amounts)
            if not changes:
                with suppress(Conflict):  # somebody else has done it, or takes from it: the next look tells
                    self.pools.share_out(mine.organisation_id, pool.shared_out(limits, mine.day))
            elif self._taken(changes, replace(mine, slot=changes[0].number, day=changes[0].day)):
                return None
        raise RetryLater("POOL_BUSY", "others change the slots all the time", after_seconds=BUSY_SECONDS)

    def _taken(self, changes: Sequence[SlotChange], mine: Reservation) -> bool:
        try:
            self.pools.change(mine.organisation_id, changes, None, mine)
        except Conflict as error:
            return error.code == RESERVATION_CHANGED and self._is_held(mine)
        return True

    def _is_held(self, mine: Reservation) -> bool:
        """Whether an earlier visit for the same entry has reserved enough; an insufficient reservation is given back."""
        held = self.pools.find_reservation(mine.intent_id)
        if held is None:
            return False
        if held.amounts.covers(replace(mine.amounts, orders=NOTHING.orders)):
            return True
        SettleReservation(self.pools)(held, Amounts(), None)
        return False


def _pool_of(order: TradeOrder, account: Account) -> PoolLimits | None:
    """The pool that the order names; in an emergency, when its sender could not know, the organisation's pool."""
    lost = order.limits is not None and order.limits.authority is Authority.EMERGENCY
    if order.pool is None and lost and account.organisation_id is not None:
        return PoolLimits(organisation_id=account.organisation_id, bounds=PoolBounds(), version=0)
    return order.pool
