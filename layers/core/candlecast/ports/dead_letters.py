"""Dead letters in an operator's hands: see them without disturbing them, put them back, or drop them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

# Dead letters are kept of these, by name.
QUEUES = ("candle", "uploaded-candle", "signal", "trade", "reconcile", "vetting", "backtest", "parity", "outbox", "schedule")
MAX_LISTED = 100  # one look; who has more has an outage, not a hundred different causes
NOT_HERE = "no such dead letter in this queue: redriven, dropped, or behind the first ten of its FIFO group"
MAX_CHOSEN = 100  # ids in one redrive; without ids everything is meant


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterEntry:
    """One dead letter, in words that hold no secret: `facts` are ids and instants of its message, never the message itself.

    `put_aside_at` is when it came here. A message that SQS itself moved out of a standard queue keeps its first sending time.
    `receives` is how often its queue had delivered it, None where nobody has noted it. `kind` is what the message is, and
    "unreadable" is part of it if it could not be decoded.
    """

    queue: str
    message_id: str
    reason_code: str
    reason: str
    function: str
    correlation_id: str
    put_aside_at: datetime
    age_seconds: int
    receives: int | None
    group_id: str | None
    kind: str
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterListing:
    """The letters that one look has shown, and about how many there are in all: a FIFO group shows its first ten only."""

    entries: tuple[DeadLetterEntry, ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedLetter:
    """A dead letter that stays where it is, and the code of the reason."""

    message_id: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Redriven:
    """The result of one redrive. `left` is about how many dead letters there are now: calling again moves the rest."""

    message_ids: tuple[str, ...]
    refused: tuple[RefusedLetter, ...]
    left: int


class DeadLetters(Protocol):
    """The dead letters of every queue by its name in `QUEUES`; each method raises `InvalidValue` (QUEUE_UNKNOWN) for another.

    `by` is who asks for a change, and is logged with it. Looking changes nothing: no order, no count that anything is decided by.
    """

    def entries(self, queue: str, limit: int) -> DeadLetterListing:
        """The first dead letters, up to `limit` (1 to `MAX_LISTED`)."""
        ...

    def entry(self, queue: str, message_id: str) -> DeadLetterEntry:
        """One dead letter; raises `NotFound` if no look shows it."""
        ...

    def redrive(self, queue: str, message_ids: Sequence[str] | None, by: str) -> Redriven:
        """Put all dead letters, or those named, back to work, each once.

        Nothing is executed here: the consumer decides again, and an entry that has grown too old ends as expired.
        Ids that no look shows are refused as LETTER_NOT_FOUND.
        """
        ...

    def drop(self, queue: str, message_id: str, by: str) -> DeadLetterEntry:
        """Delete one dead letter for ever and return what it was; raises `NotFound` if no look shows it."""
        ...
