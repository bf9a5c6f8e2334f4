"""The archive of accounts' events: history is made anew from it once the table has lost some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from candlecast.ports.bus import PublishedEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedEvent:
    """An event with its place in the table's stream."""

    sequence: str
    """Sequence number of the stream record that brought the event."""
    recorded_at: datetime
    """Time at which the table took the write, in UTC."""
    published: PublishedEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivePage:
    """A part of the archive; the events of one account stand in the order in which they were written."""

    events: tuple[ArchivedEvent, ...]
    cursor: str | None
    """Where the next page begins; None on the last page."""
    unreadable: tuple[str, ...] = ()
    """Names of batches that are no text of ours; their events are missing in the page."""


class EventArchive(Protocol):
    """Batches of events, each as the relay got it from the stream, and beside them the letters of the outbox."""

    def keep_batch(self, events: Sequence[ArchivedEvent]) -> None:
        """Keep a batch; the same batch again takes its own place. Raises `RetryLater` (ARCHIVE_UNAVAILABLE)."""
        ...

    def list_events(self, since: datetime, until: datetime, cursor: str | None, batches: int) -> ArchivePage:
        """The events recorded in `[since, until)` in the next `batches` batches, oldest first; events may repeat.

        Raises `RetryLater` (ARCHIVE_UNAVAILABLE), and `InvalidValue` (CURSOR_INVALID) for a cursor of something else.
        """
        ...

    def has_letters(self) -> bool:
        """Whether letters of the outbox wait for a person. Raises `RetryLater` (ARCHIVE_UNAVAILABLE)."""
        ...
