"""Counters of sources in memory."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from decimal import Decimal

from candlecast.domain.values.money import ZERO
from candlecast.ports.sources import MessageBounds, MessageKind


class FakeSourceUse:
    """Counts as the real counters do; `writes` is how many messages were tried to be counted."""

    def __init__(self) -> None:
        self.messages: Counter[tuple[str, MessageKind, str]] = Counter()
        self.orders: dict[tuple[str, str], tuple[date, Decimal]] = {}
        self.writes = 0

    def count_message(self, source_id: str, kind: MessageKind, at: datetime, bounds: MessageBounds) -> datetime | None:
        self.writes += 1
        minute, hour = (source_id, kind, f"{at:%Y-%m-%dT%H:%M}"), (source_id, kind, f"{at:%Y-%m-%dT%H}")
        spent = bounds.per_hour is not None and self.messages[hour] >= bounds.per_hour
        if spent or self.messages[minute] >= bounds.per_minute:
            return bounds.room_from(at, self.messages[hour])
        self.messages.update((minute, hour))
        return None

    def notional_of(self, source_id: str, day: date) -> Decimal:
        counted = (notional for (source, _), (on, notional) in self.orders.items() if (source, on) == (source_id, day))
        return sum(counted, ZERO)

    def add_notional(self, source_id: str, order_id: str, account_id: str, notional: Decimal, at: datetime) -> None:
        self.orders.setdefault((source_id, order_id), (at.date(), notional))
