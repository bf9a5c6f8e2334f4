"""The weight that an egress address may use at a venue, shared by all workers behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from candlecast.domain.venue.weight_budget import Address, Spent


class WeightStore(Protocol):
    def lease(self, address: Address, now: datetime, weight: int, ceiling: int) -> Spent | None:
        """Take `weight` of the minute's budget if no more than `ceiling` is taken after it; returns the weight taken then.

        None if the lease was not granted: `read_spent` says why. One conditional write; a second for the first lease of a minute.
        """
        ...

    def read_spent(self, address: Address, now: datetime) -> Spent:
        """The weight taken in `now`'s minute, strongly consistent."""
        ...

    def block(self, address: Address, until: datetime, now: datetime) -> None:
        """Let nobody use the address before `until`; an earlier end than the one that is known changes nothing."""
        ...
