"""The store of the limits of platform, organisations, groups and users: the authority on each order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from candlecast.domain.limits.record import LimitPlace, LimitRecord


class LimitStore(Protocol):
    """Limit records by place."""

    def read(self, places: Collection[LimitPlace]) -> Mapping[LimitPlace, LimitRecord]:
        """The records that there are, strongly consistent, in as few requests as the store allows; raises `RetryLater`."""
        ...

    def save(self, record: LimitRecord) -> LimitRecord:
        """Write the record as version + 1; raises `Conflict` (VERSION_CONFLICT) if somebody else has written since."""
        ...
