"""An archive of events in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from candlecast.domain.values.errors import InvalidValue, RetryLater
from candlecast.ports.archive import ArchivedEvent, ArchivePage

MARK = "batch-"


class FakeEventArchive:
    """Batches by the place of their first event; `down` refuses, `unreadable` names batches that cannot be read."""

    def __init__(self) -> None:
        self.batches: dict[tuple[datetime, str, tuple[str, ...]], tuple[ArchivedEvent, ...]] = {}
        self.unreadable: set[int] = set()
        self.down = False
        self.letters = False

    def keep_batch(self, events: Sequence[ArchivedEvent]) -> None:
        if self.down:
            raise RetryLater("ARCHIVE_UNAVAILABLE", "told to fail", after_seconds=1)
        for day in sorted({event.recorded_at.date() for event in events}):
            batch = tuple(event for event in events if event.recorded_at.date() == day)
            ids = tuple(event.published.event_id for event in batch)
            self.batches[batch[0].recorded_at, batch[0].sequence.zfill(40), ids] = batch

    def has_letters(self) -> bool:
        return self.letters

    def list_events(self, since: datetime, until: datetime, cursor: str | None, batches: int) -> ArchivePage:
        if self.down:
            raise RetryLater("ARCHIVE_UNAVAILABLE", "told to fail", after_seconds=1)
        if cursor is not None and not cursor.startswith(MARK):
            raise InvalidValue("the cursor is none of the archive's", code="CURSOR_INVALID")
        begin = 0 if cursor is None else int(cursor.removeprefix(MARK))
        found = [batch for _, batch in sorted(self.batches.items(), key=lambda item: item[0])][begin:]
        numbered = list(enumerate(found[:batches], start=begin))
        return ArchivePage(
            events=tuple(
                event
                for number, batch in numbered
                if number not in self.unreadable
                for event in batch
                if since <= event.recorded_at < until
            ),
            cursor=f"{MARK}{begin + batches}" if len(found) > batches else None,
            unreadable=tuple(f"{MARK}{number}" for number, _ in numbered if number in self.unreadable),
        )
