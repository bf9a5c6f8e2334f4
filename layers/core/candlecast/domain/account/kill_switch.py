"""Kill switches: one word of a person that stops orders, for everybody or for some, by degrees.

A switch is read at the last moment before an order leaves. Nothing resumes by itself: it is in force until somebody turns it off.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import require_utc

PLATFORM_ID = "platform"  # there is one platform, and its switch needs a name as any other
MAX_REASON_CHARACTERS = 500


class SwitchScope(StrEnum):
    """Whose orders a switch is about; the id beside it is an organisation's, a strategy's, or for a user the tenant's."""

    PLATFORM = "PLATFORM"
    ORGANISATION = "ORGANISATION"
    STRATEGY = "STRATEGY"
    USER = "USER"


class Grade(StrEnum):
    """How much a switch stops.

    PAUSE_ENTRIES: no new entry is sent; resting orders stay. REDUCE_ONLY: resting entries are cancelled too. FLATTEN:
    every position is closed at market, then as REDUCE_ONLY. HALT_ALL: no entry and no exit is sent, so halt is not close; exits
    wait and go on when it ends. Where several switches concern an order, the strictest counts, and HALT_ALL overrules FLATTEN.

    Stops and targets of a held position are sent under every grade. Resting stops stay at the venue even in a halt, and a
    position must not be worse off because its entry filled a moment earlier.
    """

    PAUSE_ENTRIES = "PAUSE_ENTRIES"
    REDUCE_ONLY = "REDUCE_ONLY"
    FLATTEN = "FLATTEN"
    HALT_ALL = "HALT_ALL"


_STRICTNESS: dict[Grade | None, int] = {None: -1, **{grade: rank for rank, grade in enumerate(Grade)}}


@dataclass(frozen=True)
class SwitchPlace:
    """Where a switch stands: one for each scope and id."""

    scope: SwitchScope
    scope_id: str

    def __post_init__(self) -> None:
        if self.scope is SwitchScope.PLATFORM and self.scope_id != PLATFORM_ID:
            raise InvalidValue(f"the platform's switch is called {PLATFORM_ID}", code="SCOPE_INVALID")


PLATFORM = SwitchPlace(SwitchScope.PLATFORM, PLATFORM_ID)


@dataclass(frozen=True, kw_only=True)
class KillSwitch:
    """A switch as somebody has set it; `grade` is None once it was turned off. One that was never touched does not exist.

    `by_operations` says that a platform administrator has set it, so that its user cannot take it back.
    """

    place: SwitchPlace
    grade: Grade | None
    reason: str
    changed_by: str
    changed_at: datetime
    by_operations: bool = True
    version: int = 0

    def __post_init__(self) -> None:
        require_utc("changed_at", self.changed_at)
        if len(self.reason) > MAX_REASON_CHARACTERS:
            raise InvalidValue(f"a reason has at most {MAX_REASON_CHARACTERS} characters")

    def concerns(self, tenant_id: str, strategy_id: str, organisation_id: str | None) -> bool:
        """Whether it is about a user's order of a strategy."""
        named = {
            SwitchScope.PLATFORM: PLATFORM_ID,
            SwitchScope.ORGANISATION: organisation_id,
            SwitchScope.STRATEGY: strategy_id,
            SwitchScope.USER: tenant_id,
        }
        return self.grade is not None and named[self.place.scope] == self.place.scope_id


def needs_second_operator(place: SwitchPlace, before: Grade | None, after: Grade | None) -> bool:
    """Whether one operator alone may not turn the switch from `before` to `after`; None is off.

    A switch about many lets go only by two: when it is turned off, and when its grade stops less. Grades stop more in the order
    of `Grade`. So one operator ends a FLATTEN by HALT_ALL, which stops its exits. Flattening the platform cannot be taken back
    and needs two as well. A switch about one user needs one operator.
    """
    if place.scope is SwitchScope.USER:
        return False
    flattens_all = place.scope is SwitchScope.PLATFORM and after is Grade.FLATTEN is not before
    return flattens_all or _STRICTNESS[after] < _STRICTNESS[before]


def strictest(switches: Iterable[KillSwitch]) -> KillSwitch | None:
    """The switch that stops most; None if there is none."""
    return max(switches, key=lambda s: _STRICTNESS[s.grade], default=None)


def must_flatten(switches: Collection[KillSwitch]) -> bool:
    """Whether positions that these switches concern are to be closed at market now."""
    grades = {switch.grade for switch in switches}
    return Grade.FLATTEN in grades and Grade.HALT_ALL not in grades


def must_cancel_entries(switches: Collection[KillSwitch]) -> bool:
    """Whether entries that rest at the venue, and that these switches concern, are to be cancelled."""
    return any(switch.grade in (Grade.REDUCE_ONLY, Grade.FLATTEN) for switch in switches)
