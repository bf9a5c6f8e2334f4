"""Set the limits of a platform, an organisation, a group or a user, and say where a user belongs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from candlecast.domain.account.kill_switch import SwitchPlace, SwitchScope
from candlecast.domain.limits.limits import Limits, Scope
from candlecast.domain.limits.lock import bounded, lock_end, refuse_locked, require_unlocked, unlocked
from candlecast.domain.limits.pool_bounds import PoolBounds
from candlecast.domain.limits.record import LimitPlace, LimitRecord
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict
from candlecast.ports.clock import Clock
from candlecast.ports.gate import KillSwitchStore
from candlecast.ports.limits import LimitStore
from candlecast.services.expectation import Expectation, anything
from candlecast.services.retry_conflict import retry_conflict


@dataclass(frozen=True, slots=True)
class ChangeLimits:
    """Every change names who has made it; the next fan-out uses it."""

    limits: LimitStore
    switches: KillSwitchStore
    clock: Clock

    def find(self, place: LimitPlace) -> LimitRecord:
        """The record of a place; an empty one (version 0) if nobody has set anything."""
        return self.limits.read([place]).get(place) or LimitRecord(place=place)

    def set(self, place: LimitPlace, limits: Limits, who: str, *, expect: Expectation[LimitRecord] = anything) -> LimitRecord:
        """Replace the limits of a place.

        Raises `Conflict` (LIMITS_LOCKED) for a limit that would be loosened while it is locked, `InvalidValue` (LOCK_TOO_LONG),
        and the errors of `expect`.
        """

        def change(record: LimitRecord) -> LimitRecord:
            require_unlocked(record.limits, limits, record.changed_at, self.clock.now())
            return replace(record, limits=limits.require_settable())

        return self._change(place, change, who, expect)

    def lift_lock(self, place: LimitPlace, until: datetime, who: str) -> LimitRecord:
        """Take the lock until `until` away. `services/people/lift_lock.py` asks who may.

        Raises `Conflict` (APPROVAL_OUTDATED) for another lock.
        """

        def attempt() -> LimitRecord:
            known = self.find(place)
            lifted = replace(known, limits=unlocked(known.limits, until), changed_by=who, changed_at=self.clock.now())
            return self.limits.save(lifted)

        return retry_conflict(attempt)

    def set_pool(
        self, place: LimitPlace, bounds: PoolBounds, who: str, *, expect: Expectation[LimitRecord] = anything
    ) -> LimitRecord:
        """Replace what an organisation's accounts share. Raises `Conflict` (LIMITS_LOCKED) as `set` does."""

        def change(record: LimitRecord) -> LimitRecord:
            loosened = record.pool.loosened_by(bounds) if record.pool is not None else ()
            refuse_locked(loosened, lock_end(record.limits, record.changed_at), self.clock.now())
            return replace(record, pool=None if bounds.is_empty else bounds)

        return self._change(place, change, who, expect)

    def move_user(
        self,
        tenant_id: str,
        organisation_id: str | None,
        group_id: str | None,
        who: str,
        *,
        expect: Expectation[LimitRecord] = anything,
    ) -> LimitRecord:
        """Say which organisation and group a user belongs to; None for neither.

        A move would loosen for the user alone, so one operator must not leave a level that needs two operators to loosen. Raises
        `Conflict`: LIMITS_LOCKED for a locked organisation or group, HELD_BY_OPERATIONS for a stopped organisation.
        """

        def change(record: LimitRecord) -> LimitRecord:
            moved = replace(record, organisation_id=organisation_id, group_id=group_id)
            self._require_free(record, moved)
            return moved

        return self._change(LimitPlace(Scope.USER, tenant_id), change, who, expect)

    def _require_free(self, known: LimitRecord, moved: LimitRecord) -> None:
        left = known.organisation_id if known.organisation_id != moved.organisation_id else None
        if left is not None:
            self._require_unlocked(LimitPlace(Scope.ORGANISATION, left))
            switch = self.switches.find_switch(SwitchPlace(SwitchScope.ORGANISATION, left))
            if switch is not None and switch.grade is not None:
                raise Conflict(
                    "HELD_BY_OPERATIONS", "the organisation's kill switch is on, and a move would lift it for the user"
                )
        if known.group_id is not None and known.group_id != moved.group_id:
            self._require_unlocked(LimitPlace(Scope.GROUP, known.group_id))

    def _require_unlocked(self, place: LimitPlace) -> None:
        record = self.find(place)
        refuse_locked([f"the {place.scope.lower()} of the user"], lock_end(record.limits, record.changed_at), self.clock.now())

    def _change(
        self,
        place: LimitPlace,
        change: Callable[[LimitRecord], LimitRecord],
        who: str,
        expect: Expectation[LimitRecord],
    ) -> LimitRecord:
        def attempt() -> LimitRecord:
            known = self.find(place)
            expect(known)
            changed = change(replace(known, limits=bounded(known.limits, known.changed_at)))
            return self.limits.save(replace(changed, changed_by=who, changed_at=self.clock.now()))

        return retry_conflict(attempt)
