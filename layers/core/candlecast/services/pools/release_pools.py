"""Tell pools what has become of their reservations, from accounts' events: an entry has ended, a position is closed.

Events come at least once. The reservation records each step and is written with its slot, so a repeat changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from candlecast.domain.account.events import Event, EventType
from candlecast.domain.account.kill_switch import Grade, SwitchPlace, SwitchScope
from candlecast.domain.limits.pool_bounds import Amounts
from candlecast.domain.orders.intent import Intent, LegKind
from candlecast.domain.orders.position import Trade
from candlecast.domain.pools.pool import LOOK_AGAIN_AFTER, Reservation, ReservationState, is_loss_reached, kept_by
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, RetryLater
from candlecast.domain.values.ids import digest
from candlecast.domain.values.money import ZERO
from candlecast.ports.bus import EventBus, PublishedEvent
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.gate import KillSwitchStore
from candlecast.ports.pool import PoolStore
from candlecast.services.account.set_kill_switch import SetKillSwitch, Setter
from candlecast.services.pools.settle_reservation import BUSY_SECONDS, SettleReservation

POOL_DAILY_LOSS = "POOL_DAILY_LOSS"  # code of the event, and of the alert that comes of it
SETTER = Setter("pooled limits", is_operations=True)


@dataclass(frozen=True, slots=True)
class ReleasePools:
    """The part of the outbox relay that pools need; it does nothing for an entry that no pool has reserved."""

    pools: PoolStore
    switches: KillSwitchStore
    bus: EventBus
    clock: Clock
    metrics: Metrics

    def __call__(self, published: PublishedEvent) -> PublishedEvent | None:
        """Take one event; returns the alert that it has caused and that is published already.

        Raises `RetryLater` if the store does not answer, or others are at the same reservation.
        """
        order, trade = published.event.order, published.event.trade
        if order is not None and order.pool_id is not None and order.kind is LegKind.ENTRY and order.state.is_terminal:
            self._entry_ended(order)
        if published.event.type is EventType.TRADE_CLOSED and trade is not None and trade.pool_id is not None:
            return self._position_closed(trade, trade.pool_id)
        return None

    def _entry_ended(self, entry: Intent) -> None:
        held = self.pools.find_reservation(entry.intent_id)
        if held is None or held.state is ReservationState.CONFIRMED:
            return
        kept = kept_by(held, entry)
        now = self.clock.now()
        confirmed = replace(
            held,
            state=ReservationState.CONFIRMED,
            amounts=kept,
            look_at=now if held.closed else now + LOOK_AGAIN_AFTER,
        )
        if held.position_of is not None and entry.filled_quantity > 0:
            self._join(held.intent_id, held.position_of)  # before it is confirmed, after which a repeat does nothing
        self._settle(held, kept, confirmed if entry.filled_quantity > 0 else None)

    def _join(self, added: str, opened_by: str) -> None:
        """Let the reservation of an add end with that of the position that it was added to."""
        opening = self.pools.find_reservation(opened_by)
        if opening is not None and added not in opening.adds:
            self._settle(opening, opening.amounts, replace(opening, adds=(*opening.adds, added)))

    def _position_closed(self, trade: Trade, pool_id: str) -> PublishedEvent | None:
        held = self.pools.find_reservation(trade.entry)
        if held is not None and not held.has_counted(trade):
            for added in filter(None, map(self.pools.find_reservation, held.adds)):
                if added.state is ReservationState.CONFIRMED:
                    self._settle(added, Amounts(orders=added.amounts.orders), None)
            self._count(held, trade)
        return self._pause_if_lost(pool_id) if trade.net_pnl < 0 else None  # also at a repeat: the first one may have died here

    def _count(self, held: Reservation, trade: Trade) -> None:
        on = trade.closed_at.date()
        if held.state is ReservationState.CONFIRMED:
            self._settle(held, Amounts(orders=held.amounts.orders), None, trade.net_pnl, on)
        else:  # its entry may fill again: it counts until that has ended, too
            self._settle(held, held.amounts, held.counting(trade), trade.net_pnl, on)

    def _settle(
        self, held: Reservation, kept: Amounts, new: Reservation | None, pnl: Decimal = ZERO, closed_on: date | None = None
    ) -> None:
        try:
            SettleReservation(self.pools)(held, kept, new, pnl, closed_on)
        except Conflict as error:
            raise RetryLater(error.code, "somebody else has changed it", after_seconds=BUSY_SECONDS) from error

    def _pause_if_lost(self, organisation_id: str) -> PublishedEvent | None:
        pool = self.pools.read_pool(organisation_id)
        if not is_loss_reached(pool):
            return None
        place = SwitchPlace(SwitchScope.ORGANISATION, organisation_id)
        known = self.switches.find_switch(place)
        if known is not None and known.grade is not None:
            return None  # entries are stopped already, perhaps by more than this
        day, bound = pool.slots[0].day, pool.slots[0].limits.bounds.max_daily_loss
        now = self.clock.now()
        told = PublishedEvent(
            event_id=digest(POOL_DAILY_LOSS, organisation_id, day.isoformat()),
            tenant_id=SwitchScope.ORGANISATION.value,
            account_id=f"POOL-{organisation_id}",
            version=0,
            event=Event(type=EventType.ALERT_CRITICAL, occurred_at=now, code=POOL_DAILY_LOSS),
        )
        self.bus.publish([told])
        reason = f"max_daily_loss of the organisation: {-pool.pnl} of {bound} lost on {day}"
        SetKillSwitch(self.switches, self.clock).set(place, Grade.PAUSE_ENTRIES, reason, SETTER)
        self.metrics.count("PoolLossesReached")
        return told
