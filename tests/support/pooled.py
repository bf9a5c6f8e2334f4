"""Pools with their services on fakes, and the steps that tests take with them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from candlecast.domain.account.account import Account
from candlecast.domain.account.events import Event, EventType, order_event
from candlecast.domain.decide.plan import Plan
from candlecast.domain.decide.pooled_plan import entry_of
from candlecast.domain.limits.pool_bounds import Amounts, PoolBounds, PoolLimits
from candlecast.domain.orders.intent import Intent, IntentState
from candlecast.domain.pools.pool import Pool, Reservation
from candlecast.domain.values.ids import digest
from candlecast.domain.values.reasons import Denial
from candlecast.ports.bus import PublishedEvent
from candlecast.services.pools.release_pools import ReleasePools
from candlecast.services.pools.reserve_pool import ReservePool
from candlecast.services.pools.sweep_pools import SweepPools
from tests.support.builders import ACCOUNT, TENANT, a_signal, a_trade, a_trade_order, after, an_account, an_intent
from tests.support.fakes.accounts import FakeAccountStore
from tests.support.fakes.bus import FakeEventBus
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.gate import FakeGate
from tests.support.fakes.pools import FakePoolStore
from tests.support.fakes.store import FakeDatabase

ORGANISATION = "organisation-1"


def pool_limits(version: int = 1, **bounds: Any) -> PoolLimits:
    given: dict[str, Any] = {
        name: Decimal(value) if "notional" in name or "loss" in name else value for name, value in bounds.items()
    }
    return PoolLimits(organisation_id=ORGANISATION, bounds=PoolBounds(**given), version=version)


def an_entry(number: int = 1, notional: int = 1_000, account_id: str = ACCOUNT, **changes: Any) -> Intent:
    """An entry of its own signal, at a price of 100, fresh for two minutes."""
    return an_intent(
        signal_id=digest("signal", str(number)),
        account_id=account_id,
        quantity=Decimal(notional) / 100,
        expires_at=after(120),
        **changes,
    )


class Pools:
    """Everything that pools are changed by, on one clock."""

    def __init__(self, **bounds: Any) -> None:
        self.limits = pool_limits(**bounds)
        self.store, self.clock, self.metrics = FakePoolStore(), FakeClock(), RecordingMetrics()
        self.accounts, self.gate, self.bus = FakeAccountStore(FakeDatabase(), self.clock), FakeGate(), FakeEventBus()
        self.reserve = ReservePool(self.store, self.clock, self.metrics)
        self.release = ReleasePools(self.store, self.gate, self.bus, self.clock, self.metrics)
        self.sweep = SweepPools(self.store, self.accounts, self.clock, self.metrics)

    # -- what a test does ----------------------------------------------------------------------------------------------------

    def plan(self, entry: Intent, *others: Intent, account: Account | None = None, **order: Any) -> Plan:
        message = a_trade_order(a_signal(), **{"pool": self.limits, **order})
        return self.reserve(Plan(legs=(*others, entry)), message, account or an_account())

    def enter(self, entry: Intent) -> Denial | None:
        """Reserve; None if it was."""
        planned = self.plan(entry)
        return None if entry_of(planned) is not None else planned.decided[-1].denial

    def end(self, entry: Intent, state: IntentState = IntentState.FILLED, filled: str | None = None) -> None:
        """The entry's end is told."""
        quantity = Decimal(filled) if filled is not None else entry.quantity if state is IntentState.FILLED else Decimal(0)
        ended = replace(entry, state=state, filled_quantity=quantity, pool_id=ORGANISATION)
        self.tell(order_event(ended, self.clock.now()))

    def close(self, entry: Intent, pnl: str = "0", at: datetime | None = None, again: str | None = None) -> None:
        """The position's end is told; `pnl` after fees. `again` is the trade's id if the entry had opened it anew."""
        trade = a_trade(
            again or entry.intent_id,
            entry_intent_id=again and entry.intent_id,
            account_id=entry.account_id,
            pnl=Decimal(pnl),
            fees=Decimal(0),
            closed_at=at or self.clock.now(),
            pool_id=ORGANISATION,
        )
        self.tell(Event(type=EventType.TRADE_CLOSED, occurred_at=self.clock.now(), trade=trade))

    def tell(self, event: Event) -> None:
        told = PublishedEvent(event_id="event-1", tenant_id=TENANT, account_id=ACCOUNT, version=1, event=event)
        self.release(told)

    # -- what a test asks ------------------------------------------------------------------------------------------------------

    @property
    def pool(self) -> Pool:
        return Pool(tuple(slot for _, slot in sorted(self.store.slots.get(ORGANISATION, {}).items())))

    @property
    def used(self) -> Amounts:
        return self.pool.used

    def reservation(self, entry: Intent) -> Reservation | None:
        return self.store.reservations.get(entry.intent_id)
