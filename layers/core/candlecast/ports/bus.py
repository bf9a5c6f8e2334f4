"""The event bus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from candlecast.domain.account.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedEvent:
    """An event with the identity that every delivery of it has (invariant 5)."""

    event_id: str
    tenant_id: str
    account_id: str
    version: int
    event: Event


class EventBus(Protocol):
    def publish(self, events: Sequence[PublishedEvent]) -> None:
        """Publish all; raises `RetryLater` if any was not taken (at least once, with the same id)."""
        ...
