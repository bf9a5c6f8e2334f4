"""Counters of signal sources: messages of a minute and an hour, notional of a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol


class MessageKind(StrEnum):
    """Entries and exits are counted apart: no entry takes the place of an exit."""

    ENTRY = "ENTRY"
    EXIT = "EXIT"


@dataclass(frozen=True, slots=True)
class MessageBounds:
    """How many messages of a calendar minute, and of a calendar hour, are taken; None is any number."""

    per_minute: int
    per_hour: int | None = None


class SourceUse(Protocol):
    """Counters of sources."""

    def count_message(self, source_id: str, kind: MessageKind, at: datetime, bounds: MessageBounds) -> bool:
        """Count a message if it stays within the bounds; whether it was counted. One conditional write."""
        ...

    def notional_of(self, source_id: str, day: date) -> Decimal:
        """Quote units that the entries of the source have filled on a day (UTC), as far as they are relayed."""
        ...

    def add_notional(self, source_id: str, order_id: str, account_id: str, notional: Decimal, at: datetime) -> None:
        """Add what an order has filled, once for each order."""
        ...
