"""Set and clear kill switches: operations anywhere, a user their own.

`services/people/change_switch.py` stands before this use case for people, because some changes need two of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.account.kill_switch import Grade, KillSwitch, SwitchPlace, needs_second_operator
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.domain.values.text import require_text
from candlecast.ports.clock import Clock
from candlecast.ports.gate import KillSwitchStore
from candlecast.services.expectation import Expectation, anything
from candlecast.services.retry_conflict import retry_conflict


@dataclass(frozen=True, slots=True)
class Setter:
    """Who changes a switch; only operations change a switch that operations have set.

    `may_let_go` says that as many operators stand behind the change as the installation wants for letting go.
    """

    name: str
    is_operations: bool
    may_let_go: bool = False

    def letting_go(self) -> Setter:
        """The same, with everybody behind the change whom letting go needs."""
        return Setter(self.name, self.is_operations, may_let_go=True)


class SecondOperatorNeeded(Conflict):
    """One operator alone may not make this change; `known` is the switch as it stands, None if it was never set."""

    def __init__(self, known: KillSwitch | None) -> None:
        super().__init__("SECOND_OPERATOR_NEEDED", "this change needs a second operator")
        self.known = known


@dataclass(frozen=True, slots=True)
class SetKillSwitch:
    """Changes one switch; the change is told with the write, and in force for every order whose gate is read after it."""

    switches: KillSwitchStore
    clock: Clock

    def set(
        self,
        place: SwitchPlace,
        grade: Grade,
        reason: str,
        by: Setter,
        *,
        expect: Expectation[KillSwitch | None] = anything,
    ) -> KillSwitch:
        """Turn the switch on, or to another grade; a repeat changes nothing.

        Raises `Conflict` (HELD_BY_OPERATIONS) for a user whose switch operations have set, `SecondOperatorNeeded`, `InvalidValue`
        (TEXT_INVALID), `RetryLater`. COPIES_INCOMPLETE: the switch is on, and for every account within a minute.
        Raises the errors of `expect`, which gets None if the switch was never set.
        """
        require_text("a reason", reason)

        def attempt() -> KillSwitch:
            known = self._changeable(place, by)
            expect(known)
            if known is not None and (known.grade, known.reason) == (grade, reason):
                self.switches.complete_switch(place)  # the first attempt may have ended half way
                return known
            return self.write(place, known, grade, reason, by)

        return retry_conflict(attempt)

    def clear(self, place: SwitchPlace, by: Setter, *, expect: Expectation[KillSwitch | None] = anything) -> KillSwitch:
        """Turn the switch off: new orders and waiting orders go again. A repeat changes nothing.

        Raises `NotFound` if it was never on, `Conflict` (HELD_BY_OPERATIONS), `SecondOperatorNeeded`, `RetryLater`, and the
        errors of `expect`.
        """

        def attempt() -> KillSwitch:
            known = self._changeable(place, by)
            expect(known)
            if known is None:
                raise NotFound("no such switch was ever set")
            return known if known.grade is None else self.write(place, known, None, known.reason, by)

        return retry_conflict(attempt)

    def _changeable(self, place: SwitchPlace, by: Setter) -> KillSwitch | None:
        known = self.switches.find_switch(place)
        if known is not None and known.grade is not None and known.by_operations and not by.is_operations:
            raise Conflict("HELD_BY_OPERATIONS", "operations have set this switch, and only they change it")
        return known

    def write(self, place: SwitchPlace, known: KillSwitch | None, grade: Grade | None, reason: str, by: Setter) -> KillSwitch:
        """Change the switch `known`, None if it was never set.

        Raises `Conflict` (VERSION_CONFLICT) if it is not as `known` says, `SecondOperatorNeeded`.
        """
        before = known.grade if known is not None else None
        if not by.may_let_go and needs_second_operator(place, before, grade):
            raise SecondOperatorNeeded(known)
        switch = KillSwitch(
            place=place,
            grade=grade,
            reason=reason,
            changed_by=by.name,
            changed_at=self.clock.now(),
            by_operations=by.is_operations,
        )
        return self.switches.save_switch(replace(switch, version=known.version if known is not None else 0))
