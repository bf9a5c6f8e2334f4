"""A rebuild of history as it is asked for and as it answers, slice by slice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from candlecast.domain.values.errors import InvalidValue

EARLIEST = datetime.fromisoformat("2020-01-01T00:00:00+00:00")  # no archive reaches further back


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildRequest:
    """The part of the archive that is meant, by the time of each write."""

    since: datetime = EARLIEST
    """The first time that is meant."""
    until: datetime | None = None
    """The first time that is not meant any more; None means up to now."""
    tenant_id: str | None = None
    """The one tenant that is meant; None means all."""
    dry_run: bool = False
    """Whether events are only counted."""
    in_spite_of_letters: bool = False
    """Whether to begin although letters of the outbox wait."""
    cursor: str | None = None
    """Where an earlier slice has ended; None begins."""

    def __post_init__(self) -> None:
        for name, value in (("since", self.since), ("until", self.until)):
            if value is not None and value.tzinfo is None:
                raise InvalidValue(f"{name} needs a time zone")
        if self.until is not None and self.until <= self.since:
            raise InvalidValue("until must be later than since")


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildProgress:
    """The result of one slice; `cursor` begins the next slice and is None at the end."""

    cursor: str | None
    events: Mapping[str, int]
    """Number of events by their type, repeats included."""
    reached: datetime | None
    """Time of the newest event of the slice; None if there was none."""
    unreadable: tuple[str, ...] = ()
    """Batches of the archive that cannot be read; their events are missing."""
    interrupted_by: str | None = None
    """Code of a temporary failure that has ended the slice; the same cursor goes on."""
