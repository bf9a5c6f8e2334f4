"""Settlements of a year: ascending, of that year, and as the venue has told them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from candlecast.domain.market.funding import FundingRate, FundingYear, year_span, years_of
from candlecast.domain.market.history import Span
from candlecast.domain.values.errors import InvalidValue

TURN = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
BEFORE, FIRST, SECOND = (FundingRate(TURN + HOUR * hours, Decimal("0.0001")) for hours in (-1, 0, 8))


@pytest.mark.parametrize("rate", ["1", "-1", "1.5"])
def test_a_rate_is_a_share(rate: str) -> None:
    with pytest.raises(InvalidValue, match="FUNDING_INVALID"):
        FundingRate(TURN, Decimal(rate))


@pytest.mark.parametrize("rates", [(SECOND, FIRST), (FIRST, FIRST), (BEFORE, FIRST)], ids=["backwards", "twice", "another year"])
def test_a_year_has_its_settlements_in_order(rates: tuple[FundingRate, ...]) -> None:
    with pytest.raises(InvalidValue, match="FUNDING_INVALID"):
        FundingYear(year=2026, rates=rates)


@pytest.mark.parametrize(
    "spans",
    [(Span(TURN - HOUR, TURN),), (Span(TURN, TURN + HOUR), Span(TURN + HOUR, TURN + 2 * HOUR))],
    ids=["of another year", "touching"],
)
def test_spans_are_of_the_year_and_apart(spans: tuple[Span, ...]) -> None:
    with pytest.raises(InvalidValue, match="FUNDING_INVALID"):
        FundingYear(year=2026, spans=spans)


def test_an_answer_over_the_turn_of_a_year_belongs_to_both() -> None:
    told = Span(TURN - 8 * HOUR, TURN + 9 * HOUR)
    assert list(years_of(told)) == [2025, 2026]
    older, newer = (FundingYear(year=year).extended((BEFORE, FIRST, SECOND), told) for year in (2025, 2026))
    assert (older.rates, newer.rates) == ((BEFORE,), (FIRST, SECOND))
    assert (older.spans, newer.spans) == ((Span(TURN - 8 * HOUR, TURN),), (Span(TURN, TURN + 9 * HOUR),))
    assert list(years_of(Span(TURN - HOUR, TURN))) == [2025]


def test_a_settlement_is_never_revised() -> None:
    known = FundingYear(year=2026).extended((FIRST,), Span(TURN, TURN + HOUR))
    again = known.extended((FundingRate(TURN, Decimal("0.0009")), SECOND), Span(TURN, TURN + 9 * HOUR))
    assert again.rates == (FIRST, SECOND)
    assert again.spans == (Span(TURN, TURN + 9 * HOUR),)
    assert known.extended((BEFORE,), Span(TURN - HOUR, TURN)) is known


@pytest.mark.parametrize("year", [0, 9_999, 10_000])
def test_what_is_no_year_is_refused(year: int) -> None:
    with pytest.raises(InvalidValue, match="FUNDING_INVALID"):
        year_span(year)
