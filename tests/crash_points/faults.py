"""Where something can go wrong, and what: every request to the cloud or the venue is a boundary with a choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Crash(BaseException):
    """The process is gone: no `except` of the product may see it, and nothing after it runs."""


class Fault(StrEnum):
    """What goes wrong at a boundary; NONE is the usual course."""

    NONE = "none"
    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"
    REFUSED = "refused"  # throttled, or not taken: certainly without an effect
    ANSWER_LOST = "answer lost"  # it took effect, and the answer says that it failed
    OVERTAKEN = "overtaken"  # another worker makes a whole visit before the request
    # answers of a venue to an order
    EXECUTED_TIMEOUT = "executed, then a time-out"
    LOST_TIMEOUT = "lost, a time-out"
    LATE_TIMEOUT = "a time-out, and it arrives later"
    EXECUTED_5XX = "executed, then a 5xx"
    EXECUTED_1007 = "executed, then -1007"
    LOST_1007 = "lost, then -1007"
    HIDDEN_TIMEOUT = "executed, a time-out, and look-ups are blind for a while"
    REJECTED = "rejected"
    RATE_LIMITED = "rate limited"
    PARTLY_FILLED = "filled in part, the rest cancelled"


WRITE_FAULTS = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.REFUSED, Fault.ANSWER_LOST, Fault.OVERTAKEN)
READ_FAULTS = (Fault.REFUSED,)  # a crash before or after a read is one after the last effect
SEND_FAULTS = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.REFUSED)
ORDER_FAULTS = (
    Fault.CRASH_BEFORE,
    Fault.CRASH_AFTER,
    Fault.OVERTAKEN,
    Fault.EXECUTED_TIMEOUT,
    Fault.LOST_TIMEOUT,
    Fault.LATE_TIMEOUT,
    Fault.EXECUTED_5XX,
    Fault.EXECUTED_1007,
    Fault.LOST_1007,
    Fault.HIDDEN_TIMEOUT,
    Fault.REJECTED,
    Fault.RATE_LIMITED,
    Fault.PARTLY_FILLED,
)
RESTING_ORDER_FAULTS = tuple(fault for fault in ORDER_FAULTS if fault is not Fault.PARTLY_FILLED)
CANCEL_FAULTS = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.LOST_TIMEOUT, Fault.EXECUTED_TIMEOUT)
QUESTION_FAULTS = (Fault.LOST_TIMEOUT,)


@dataclass(frozen=True, slots=True)
class Boundary:
    """One request that was made, and what could have gone wrong with it."""

    label: str
    alternatives: tuple[Fault, ...]


@dataclass(slots=True)
class Script:
    """The faults of one visit: `chosen` at its first boundaries, none at the others. `trace` is what was passed."""

    chosen: Sequence[Fault] = ()
    trace: list[Boundary] = field(default_factory=list)
    overtake: Callable[[], None] | None = None
    silent: bool = False  # nothing can go wrong now: another worker is between two requests of this one

    def at(self, label: str, alternatives: tuple[Fault, ...]) -> Fault:
        """What happens at the boundary that is reached now; dies here for CRASH_BEFORE, lets others come first for OVERTAKEN."""
        if self.silent:
            return Fault.NONE
        number = len(self.trace)
        self.trace.append(Boundary(label, alternatives))
        fault = self.chosen[number] if number < len(self.chosen) else Fault.NONE
        if fault is Fault.CRASH_BEFORE:
            raise Crash(label)
        if fault is Fault.OVERTAKEN and self.overtake is not None:
            self.silent = True
            try:
                self.overtake()
            finally:
                self.silent = False
        return fault
