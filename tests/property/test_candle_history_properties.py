"""In any order of reads, a reader gets what the venue has. Known candles are asked for again in an overlap alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from candlecast.domain.market.candle import Candle, check_contiguous
from candlecast.domain.market.history import CandleMonth, Series, Span, holes, joined
from candlecast.domain.values.timeframe import Timeframe
from candlecast.services.market.read_history import OVERLAP, ReadHistory
from tests.support.builders import BTC, VENUE, a_candle
from tests.support.fakes.candle_history import FakeCandleHistory
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.market_data import FakeMarketData

HOUR = timedelta(hours=1)
START = datetime.fromisoformat("2026-10-30T00:00:00Z")  # so that spans of some days lie in two months
ROWS = 96
EXAMPLES = 40  # each makes a hundred candles and reads them several times
SERIES = Series(venue=VENUE, market=BTC, timeframe=Timeframe.H1)
SPANS = st.tuples(st.integers(0, ROWS - 1), st.integers(0, ROWS - 1)).map(lambda ends: (min(ends), max(ends) + 1))


class CountingMarketData(FakeMarketData):
    """Counts how often each candle was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[datetime] = Counter()

    def candles(self, venue: str, market: str, timeframe: Timeframe, until: datetime, count: int) -> Sequence[Candle]:
        self.asked.update(until - HOUR * back for back in range(1, count + 1))
        return super().candles(venue, market, timeframe, until, count)


def span(first: int, until: int) -> Span:
    return Span(START + HOUR * first, START + HOUR * until)


@settings(max_examples=EXAMPLES)
@given(missing=st.sets(st.integers(1, ROWS - 2)), reads=st.lists(SPANS, min_size=1, max_size=6))
def test_each_read_has_what_the_venue_has_and_nothing_else(missing: set[int], reads: list[tuple[int, int]]) -> None:
    venue, history = CountingMarketData(), FakeCandleHistory()
    published = [a_candle(START + HOUR * row, str(100 + row)) for row in range(ROWS) if row not in missing]
    venue.put(BTC, Timeframe.H1, published)
    read = ReadHistory(history, venue, FakeClock(START + HOUR * ROWS), RecordingMetrics())
    for ends in reads:
        wanted = span(*ends)
        found = read(SERIES, wanted)
        expected = tuple(candle for candle in published if candle.open_time in wanted)
        assert found.candles == expected
        assert found.gaps == check_contiguous(expected, Timeframe.H1)
        assert found.revisions == ()


@settings(max_examples=EXAMPLES)
@given(reads=st.lists(SPANS, min_size=1, max_size=6))
def test_a_candle_is_asked_for_once_but_for_overlaps(reads: list[tuple[int, int]]) -> None:
    venue, history = CountingMarketData(), FakeCandleHistory()
    venue.put(BTC, Timeframe.H1, [a_candle(START + HOUR * row) for row in range(ROWS)])
    read = ReadHistory(history, venue, FakeClock(START + HOUR * ROWS), RecordingMetrics())
    known: tuple[Span, ...] = ()
    for ends in reads:
        wanted = span(*ends)
        venue.asked.clear()
        read(SERIES, wanted)
        new = holes(wanted, known)
        near = [Span(hole.start - HOUR * OVERLAP, hole.until + HOUR * OVERLAP) for hole in new]
        assert all(venue.asked[opened] for hole in new for opened in _openings(hole))
        assert all(any(opened in each for each in near) for opened in venue.asked)
        known = joined((*known, wanted))


@given(parts=st.lists(SPANS, min_size=1, max_size=6), order=st.randoms(use_true_random=False))
def test_answers_of_one_venue_make_one_month_in_any_order(parts: list[tuple[int, int]], order: object) -> None:
    def month_of(spans: Sequence[tuple[int, int]]) -> CandleMonth:
        month = CandleMonth(month="2026-11", timeframe=Timeframe.H1)
        for ends in spans:
            candles = [a_candle(opened) for opened in _openings(span(*ends))]
            month = month.extended(candles, span(*ends), START + HOUR * ROWS)
        return month

    shuffled = list(parts)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert month_of(shuffled) == month_of(parts)


def _openings(within: Span) -> list[datetime]:
    return [within.start + HOUR * row for row in range((within.until - within.start) // HOUR)]
