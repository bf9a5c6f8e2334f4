"""Change a kill switch as an operator or a user: one person stops, and two operators let go."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.account.kill_switch import Grade, KillSwitch, SwitchPlace, SwitchScope
from candlecast.domain.people.approval import Act, Approval
from candlecast.domain.values.errors import Conflict
from candlecast.services.account.set_kill_switch import SecondOperatorNeeded, SetKillSwitch, Setter
from candlecast.services.expectation import Expectation, anything
from candlecast.services.people.ask_approval import AskApproval
from candlecast.services.retry_conflict import VERSION_CONFLICT

OFF = "OFF"  # the grade of a switch that is to be turned off, in the terms of a request


@dataclass(frozen=True, slots=True)
class ChangeSwitch:
    """Changes that let go are asked for by `ask`, unless one operator is enough."""

    switch: SetKillSwitch
    ask: AskApproval

    def set(
        self,
        place: SwitchPlace,
        grade: Grade,
        reason: str,
        by: Setter,
        *,
        expect: Expectation[KillSwitch | None] = anything,
    ) -> KillSwitch | Approval:
        """Turn the switch on, or to another grade; a request for a second operator where the change lets go.

        Raises as `SetKillSwitch.set` and `AskApproval` do.
        """
        try:
            return self.switch.set(place, grade, reason, by, expect=expect)
        except SecondOperatorNeeded as needed:
            if self.ask.one_is_enough():
                return self.switch.set(place, grade, reason, by.letting_go(), expect=expect)
            return self._ask(place, needed.known, grade, reason, by)

    def clear(
        self, place: SwitchPlace, by: Setter, *, expect: Expectation[KillSwitch | None] = anything
    ) -> KillSwitch | Approval:
        """Turn the switch off; a request for a second operator where it stops others than the caller. Raises as `set` does."""
        try:
            return self.switch.clear(place, by, expect=expect)
        except SecondOperatorNeeded as needed:
            if self.ask.one_is_enough():
                return self.switch.clear(place, by.letting_go(), expect=expect)
            return self._ask(place, needed.known, None, "", by)

    def perform(self, approval: Approval) -> None:
        """Do what was approved, on the very switch that was asked about; a repeat does nothing.

        Raises `Conflict` (APPROVAL_OUTDATED) if somebody has changed the switch since, `RetryLater`.
        """
        scope, _, scope_id = approval.target.partition("/")
        place, terms = SwitchPlace(SwitchScope(scope), scope_id), approval.terms
        grade, version = None if terms["grade"] == OFF else Grade(terms["grade"]), int(terms["version"])
        known = self.switch.switches.find_switch(place)
        found = known.version if known is not None else 0
        if known is not None and found > version and (known.changed_by, known.grade) == (approval.both, grade):
            self.switch.switches.complete_switch(place)  # the first attempt may have ended half way
            return
        outdated = Conflict("APPROVAL_OUTDATED", "the switch has changed since: ask again")
        if found != version:
            raise outdated
        reason = terms["reason"] or (known.reason if known is not None else "")
        try:
            self.switch.write(place, known, grade, reason, Setter(approval.both, is_operations=True, may_let_go=True))
        except Conflict as error:
            raise outdated if error.code == VERSION_CONFLICT else error from error

    def _ask(self, place: SwitchPlace, known: KillSwitch | None, grade: Grade | None, reason: str, by: Setter) -> Approval:
        was = known.grade if known is not None else None
        act = Act.FLATTEN_PLATFORM if grade is Grade.FLATTEN and place.scope is SwitchScope.PLATFORM else Act.LIFT_SWITCH
        terms = {
            "grade": OFF if grade is None else grade.value,
            "reason": reason,
            "version": str(known.version if known is not None else 0),
            "was": OFF if was is None else was.value,
        }
        return self.ask(act, f"{place.scope}/{place.scope_id}", terms, by.name)
