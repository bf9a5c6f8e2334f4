"""The life of an intent: every state, the events that may happen in the state, the next state, and who may cause them.

A transition is legal only if it stands in this table. The account refuses to be written with any other transition
(`require_transition`), and the picture in the documentation is made of the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from candlecast.domain.orders.intent import IntentState as S
from candlecast.domain.values.errors import InvalidValue

START = None  # before the intent is written
GONE = None  # a stop or target that was never reported, forgotten with its entry


class Actor(StrEnum):
    """Who may cause a transition."""

    EXECUTOR = "executor"
    RECONCILER = "reconciler"
    OWNER = "owner"  # through the API: disabling an account ends what was certainly not sent


class Trigger(StrEnum):
    """An event in the life of an intent. With the state it is in, it says what the intent becomes."""

    RESERVED = "reserved: the write-ahead mark, nothing is sent yet"
    WISHED = "recorded to be sent once an earlier order of the position has ended"
    SKIPPED_BY_RULE = "nothing to decide"
    DENIED_BY_RULE = "a limit or a rule of ours says no"
    TOO_LATE = "too old to be sent"
    NOT_SENT = "certainly not sent: the venue takes nothing now, or the leg's turn has not come"
    ANSWER_LOST = "the venue's answer was lost"
    RESTS = "the venue has it in its book"
    FILLS = "the venue has executed all of it"
    ENDS_UNFILLED = "the venue has ended it, all or in part unfilled"
    REFUSED = "the venue says no"
    MARKED_AGAIN = "wanted still, and proven absent or never sent: the mark of the next sending"
    WAY_IS_CLEAR = "an exit, never sent: the entry that rested before it has ended"
    OVERTAKEN = "an exit that the venue refuses: a newer entry of its position has come"
    PROVEN_ABSENT = "proven absent, and not wanted any more"
    NOTHING_TO_CLOSE = "what it should have closed is not held"
    TAKEN_BACK = "cancelled by us: its position is closed, or another order has taken its place"
    WITHDRAWN = "its owner has cancelled it, and the venue has no order of it"
    DOUBTED = "the table was restored to an earlier moment: it may have been sent since"
    FORGOTTEN = "its entry has ended without a position, and no event reports it"


@dataclass(frozen=True)
class Transition:
    """In `source`, `trigger` leads to `target`, and only `actors` may pull it. None is the outside: not yet, or not any more."""

    source: S | None
    trigger: Trigger
    target: S | None
    actors: tuple[Actor, ...]


_BOTH = (Actor.EXECUTOR, Actor.RECONCILER)
_RECONCILER = (Actor.RECONCILER,)
_EVERYBODY = (Actor.EXECUTOR, Actor.RECONCILER, Actor.OWNER)
_VENUES_WORD = (
    (Trigger.RESTS, S.OPEN),
    (Trigger.FILLS, S.FILLED),
    (Trigger.ENDS_UNFILLED, S.CANCELLED),
    (Trigger.REFUSED, S.REJECTED),
)


def _told_by_venue(source: S, actors: tuple[Actor, ...]) -> tuple[Transition, ...]:
    return tuple(Transition(source, trigger, target, actors) for trigger, target in _VENUES_WORD)


TRANSITIONS: tuple[Transition, ...] = (
    Transition(START, Trigger.RESERVED, S.SUBMITTING, _BOTH),
    Transition(START, Trigger.WISHED, S.PENDING, _BOTH),
    Transition(START, Trigger.SKIPPED_BY_RULE, S.SKIPPED, (Actor.EXECUTOR,)),
    Transition(START, Trigger.DENIED_BY_RULE, S.DENIED, (Actor.EXECUTOR,)),
    Transition(START, Trigger.TOO_LATE, S.EXPIRED, (Actor.EXECUTOR,)),
    # marked: an order may exist
    *_told_by_venue(S.SUBMITTING, _BOTH),
    Transition(S.SUBMITTING, Trigger.ANSWER_LOST, S.UNKNOWN, _BOTH),
    Transition(S.SUBMITTING, Trigger.NOT_SENT, S.PENDING, _BOTH),
    Transition(S.SUBMITTING, Trigger.DENIED_BY_RULE, S.DENIED, _BOTH),
    Transition(S.SUBMITTING, Trigger.TOO_LATE, S.EXPIRED, _BOTH),
    Transition(S.SUBMITTING, Trigger.FORGOTTEN, GONE, _BOTH),
    Transition(S.SUBMITTING, Trigger.MARKED_AGAIN, S.SUBMITTING, _RECONCILER),
    Transition(S.SUBMITTING, Trigger.PROVEN_ABSENT, S.EXPIRED, _RECONCILER),
    Transition(S.SUBMITTING, Trigger.NOTHING_TO_CLOSE, S.SKIPPED, _RECONCILER),
    Transition(S.SUBMITTING, Trigger.WITHDRAWN, S.CANCELLED, _RECONCILER),
    # the answer was lost: only the reconciler goes on
    *_told_by_venue(S.UNKNOWN, _RECONCILER),
    Transition(S.UNKNOWN, Trigger.MARKED_AGAIN, S.SUBMITTING, _RECONCILER),
    Transition(S.UNKNOWN, Trigger.PROVEN_ABSENT, S.EXPIRED, _RECONCILER),
    Transition(S.UNKNOWN, Trigger.NOTHING_TO_CLOSE, S.SKIPPED, _RECONCILER),
    Transition(S.UNKNOWN, Trigger.DENIED_BY_RULE, S.DENIED, _RECONCILER),
    Transition(S.UNKNOWN, Trigger.WITHDRAWN, S.CANCELLED, _RECONCILER),
    # certainly not sent; a look that began before may still find an order of an earlier mark
    *_told_by_venue(S.PENDING, _RECONCILER),
    Transition(S.PENDING, Trigger.MARKED_AGAIN, S.SUBMITTING, _RECONCILER),
    Transition(S.PENDING, Trigger.WAY_IS_CLEAR, S.SUBMITTING, (Actor.EXECUTOR,)),
    Transition(S.PENDING, Trigger.NOT_SENT, S.PENDING, _BOTH),
    Transition(S.PENDING, Trigger.TOO_LATE, S.EXPIRED, _RECONCILER),
    Transition(S.PENDING, Trigger.DOUBTED, S.UNKNOWN, _RECONCILER),
    Transition(S.PENDING, Trigger.OVERTAKEN, S.EXPIRED, (Actor.EXECUTOR,)),
    Transition(S.PENDING, Trigger.WITHDRAWN, S.CANCELLED, _RECONCILER),
    Transition(S.PENDING, Trigger.NOTHING_TO_CLOSE, S.SKIPPED, _BOTH),
    Transition(S.PENDING, Trigger.DENIED_BY_RULE, S.DENIED, _EVERYBODY),
    Transition(S.PENDING, Trigger.FORGOTTEN, GONE, _BOTH),
    # in the venue's book
    *_told_by_venue(S.OPEN, _BOTH),
    Transition(S.OPEN, Trigger.TAKEN_BACK, S.CANCELLED, _BOTH),
)

_LEGAL = frozenset((row.source, row.target) for row in TRANSITIONS)


def is_legal(source: S | None, target: S | None) -> bool:
    """Whether any row of the table leads from `source` to `target`."""
    return (source, target) in _LEGAL


def require_transition(source: S | None, target: S | None) -> None:
    """Raise `InvalidValue` (ILLEGAL_TRANSITION, a bug) unless the table has the transition."""
    if not is_legal(source, target):
        raise InvalidValue(f"an intent does not go from {source or 'START'} to {target or 'GONE'}", code="ILLEGAL_TRANSITION")


def as_table() -> str:
    """The table as the documentation shows it (a test compares the two)."""
    lines = ["| state | what happens | becomes | who |", "|---|---|---|---|"]
    for row in TRANSITIONS:
        source = f"`{row.source}`" if row.source else "(new)"
        target = f"`{row.target}`" if row.target else "(forgotten)"
        lines.append(f"| {source} | {row.trigger} | {target} | {', '.join(row.actors)} |")
    return "\n".join(lines)
