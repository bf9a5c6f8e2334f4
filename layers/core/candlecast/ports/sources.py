"""Counters of signal sources: messages of a minute and an hour, notional of a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

COUNTED_FOR = timedelta(days=30)  # an order is known as counted so long; dead letters of queues live 14 days


class MessageKind(StrEnum):
    """Entries and exits are counted apart: no entry takes the place of an exit."""

    ENTRY = "ENTRY"
    EXIT = "EXIT"


@dataclass(frozen=True, slots=True)
class MessageBounds:
    """How many messages of a calendar minute, and of a calendar hour, are taken; None is any number."""

    per_minute: int
    per_hour: int | None = None

    def room_from(self, at: datetime, messages_of_hour: int) -> datetime:
        """When a message that was not counted has room again: in the next hour if the hour is spent, else in the next minute."""
        hour_is_spent = self.per_hour is not None and messages_of_hour >= self.per_hour
        minute = at.astimezone(UTC).replace(second=0, microsecond=0)
        return minute.replace(minute=0) + timedelta(hours=1) if hour_is_spent else minute + timedelta(minutes=1)


class SourceUse(Protocol):
    """Counters of sources."""

    def count_message(self, source_id: str, kind: MessageKind, at: datetime, bounds: MessageBounds) -> datetime | None:
        """Count a message if it stays within the bounds: None. Else the time from which there is room again.

        One conditional write, and one read if it is refused.
        """
        ...

    def notional_of(self, source_id: str, day: date) -> Decimal:
        """Quote units that the entries of the source have filled on a day (UTC), as far as they are relayed."""
        ...

    def add_notional(self, source_id: str, order_id: str, account_id: str, notional: Decimal, at: datetime) -> None:
        """Add what an order has filled, once for each order in `COUNTED_FOR`."""
        ...
