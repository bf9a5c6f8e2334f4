"""The rates of funding that a venue has settled in a market, year by year. Rates are never revised; no rate is made up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

from candlecast.domain.market.history import Span, joined
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import require_decimal, require_utc


@dataclass(frozen=True, order=True)
class FundingRate:
    """One settlement: longs pay `rate` of their notional to shorts, or get it if it is below zero.

    Raises `InvalidValue` (FUNDING_INVALID) for a rate of a whole notional or more, which no venue has.
    """

    at: datetime
    rate: Decimal

    def __post_init__(self) -> None:
        require_utc("at", self.at)
        if abs(require_decimal("rate", self.rate)) >= 1:
            raise InvalidValue("a rate of funding is a share of the notional", code="FUNDING_INVALID")


@dataclass(frozen=True, kw_only=True)
class FundingYear:
    """The settlements of one year (UTC), ascending, and the spans that the venue has answered for.

    Raises `InvalidValue` (FUNDING_INVALID) for rates that are unsorted or of another year, and for such spans.
    """

    year: int
    rates: tuple[FundingRate, ...] = ()
    spans: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        whole = year_span(self.year)
        if any(earlier.at >= later.at for earlier, later in pairwise(self.rates)):
            raise InvalidValue("settlements must ascend", code="FUNDING_INVALID")
        if self.rates and not (self.rates[0].at in whole and self.rates[-1].at in whole):
            raise InvalidValue("a settlement of another year", code="FUNDING_INVALID")
        if any(span.within(whole) != span for span in self.spans):
            raise InvalidValue("a span of another year", code="FUNDING_INVALID")
        if any(earlier.until >= later.start for earlier, later in pairwise(self.spans)):
            raise InvalidValue("spans touch", code="FUNDING_INVALID")

    def extended(self, rates: Iterable[FundingRate], told: Span) -> FundingYear:
        """With the venue's answer for `told`. Settlements of other years, and those that are known, are left out."""
        mine = told.within(year_span(self.year))
        if mine is None:
            return self
        known = {each.at: each for each in rates if each.at in mine} | {each.at: each for each in self.rates}
        return replace(self, rates=tuple(sorted(known.values())), spans=joined((*self.spans, mine)))


def years_of(span: Span) -> Sequence[int]:
    """The years that a span touches, ascending."""
    return range(span.start.astimezone(UTC).year, _last(span).year + 1)


def year_span(year: int) -> Span:
    """All of a year. Raises `InvalidValue` (FUNDING_INVALID) for a number that is no year."""
    try:
        return Span(datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC))
    except (ValueError, OverflowError):
        raise InvalidValue("a year has four digits", code="FUNDING_INVALID") from None


def _last(span: Span) -> datetime:
    return (span.until - datetime.resolution).astimezone(UTC)
