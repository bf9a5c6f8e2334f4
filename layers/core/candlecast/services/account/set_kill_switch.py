"""Set and clear kill switches: operations anywhere, a user their own."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.account.kill_switch import Grade, KillSwitch, SwitchPlace
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.domain.values.text import require_text
from candlecast.ports.clock import Clock
from candlecast.ports.gate import KillSwitchStore
from candlecast.services.retry_conflict import retry_conflict


@dataclass(frozen=True, slots=True)
class Setter:
    """Who changes a switch; only operations change a switch that operations have set."""

    name: str
    is_operations: bool


@dataclass(frozen=True, slots=True)
class SetKillSwitch:
    """Changes one switch; the change is told with the write, and in force for every order whose gate is read after it."""

    switches: KillSwitchStore
    clock: Clock

    def set(self, place: SwitchPlace, grade: Grade, reason: str, by: Setter) -> KillSwitch:
        """Turn the switch on, or to another grade; a repeat changes nothing.

        Raises `Conflict` (HELD_BY_OPERATIONS) for a user whose switch operations have set, `InvalidValue` (TEXT_INVALID),
        `RetryLater`.
        """
        require_text("a reason", reason)

        def attempt() -> KillSwitch:
            known = self._changeable(place, by)
            if known is not None and (known.grade, known.reason) == (grade, reason):
                return known
            return self._save(place, known, grade, reason, by)

        return retry_conflict(attempt)

    def clear(self, place: SwitchPlace, by: Setter) -> KillSwitch:
        """Turn the switch off: new orders and waiting orders go again. A repeat changes nothing.

        Raises `NotFound` if it was never on, `Conflict` (HELD_BY_OPERATIONS), `RetryLater`.
        """

        def attempt() -> KillSwitch:
            known = self._changeable(place, by)
            if known is None:
                raise NotFound("no such switch was ever set")
            return known if known.grade is None else self._save(place, known, None, known.reason, by)

        return retry_conflict(attempt)

    def _changeable(self, place: SwitchPlace, by: Setter) -> KillSwitch | None:
        known = self.switches.find_switch(place)
        if known is not None and known.grade is not None and known.by_operations and not by.is_operations:
            raise Conflict("HELD_BY_OPERATIONS", "operations have set this switch, and only they change it")
        return known

    def _save(self, place: SwitchPlace, known: KillSwitch | None, grade: Grade | None, reason: str, by: Setter) -> KillSwitch:
        switch = KillSwitch(
            place=place,
            grade=grade,
            reason=reason,
            changed_by=by.name,
            changed_at=self.clock.now(),
            by_operations=by.is_operations,
        )
        return self.switches.save_switch(replace(switch, version=known.version if known is not None else 0))
