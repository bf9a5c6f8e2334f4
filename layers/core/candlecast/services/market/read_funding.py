"""Read rates of funding from the store that everybody shares, and ask the venue only for settlements that the store lacks.

A venue answers settlements from a start on, ascending. So an answer tells all up to its last settlement, and nothing of the time
behind it: the next reader asks for that again. Each question reaches up to now, so an answer serves later readers too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from candlecast.domain.market.funding import FundingRate, FundingYear, years_of
from candlecast.domain.market.history import Span, holes
from candlecast.domain.values.errors import Conflict, InvalidValue, RetryLater
from candlecast.ports.candle_history import FundingHistory, Kept
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.venue import MarketData
from candlecast.services.market.read_history import BUSY_SECONDS
from candlecast.services.retry_conflict import retry_conflict

MAX_SPAN = timedelta(days=12 * 366)  # perpetual futures are some ten years old; settlements of an hour fill 106 answers
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class ReadFunding:
    """Settlements of any span, for everybody."""

    history: FundingHistory
    market_data: MarketData
    clock: Clock
    metrics: Metrics

    def __call__(self, venue: str, market: str, wanted: Span) -> Sequence[FundingRate]:
        """The settlements in `wanted` up to now, ascending; none at a venue without funding.

        Settlements that the venue has told are kept even if it then refuses. Raises `InvalidValue` (SPAN_TOO_LONG),
        `Reject` (UNKNOWN_MARKET), `RetryLater` if venue or store do not answer.
        """
        if wanted.until - wanted.start > MAX_SPAN:
            raise InvalidValue(f"funding is read for at most {MAX_SPAN.days} days at once", code="SPAN_TOO_LONG")
        now = self.clock.now()
        until = min(wanted.until, now)
        if until <= wanted.start:
            return ()
        span = Span(wanted.start, until)
        known = {year: self.history.year(venue, market, year).value for year in years_of(span)}
        for hole in holes(span, (told for year in known.values() for told in year.spans)):
            known |= self._filled(venue, market, hole, now)
        return tuple(rate for _, year in sorted(known.items()) for rate in year.rates if rate.at in span)

    def _filled(self, venue: str, market: str, hole: Span, now: datetime) -> dict[int, FundingYear]:
        """The years that the venue has told something of, as they are in the store then."""
        changed: dict[int, FundingYear] = {}
        start = hole.start
        while start < hole.until:
            rates = self.market_data.funding_rates(venue, market, start, now)
            if not rates:
                break
            told = Span(start, rates[-1].at + MILLISECOND)
            for year in years_of(told):
                changed[year] = self._keep(venue, market, year, rates, told)
            start = told.until
        return changed

    def _keep(self, venue: str, market: str, year: int, rates: Sequence[FundingRate], told: Span) -> FundingYear:
        def attempt() -> FundingYear:
            kept = self.history.year(venue, market, year)
            extended = kept.value.extended(rates, told)
            if extended != kept.value:
                self.history.keep_year(venue, market, Kept(extended, kept.version))
            if kept.is_damaged:
                self.metrics.count("CandleObjectsDamaged")
            return extended

        try:
            return retry_conflict(attempt)
        except Conflict as error:
            raise RetryLater("CANDLES_BUSY", error.message, after_seconds=BUSY_SECONDS) from None
