"""Pools in memory, with the conditions of the real store. Each call is one step, as a transaction is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from candlecast.domain.pools.pool import Pool, Reservation, Slot, SlotChange
from candlecast.domain.values.errors import Conflict, RetryLater
from candlecast.ports.clock import Clock
from candlecast.ports.pool import RESERVATION_CHANGED, SLOT_CHANGED
from candlecast.services.pools.release_pools import ReleasePools
from candlecast.services.pools.reserve_pool import ReservePool
from tests.support.fakes.bus import FakeEventBus
from tests.support.fakes.clock import RecordingMetrics
from tests.support.fakes.gate import FakeGate


class FakePoolStore:
    """`requests` names what was asked for; told to fail, the store does not answer."""

    def __init__(self) -> None:
        self.slots: dict[str, dict[int, Slot]] = {}
        self.reservations: dict[str, Reservation] = {}
        self.requests: list[str] = []
        self.unavailable = False

    def read_pool(self, organisation_id: str) -> Pool:
        self._asked("read_pool")
        slots = self.slots.get(organisation_id, {})
        return Pool(tuple(slots[number] for number in sorted(slots)))

    def share_out(self, organisation_id: str, pool: Pool) -> None:
        self._asked("share_out")
        held = self.slots.get(organisation_id, {})
        if any((held[s.number].version if s.number in held else 0) != s.version for s in pool.slots):
            raise Conflict(SLOT_CHANGED, "a slot has changed since it was read")
        self.slots[organisation_id] = {slot.number: replace(slot, version=slot.version + 1) for slot in pool.slots}

    def find_reservation(self, intent_id: str) -> Reservation | None:
        self._asked("find_reservation")
        return self.reservations.get(intent_id)

    def change(
        self, organisation_id: str, changes: Sequence[SlotChange], old: Reservation | None, new: Reservation | None
    ) -> None:
        self._asked("change")
        named = new or old
        if named is not None and self.reservations.get(named.intent_id) != old:
            raise Conflict(RESERVATION_CHANGED, "the reservation is another by now")
        slots = self.slots.get(organisation_id, {})
        if not all(change.fits(slots.get(change.number)) for change in changes):
            raise Conflict(SLOT_CHANGED, "a slot does not allow its change")
        for change in changes:
            slots[change.number] = change.applied(slots[change.number])
        if new is not None:
            self.reservations[new.intent_id] = replace(new, version=(old.version if old else 0) + 1)
        elif old is not None:
            del self.reservations[old.intent_id]

    def due_reservations(self, before: datetime, limit: int) -> Sequence[Reservation]:
        self._asked("due_reservations")
        due = [each for each in self.reservations.values() if each.look_at <= before]
        return sorted(due, key=lambda each: each.look_at)[:limit]

    def _asked(self, request: str) -> None:
        self.requests.append(request)
        if self.unavailable:
            raise RetryLater("STORE_UNAVAILABLE", "told to fail", after_seconds=1)


def reserve_pool(clock: Clock, store: FakePoolStore | None = None) -> ReservePool:
    """The step between a plan and its first write."""
    return ReservePool(store or FakePoolStore(), clock, RecordingMetrics())


def release_pools(clock: Clock, store: FakePoolStore | None = None) -> ReleasePools:
    """The relay's part in pools, with nothing behind it."""
    return ReleasePools(store or FakePoolStore(), FakeGate(), FakeEventBus(), clock, RecordingMetrics())
