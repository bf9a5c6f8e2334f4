"""Make history anew from the archive, a slice for each call, by the projection of the relay.

A rebuild writes what queries read and nothing else: no account, no pool, no event on the bus, no metric of a relayed event. Every
projection takes no older version of an item, so a rebuild may be repeated, and it may run beside the relay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from candlecast.domain.values.errors import Conflict, RetryLater
from candlecast.ports.archive import ArchivedEvent, EventArchive
from candlecast.ports.bus import PublishedEvent
from candlecast.ports.rebuild import RebuildProgress, RebuildRequest
from candlecast.services.relay.project_events import ProjectEvents

BATCHES = 20  # of one page: with a hundred records each, some seconds of projections in eight lanes
SECONDS_NEEDED = 30.0  # for one page at its slowest

type Lanes = Callable[[Callable[[Sequence[PublishedEvent]], None], Sequence[Sequence[PublishedEvent]]], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildHistory:
    """The use case; `lanes` runs one call for each account side by side, since only an account's own events have an order."""

    archive: EventArchive
    project: ProjectEvents
    now: Callable[[], datetime]
    seconds_left: Callable[[], float]
    lanes: Lanes

    def __call__(self, wanted: RebuildRequest) -> RebuildProgress:
        """Project the next slice of the archive, as much as there is time for, at least one page.

        Raises `Conflict` (LETTERS_WAITING) at the beginning, while letters of the outbox wait: their trades are not counted yet.
        """
        if wanted.cursor is None and not wanted.in_spite_of_letters and self.archive.has_letters():
            raise Conflict("LETTERS_WAITING", "redrive or drop the letters of the outbox first")
        slice_ = _Slice(cursor=wanted.cursor)
        while True:
            try:
                is_last = self._page(wanted, slice_)
            except RetryLater as error:
                return slice_.progress(interrupted_by=error.code)
            if is_last or self.seconds_left() <= SECONDS_NEEDED:
                return slice_.progress()

    def _page(self, wanted: RebuildRequest, slice_: _Slice) -> bool:
        """Project one page; whether it was the last one."""
        page = self.archive.list_events(wanted.since, wanted.until or self.now(), slice_.cursor, BATCHES)
        meant = [each for each in page.events if wanted.tenant_id in (None, each.published.tenant_id)]
        if not wanted.dry_run:
            self.lanes(self.project, _by_account(meant, with_positions=wanted.until is None))
        slice_.add(meant, page.unreadable, page.cursor)
        return page.cursor is None


@dataclass(slots=True)
class _Slice:
    """Sums over the pages of one call."""

    cursor: str | None
    events: Counter[str] = field(default_factory=Counter)
    reached: datetime | None = None
    unreadable: list[str] = field(default_factory=list)

    def add(self, events: Sequence[ArchivedEvent], unreadable: Sequence[str], cursor: str | None) -> None:
        self.events.update(each.published.event.type.value for each in events)
        self.reached = max((each.recorded_at for each in events), default=self.reached)
        self.unreadable += unreadable
        self.cursor = cursor

    def progress(self, interrupted_by: str | None = None) -> RebuildProgress:
        return RebuildProgress(
            cursor=self.cursor,
            events=dict(sorted(self.events.items())),
            reached=self.reached,
            unreadable=tuple(self.unreadable),
            interrupted_by=interrupted_by,
        )


def _by_account(events: Sequence[ArchivedEvent], *, with_positions: bool) -> list[list[PublishedEvent]]:
    """The events of each account in their order.

    A position is what is held now. So a rebuild that ends in the past leaves positions out: it would open what has closed since.
    """
    accounts: dict[tuple[str, str], list[PublishedEvent]] = {}
    for each in events:
        published = each.published
        if not with_positions:
            published = replace(published, event=replace(published.event, position=None))
        accounts.setdefault((published.tenant_id, published.account_id), []).append(published)
    return list(accounts.values())
