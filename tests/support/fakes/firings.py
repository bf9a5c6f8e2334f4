"""The firings of schedules in memory."""

from __future__ import annotations

from datetime import datetime

from candlecast.domain.market.firings import Firings
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.timeframe import Timeframe


class FakeFirings:
    """`ports.firings.FiringStore`."""

    def __init__(self, known: Firings | None = None) -> None:
        self.known = known or Firings()
        self.fails = False

    def note_firing(self, timeframe: Timeframe, scheduled_at: datetime) -> None:
        self._may_fail()
        newest = max(scheduled_at, self.known.newest.get(timeframe, scheduled_at))
        self.known = replace(self.known, newest={**self.known.newest, timeframe: newest})

    def note_parity(self, scheduled_at: datetime) -> None:
        self._may_fail()
        self.known = replace(self.known, parity=max(scheduled_at, self.known.parity or scheduled_at))

    def load_firings(self) -> Firings:
        self._may_fail()
        return self.known

    def save_watch(self, firings: Firings) -> None:
        self._may_fail()
        self.known = replace(
            self.known,
            watched_since=firings.watched_since,
            watched_at=firings.watched_at,
            parity_since=firings.parity_since or self.known.parity_since,
        )

    def _may_fail(self) -> None:
        if self.fails:
            raise RetryLater("STORE_UNAVAILABLE", "told to fail", after_seconds=2)
