"""The organisation of the simulated world: its pool is audited at every change and must explain itself at rest (invariant 2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from candlecast.domain.account.account import Account
from candlecast.domain.limits.limits import Scope
from candlecast.domain.limits.pool_bounds import PoolBounds
from candlecast.domain.limits.record import LimitPlace, LimitRecord
from candlecast.domain.orders.intent import LegKind
from candlecast.domain.pools.pool import Reservation, SlotChange
from tests.support.fakes.limits import FakeLimitStore
from tests.support.fakes.pools import FakePoolStore
from verification.simulation.chronicle import Chronicle

ORGANISATION = "fund-1"
MEMBERS = ("tenant0",)  # the others pay nothing for it
BOUNDS = PoolBounds(max_gross_notional=Decimal(2_500), max_open_positions=3, max_orders_per_day=200)


class AuditedPoolStore(FakePoolStore):
    """The pool store, with every change held against the bounds."""

    def __init__(self, chronicle: Chronicle) -> None:
        super().__init__()
        self._chronicle = chronicle

    def change(
        self, organisation_id: str, changes: Sequence[SlotChange], old: Reservation | None, new: Reservation | None
    ) -> None:
        super().change(organisation_id, changes, old, new)
        slots = self.slots.get(organisation_id, {}).values()
        bounds = BOUNDS.bounds.values()
        for number, bound in enumerate(bounds):
            used = sum(slot.used.values()[number] for slot in slots)
            if used > bound:
                self._chronicle.fail(f"2: the pool of {organisation_id} holds {used} of {bound}")


def found_an_organisation(limits: FakeLimitStore) -> None:
    """Let some tenants belong to it."""
    limits.save(LimitRecord(place=LimitPlace(Scope.ORGANISATION, ORGANISATION), pool=BOUNDS))
    for tenant_id in MEMBERS:
        limits.save(LimitRecord(place=LimitPlace(Scope.USER, tenant_id), organisation_id=ORGANISATION))


def unexplained(pools: FakePoolStore, accounts: Mapping[tuple[str, str], Account]) -> Iterator[str]:
    """2: at rest, what is reserved is what is held, and the slots say the same."""
    reserved = pools.reservations
    held = {p.entry_intent_id for account in accounts.values() for p in account.positions.values() if p.pool_id is not None}
    coming = {
        i.intent_id
        for account in accounts.values()
        for i in account.intents.values()
        if i.pool_id is not None and i.kind is LegKind.ENTRY
    }
    yield from (f"2: {key[:6]} is held and not reserved" for key in (held | coming) - reserved.keys())
    for key, each in reserved.items():
        if key not in held | coming and each.position_of not in held:
            yield f"2: {key[:6]} is {each.state} in the pool and not held"
    for organisation_id, slots in pools.slots.items():
        used = sum((slot.used.notional for slot in slots.values()), Decimal(0))
        explained = sum((each.amounts.notional for each in reserved.values()), Decimal(0))
        if used != explained:
            yield f"2: the pool of {organisation_id} holds {used}, its reservations {explained}"
