"""Quote a market for a function without the exchange layer; answers are reused for a moment, since callers may ask at will."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from candlecast.domain.market.quote import Quote
from candlecast.ports.clock import Clock
from candlecast.ports.venue import Quotes

REUSED_FOR = timedelta(seconds=2)  # a quote that old is as good as the one an order gets: its message waits as long in a queue
MAX_REMEMBERED = 500  # more markets than a venue has


@dataclass(slots=True)
class QuoteMarket:
    """Asks the venue, at most once in `REUSED_FOR` for a market; one per environment."""

    quotes: Quotes
    clock: Clock
    _known: dict[tuple[str, str], Quote] = field(default_factory=dict)

    def __call__(self, venue: str, market: str) -> Quote:
        """The market's present quote; raises `RetryLater`, `Reject` (UNKNOWN_MARKET)."""
        now = self.clock.now()
        known = self._known.get((venue, market))
        if known is not None and now - known.as_of <= REUSED_FOR:
            return known
        if len(self._known) >= MAX_REMEMBERED:
            self._known.clear()
        self._known[venue, market] = self.quotes.quote(venue, market, now)
        return self._known[venue, market]
