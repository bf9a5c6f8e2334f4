"""The memory of the watch over schedules: candle clock and parity write their firings, the reconcile clock watches them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from candlecast.domain.market.firings import Firings
    from candlecast.domain.values.timeframe import Timeframe


class FiringStore(Protocol):
    """One item with three writers, each of its own fields."""

    def note_firing(self, timeframe: Timeframe, scheduled_at: datetime) -> None:
        """Remember a firing unless a newer one is known. One write unit. Raises `RetryLater`."""
        ...

    def note_parity(self, scheduled_at: datetime) -> None:
        """Remember a firing of parity unless a newer one is known. One write unit. Raises `RetryLater`."""
        ...

    def load_firings(self) -> Firings:
        """The memory as it was last written. Raises `RetryLater`."""
        ...

    def save_watch(self, firings: Firings) -> None:
        """Write `watched_since`, `watched_at` and `parity_since` alone. One write unit. Raises `RetryLater`."""
        ...
