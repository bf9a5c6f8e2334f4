"""An approval: an act that one operator asks for and another one lets happen.

One person stops, and two let go: every act that takes a protection away has this one rule. The second operator approves exactly
what the first has asked for, within an hour, and once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, InvalidValue
from candlecast.domain.values.ids import digest
from candlecast.domain.values.money import require_utc

APPROVAL_VALID = timedelta(hours=1)  # enough to reach a colleague, and the situation is still the one that was judged
MAX_PENDING = 20  # requests that wait at once: more is a mistake, and the second operator must be able to read them
MAX_TERMS_CHARACTERS = 2_000  # the longest reason twice, and then some


class Act(StrEnum):
    """The acts that two operators do together."""

    LIFT_SWITCH = "LIFT_SWITCH"  # a kill switch is turned off, or to a grade that stops less
    FLATTEN_PLATFORM = "FLATTEN_PLATFORM"  # every position of everybody is closed
    LIFT_LOCK = "LIFT_LOCK"  # a lock on limits ends before its time


class ApprovalState(StrEnum):
    """How far a request has come."""

    PENDING = "PENDING"  # waits for a second operator
    APPROVED = "APPROVED"  # a second operator has agreed, and the act is under way
    DONE = "DONE"  # the act has happened
    REJECTED = "REJECTED"  # an operator has refused it, or its own asker has withdrawn it
    EXPIRED = "EXPIRED"  # nobody has agreed in time


@dataclass(frozen=True, kw_only=True)
class Approval:
    """A request for an act, with who has asked and who has decided.

    `terms` says exactly what is to be done, by names of the act's own. Instants are in UTC. An outdated request is stored as it
    was: `state_at` knows that it has expired.
    """

    approval_id: str
    act: Act
    target: str
    terms: Mapping[str, str]
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    state: ApprovalState = ApprovalState.PENDING
    decided_by: str | None = None
    decided_at: datetime | None = None
    done_at: datetime | None = None
    version: int = 0

    def __post_init__(self) -> None:
        for name in ("asked_at", "expires_at", "decided_at", "done_at"):
            if (value := getattr(self, name)) is not None:
                require_utc(name, value)
        if sum(map(len, (*self.terms, *self.terms.values()))) > MAX_TERMS_CHARACTERS:
            raise InvalidValue(f"the terms have over {MAX_TERMS_CHARACTERS} characters")

    @property
    def digest(self) -> str:
        """Names act, target and terms: who approves repeats it, so that nothing else is approved."""
        terms = (part for name in sorted(self.terms) for part in (name, self.terms[name]))
        return digest("approval", self.act, self.target, *terms)

    @property
    def is_decided(self) -> bool:
        return self.state is not ApprovalState.PENDING

    @property
    def both(self) -> str:
        """Both operators, as the changed thing names who has changed it."""
        return f"{self.asked_by} with {self.decided_by}"

    def state_at(self, now: datetime) -> ApprovalState:
        """The state now: a request that has not been done in time has expired."""
        is_open = self.state in (ApprovalState.PENDING, ApprovalState.APPROVED)
        return ApprovalState.EXPIRED if is_open and now >= self.expires_at else self.state

    def approved(self, by: str, seen: str, now: datetime) -> Approval:
        """The request with the second operator's word; the same for a repeat of that word.

        `seen` is the digest of the request as the second operator has seen it. Raises `Conflict`: APPROVAL_DIFFERS,
        SELF_APPROVAL, APPROVAL_DECIDED, APPROVAL_EXPIRED.
        """
        if seen != self.digest:
            raise Conflict("APPROVAL_DIFFERS", "the digest is not that of this request: look at its terms")
        if by == self.asked_by or _door(by) != _door(self.asked_by):
            raise Conflict("SELF_APPROVAL", "another operator must approve this, by the same door: one person has a name at each")
        if self.state is ApprovalState.DONE and by == self.decided_by:
            return self
        if self.state_at(now) is ApprovalState.EXPIRED:
            raise Conflict("APPROVAL_EXPIRED", "the request has expired: ask again")
        if self.is_decided and (self.state, self.decided_by) != (ApprovalState.APPROVED, by):
            raise Conflict("APPROVAL_DECIDED", f"the request is {self.state}")
        if self.is_decided:
            return self
        return replace(self, state=ApprovalState.APPROVED, decided_by=by, decided_at=now)

    def rejected(self, by: str, now: datetime) -> Approval:
        """The request, refused by any operator or withdrawn by its asker. Raises `Conflict` (APPROVAL_DECIDED)."""
        if self.state is ApprovalState.REJECTED and by == self.decided_by:
            return self
        if self.is_decided:
            raise Conflict("APPROVAL_DECIDED", f"the request is {self.state}")
        return replace(self, state=ApprovalState.REJECTED, decided_by=by, decided_at=now)

    def ended(self, by: str, now: datetime) -> Approval:
        """The request, refused even after a second operator has agreed: nothing of it may happen any more."""
        return replace(self, state=ApprovalState.REJECTED, decided_by=by, decided_at=now)

    def done(self, now: datetime) -> Approval:
        """The approved request after its act."""
        return replace(self, state=ApprovalState.DONE, done_at=now)


def ask(approval_id: str, act: Act, target: str, terms: Mapping[str, str], who: str, now: datetime) -> Approval:
    """A new request, which expires after `APPROVAL_VALID`."""
    return Approval(
        approval_id=approval_id,
        act=act,
        target=target,
        terms=terms,
        asked_by=who,
        asked_at=now,
        expires_at=now + APPROVAL_VALID,
    )


def _door(name: str) -> str:
    """How somebody came in, such as `api` or `cli`: one person has two names at two doors."""
    return name.partition(":")[0]
