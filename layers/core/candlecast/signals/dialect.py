"""The protocol of a dialect, and the one form that all dialects are turned into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from candlecast.domain.signals.entry_order import EntryOrder
from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.signals.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedSignal:
    """A decision as its sender put it; prices in quote units.

    `ticker` is the sender's own name for the market. `sender_id` is the sender's id of this decision, and `sent_at` its time.
    `entry` is how an entry is to be ordered. Quantity and leverage are in `metadata` only: each subscriber's own sizing decides
    them.
    """

    action: Action
    ticker: str
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profits: tuple[TakeProfit, ...] = ()
    confidence: Decimal | None = None
    sender_id: str | None = None
    sent_at: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    entry: EntryOrder | None = None


class Dialect(Protocol):
    """One format. To add one: a file with a class like this, and its place in `registry.DIALECTS`."""

    @property
    def name(self) -> str: ...

    def matches(self, message: Message) -> bool:
        """Whether the message is in this dialect; never raises."""
        ...

    def parse(self, message: Message) -> ParsedSignal:
        """Read the message; raises `RefusedMessage`."""
        ...
