"""A venue is asked for a settlement once, for all readers; its silence says nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from candlecast.domain.market.funding import FundingRate
from candlecast.domain.market.history import Span
from candlecast.domain.values.errors import InvalidValue, RetryLater
from candlecast.services.market.read_funding import MAX_SPAN, ReadFunding
from tests.support.builders import BTC, VENUE
from tests.support.fakes.candle_history import FakeCandleHistory
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.market_data import FakeMarketData

LISTED = datetime(2025, 12, 1, tzinfo=UTC)
NOW = datetime(2026, 2, 1, 5, tzinfo=UTC)
EIGHT_HOURS = timedelta(hours=8)


def settled(first: datetime, until: datetime) -> list[FundingRate]:
    """Some milliseconds late, as venues are, each with a rate of its own."""
    count = -(-(until - first) // EIGHT_HOURS)
    return [
        FundingRate(first + EIGHT_HOURS * row + timedelta(milliseconds=3), Decimal(row - 40) / 1_000_000) for row in range(count)
    ]


@dataclass
class Desk:
    """A store that is empty, and a market that was listed two months ago."""

    history: FakeCandleHistory = field(default_factory=FakeCandleHistory)
    venue: FakeMarketData = field(default_factory=FakeMarketData)
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    metrics: RecordingMetrics = field(default_factory=RecordingMetrics)

    def __post_init__(self) -> None:
        self.venue.fundings[VENUE, BTC] = settled(LISTED, NOW)

    def read(self, start: datetime, until: datetime) -> list[FundingRate]:
        return list(ReadFunding(self.history, self.venue, self.clock, self.metrics)(VENUE, BTC, Span(start, until)))

    def requests(self) -> int:
        found, self.venue.requests = self.venue.requests, 0
        return found


@pytest.fixture
def desk() -> Desk:
    return Desk()


def between(desk: Desk, start: datetime, until: datetime) -> list[FundingRate]:
    return [each for each in desk.venue.fundings[VENUE, BTC] if start <= each.at < until]


def test_a_second_reader_asks_the_venue_nothing(desk: Desk) -> None:
    start, until = datetime(2025, 12, 20, tzinfo=UTC), datetime(2026, 1, 10, tzinfo=UTC)
    assert desk.read(start, until) == between(desk, start, until)
    assert desk.requests() == 1
    assert desk.read(start, until) == between(desk, start, until)
    assert desk.read(until, datetime(2026, 1, 30, tzinfo=UTC)) == between(desk, until, datetime(2026, 1, 30, tzinfo=UTC))
    assert desk.requests() == 0, "the first answer reached up to now"


def test_the_time_behind_the_last_settlement_is_asked_for_again(desk: Desk) -> None:
    desk.read(LISTED, NOW)
    desk.requests()
    desk.clock.set(NOW + EIGHT_HOURS)
    desk.venue.fundings[VENUE, BTC] = settled(LISTED, NOW + EIGHT_HOURS)
    assert desk.read(LISTED, NOW + EIGHT_HOURS) == between(desk, LISTED, NOW + EIGHT_HOURS)
    assert desk.requests() > 0


def test_an_answer_is_one_page_of_several(desk: Desk) -> None:
    desk.venue.fundings_at_once = 50
    assert desk.read(LISTED, NOW) == between(desk, LISTED, NOW)
    assert desk.requests() == 5, "188 settlements are four pages, and the fifth is empty"


def test_the_time_before_a_market_belongs_to_its_first_answer(desk: Desk) -> None:
    start, until = LISTED - timedelta(days=30), LISTED + timedelta(days=1)
    assert desk.read(start, until) == between(desk, LISTED, until)
    desk.requests()
    assert desk.read(start, until) == between(desk, LISTED, until)
    assert desk.requests() == 0


def test_an_empty_answer_is_not_believed(desk: Desk) -> None:
    told, desk.venue.fundings[VENUE, BTC] = desk.venue.fundings[VENUE, BTC], ()
    assert desk.read(LISTED, NOW) == []
    desk.venue.fundings[VENUE, BTC] = told
    assert desk.read(LISTED, NOW) == list(told)


def test_what_was_told_before_a_refusal_is_kept(desk: Desk) -> None:
    desk.venue.fundings_at_once = 50
    plain, times = desk.venue.funding_rates, 0

    def refusing(venue: str, market: str, since: datetime, until: datetime) -> object:
        nonlocal times
        times += 1
        if times == 3:
            raise RetryLater("RATE_LIMITED", "told to fail", after_seconds=1)
        return plain(venue, market, since, until)

    desk.venue.funding_rates = refusing  # type: ignore[assignment, method-assign]
    with pytest.raises(RetryLater, match="RATE_LIMITED"):
        desk.read(LISTED, NOW)
    assert len(desk.history.year(VENUE, BTC, 2025).value.rates) == 93
    assert desk.read(LISTED, NOW) == between(desk, LISTED, NOW)


def test_of_two_writers_none_loses_a_settlement(desk: Desk) -> None:
    turn = datetime(2026, 1, 10, tzinfo=UTC)
    desk.history.before_write = lambda: desk.read(turn, NOW)
    assert desk.read(datetime(2026, 1, 2, tzinfo=UTC), turn) == between(desk, datetime(2026, 1, 2, tzinfo=UTC), turn)
    assert list(desk.history.year(VENUE, BTC, 2026).value.rates) == between(desk, datetime(2026, 1, 2, tzinfo=UTC), NOW)


def test_a_damaged_year_is_fetched_anew(desk: Desk) -> None:
    desk.read(LISTED, NOW)
    desk.history.spoil(VENUE, BTC, 2026)
    assert desk.read(LISTED, NOW) == between(desk, LISTED, NOW)
    assert desk.metrics.counts["CandleObjectsDamaged"] == 1
    assert not desk.history.year(VENUE, BTC, 2026).is_damaged


def test_a_span_of_the_future_is_empty_and_a_long_one_is_refused(desk: Desk) -> None:
    assert desk.read(NOW, NOW + EIGHT_HOURS) == []
    assert desk.requests() == 0
    with pytest.raises(InvalidValue, match="SPAN_TOO_LONG"):
        desk.read(NOW - MAX_SPAN - EIGHT_HOURS, NOW)
