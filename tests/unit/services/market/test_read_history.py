"""A venue is asked for a candle once, for all readers; gaps and revisions are reported, and two writers lose nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from candlecast.domain.market.candle import Candle, CandleError, Gap
from candlecast.domain.market.history import ABSENCE_BELIEVED, KnownCandles, Series, Span, span_of
from candlecast.domain.values.errors import InvalidValue, Reject, RetryLater
from candlecast.domain.values.timeframe import Timeframe
from candlecast.services.market.read_history import CANDLES_OF_A_REQUEST, MAX_ROWS, OVERLAP, ReadHistory
from candlecast.services.retry_conflict import ATTEMPTS
from tests.support.builders import BTC, NOW, VENUE, after, candles_until
from tests.support.fakes.candle_history import MANIFEST, FakeCandleHistory
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.market_data import CountedMarketData

SERIES = Series(venue=VENUE, market=BTC, timeframe=Timeframe.M1)
MINUTE = timedelta(minutes=1)
MONTH = "2026-11"


@dataclass
class Desk:
    """A store that is empty, and a venue with three days of minutes."""

    history: FakeCandleHistory = field(default_factory=FakeCandleHistory)
    venue: CountedMarketData = field(default_factory=CountedMarketData)
    clock: FakeClock = field(default_factory=lambda: FakeClock(after(7)))
    metrics: RecordingMetrics = field(default_factory=RecordingMetrics)

    def __post_init__(self) -> None:
        self.publish(candles_until(NOW, 3 * 1_440))

    def publish(self, candles: Sequence[Candle], series: Series = SERIES) -> None:
        self.published = tuple(candles)
        self.venue.put(series.market, series.timeframe, candles)

    def revise(self, row: int) -> Candle:
        """Change a published candle; the candle as it is now."""
        candle = self.published[row]
        changed = replace(candle, high=candle.high + 1)
        self.publish([changed if each == candle else each for each in self.published])
        return changed

    @property
    def read(self) -> ReadHistory:
        return ReadHistory(self.history, self.venue, self.clock, self.metrics)

    def minutes(self, first: float, until: float, series: Series = SERIES) -> KnownCandles:
        """Read a span in minutes from now."""
        return self.read(series, Span(after(60 * first), after(60 * until)))

    def asked(self) -> list[int]:
        """How many candles each request to the venue has asked for since the last look."""
        found, self.venue.counts = self.venue.counts, []
        return found

    def pass_minutes(self, count: int) -> None:
        """Let candles close; later spans are still in minutes from `NOW`."""
        self.clock.advance(60 * count)
        newest = self.published[-1].close_time(Timeframe.M1) + MINUTE * count
        self.publish((*self.published, *candles_until(newest, count)))


@pytest.fixture
def desk() -> Desk:
    return Desk()


# -- fetched once ------------------------------------------------------------------------------------------------------------


def test_a_second_reader_asks_the_venue_nothing(desk: Desk) -> None:
    first = desk.minutes(-60, 0)
    assert (list(first.candles), first.gaps, first.revisions) == (list(desk.published[-60:]), (), ())
    assert desk.asked() == [60]
    assert desk.minutes(-60, 0) == first
    assert desk.minutes(-30, -10).candles == first.candles[30:50]
    assert desk.asked() == []


def test_a_read_asks_for_what_has_closed_since_and_an_overlap(desk: Desk) -> None:
    desk.minutes(-60, 0)
    desk.asked()
    desk.pass_minutes(5)
    assert list(desk.minutes(-55, 5).candles) == list(desk.published[-60:])
    assert desk.asked() == [5 + OVERLAP]
    assert desk.history.held[SERIES, MONTH][0].spans == (Span(after(-3_600), after(300)),)  # type: ignore[union-attr]


def test_a_read_that_begins_where_the_known_candles_end_overlaps_them_too(desk: Desk) -> None:
    desk.minutes(-60, -30)
    desk.asked()
    assert desk.minutes(-30, 0).candles == desk.published[-30:]
    assert desk.asked() == [30 + OVERLAP]


def test_holes_in_the_middle_and_before_are_filled(desk: Desk) -> None:
    desk.minutes(-100, -90)
    desk.minutes(-50, -40)
    desk.asked()
    assert desk.minutes(-120, -40).candles == desk.published[-120:-40]
    assert desk.asked() == [20 + OVERLAP, 40 + 2 * OVERLAP]
    assert desk.minutes(-120, -40).candles == desk.published[-120:-40]
    assert desk.asked() == []


def test_a_long_span_is_asked_in_parts_the_newest_first(desk: Desk) -> None:
    assert desk.minutes(-4_000, 0).candles == desk.published[-4_000:]
    assert desk.asked() == [CANDLES_OF_A_REQUEST, CANDLES_OF_A_REQUEST, 1_000]


def test_a_span_over_the_turn_of_a_month_lies_in_two_objects(desk: Desk) -> None:
    turn = span_of(MONTH).until
    desk.clock.set(turn + timedelta(hours=1))
    desk.publish(candles_until(turn + timedelta(hours=1), 120))
    wanted = Span(turn - MINUTE * 60, turn + MINUTE * 60)
    assert desk.read(SERIES, wanted).candles == desk.published
    assert {place[1] for place in desk.history.held} == {MONTH, "2026-12", MANIFEST}
    desk.asked()
    assert desk.read(SERIES, wanted).candles == desk.published
    assert desk.read(SERIES, Span(turn, turn + MINUTE * 60)).candles == desk.published[60:]
    assert desk.asked() == []


def test_series_are_apart(desk: Desk) -> None:
    hours = replace(SERIES, timeframe=Timeframe.H1)
    desk.venue.put(BTC, Timeframe.H1, candles_until(NOW, 5, Timeframe.H1))
    desk.minutes(-60, 0)
    assert len(desk.minutes(-300, 0, hours).candles) == 5
    assert len(desk.minutes(-60, 0).candles) == 60


# -- the newest candle -------------------------------------------------------------------------------------------------------


def test_a_candle_in_the_making_is_neither_asked_for_nor_kept(desk: Desk) -> None:
    desk.publish([*desk.published, *candles_until(after(60), 1)])
    assert desk.minutes(-10, 5).candles[-1].close_time(Timeframe.M1) == NOW
    assert desk.asked() == [10]
    assert desk.minutes(0, 5) == KnownCandles(candles=(), gaps=(), revisions=())
    assert desk.asked() == []


def test_a_candle_that_is_not_published_yet_is_asked_for_again(desk: Desk) -> None:
    desk.publish(desk.published[:-2])
    assert desk.minutes(-60, 0).candles == desk.published[-58:]
    desk.publish((*desk.published, *candles_until(NOW, 2)))
    desk.asked()
    found = desk.minutes(-60, 0)
    assert (found.candles, found.gaps, found.revisions) == (desk.published[-60:], (), ())
    assert desk.asked() == [2 + OVERLAP]


# -- gaps and revisions ------------------------------------------------------------------------------------------------------


def test_a_gap_is_reported_and_neither_filled_nor_asked_for_again(desk: Desk) -> None:
    desk.publish(desk.published[:-20] + desk.published[-15:])
    for _ in range(2):
        found = desk.minutes(-60, 0)
        assert found.gaps == (Gap(after(-21 * 60), after(-15 * 60), 5),)
        assert len(found.candles) == 55
    assert desk.asked() == [60]
    entry = desk.history.manifest(SERIES).value.months[0]
    assert (entry.rows, entry.missing) == (55, 5)


def test_a_gap_between_known_candles_and_newer_ones_is_one(desk: Desk) -> None:
    desk.minutes(-60, -20)
    desk.publish(desk.published[:-20] + desk.published[-15:])
    desk.asked()
    assert desk.minutes(-60, 0).gaps == (Gap(after(-21 * 60), after(-15 * 60), 5),)
    desk.minutes(-60, 0)
    assert desk.asked() == [20 + OVERLAP]


def test_what_an_answer_leaves_out_where_it_meets_the_next_one_is_asked_again(desk: Desk) -> None:
    """The venue has the candles, and its first answer about the older part ends too early."""
    whole, times = desk.published, 0
    plain = desk.venue.candles

    def short(venue: str, market: str, timeframe: Timeframe, until: datetime, count: int) -> Sequence[Candle]:
        nonlocal times
        times += 1
        return plain(venue, market, timeframe, until, count)[: -5 if times == 2 else None]

    desk.venue.candles = short  # type: ignore[method-assign]
    known = desk.minutes(-2_000, 0)
    assert (known.candles, known.gaps) == (whole[-2_000:], ())
    assert desk.asked() == [CANDLES_OF_A_REQUEST, 500, 5 + 2 * OVERLAP]


def test_a_gap_where_two_answers_meet_is_one_after_a_second_question(desk: Desk) -> None:
    whole = desk.published
    desk.publish((*whole[: -CANDLES_OF_A_REQUEST - 3], *whole[-CANDLES_OF_A_REQUEST:]))
    known = desk.minutes(-2_000, 0)
    [gap] = known.gaps
    assert gap.missing == 3
    assert desk.asked()[2:] == [3 + 2 * OVERLAP]
    assert desk.minutes(-2_000, 0) == known
    assert desk.asked() == []


def test_a_young_market_is_asked_twice_at_its_beginning_and_not_at_each_part_before(desk: Desk) -> None:
    desk.publish(desk.published[-100:])
    assert desk.minutes(-6_000, 0).candles == desk.published
    assert desk.asked() == [CANDLES_OF_A_REQUEST] * 5, "four parts, and once more where the first candle lies"


def test_a_revision_within_the_overlap_is_noticed(desk: Desk) -> None:
    desk.minutes(-60, 0)
    before = desk.published[-OVERLAP]
    changed = desk.revise(-OVERLAP)
    desk.pass_minutes(1)
    found = desk.minutes(-60, 1)
    assert changed in found.candles
    assert before not in found.candles
    (revision,) = found.revisions
    assert (revision.before, revision.after, revision.noticed_at) == (before, changed, desk.clock.now())
    assert desk.metrics.counts["CandlesRevised"] == 1
    assert desk.history.manifest(SERIES).value.months[0].revisions == 1
    assert desk.minutes(-5, 1).revisions == (), "only those of the span"


def test_a_candle_that_breaks_a_rule_is_kept_nowhere(desk: Desk) -> None:
    crooked = replace(desk.published[-1], open_time=after(-90))
    desk.publish([*desk.published[:-1], crooked])
    with pytest.raises(CandleError):
        desk.minutes(-60, 0)
    assert desk.history.held == {}


# -- a market that is younger ------------------------------------------------------------------------------------------------


def test_a_young_market_is_asked_for_its_beginning_once_a_day(desk: Desk) -> None:
    desk.publish(candles_until(NOW, 40))
    assert desk.minutes(-60, 0).candles == desk.published
    assert desk.asked() == [60]
    assert desk.minutes(-60, 0).candles == desk.published
    assert desk.asked() == []
    desk.clock.advance(ABSENCE_BELIEVED.total_seconds())
    assert desk.minutes(-60, 0).candles == desk.published
    assert desk.asked() == [20 + OVERLAP]


def test_an_earlier_beginning_extends_the_absence(desk: Desk) -> None:
    desk.publish(candles_until(NOW, 40))
    desk.minutes(-60, 0)
    desk.asked()
    for expected in ([40], []):
        assert desk.minutes(-100, 0).candles == desk.published
        assert desk.asked() == expected


def test_an_empty_answer_about_the_newest_candles_is_not_believed(desk: Desk) -> None:
    desk.publish(())
    assert desk.minutes(-60, 0).candles == ()
    assert desk.history.held == {}
    desk.publish(candles_until(NOW, 60))
    assert desk.minutes(-60, 0).candles == desk.published


# -- interruptions and races -------------------------------------------------------------------------------------------------


class Spent(CountedMarketData):
    """Answers so many requests, and refuses the next."""

    def __init__(self, requests: int) -> None:
        super().__init__()
        self.left = requests

    def candles(self, venue: str, market: str, timeframe: Timeframe, until: datetime, count: int) -> Sequence[Candle]:
        if self.left == 0:
            self.left = -1
            raise RetryLater("WEIGHT_SPENT", "told to fail", after_seconds=1)
        self.left -= 1
        return super().candles(venue, market, timeframe, until, count)


def test_what_was_told_before_a_refusal_is_kept() -> None:
    desk = Desk(venue=Spent(2))
    with pytest.raises(RetryLater, match="WEIGHT_SPENT"):
        desk.minutes(-4_000, 0)
    assert desk.asked() == [CANDLES_OF_A_REQUEST] * 2
    assert desk.minutes(-4_000, 0).candles == desk.published[-4_000:]
    assert desk.asked() == [1_000 + OVERLAP]


def test_of_two_writers_none_loses_a_candle(desk: Desk) -> None:
    desk.history.before_write = lambda: desk.minutes(-200, -100)
    found = desk.minutes(-60, 0)
    assert found.candles == desk.published[-60:]
    desk.asked()
    assert desk.minutes(-200, -100).candles == desk.published[-200:-100]
    assert desk.minutes(-60, 0) == found
    assert desk.asked() == []


class Contested(FakeCandleHistory):
    """Somebody else has always written since."""

    def keep_months(self, series: Series, kept: Sequence[object]) -> None:
        self.attempts = getattr(self, "attempts", 0) + 1
        self.spoil(series, MONTH)
        super().keep_months(series, kept)  # type: ignore[arg-type]


def test_a_store_that_others_write_all_the_time_is_asked_later() -> None:
    history = Contested()
    with pytest.raises(RetryLater, match="CANDLES_BUSY"):
        Desk(history=history).minutes(-60, 0)
    assert history.attempts == ATTEMPTS


def test_a_crash_before_the_manifest_costs_a_request_and_no_candle(desk: Desk) -> None:
    found = desk.minutes(-60, 0)
    del desk.history.held[SERIES, MANIFEST]
    desk.asked()
    assert desk.minutes(-30, 0).candles == found.candles[-30:]
    assert desk.asked() == [30]
    assert desk.minutes(-60, 0) == found
    assert desk.asked() == []


# -- damage and refusals -----------------------------------------------------------------------------------------------------


def test_a_damaged_month_is_fetched_anew(desk: Desk) -> None:
    found = desk.minutes(-60, 0)
    desk.history.spoil(SERIES, MONTH)
    desk.asked()
    for expected in ([60], []):
        assert desk.minutes(-60, 0) == found
        assert desk.asked() == expected
    assert desk.metrics.counts["CandleObjectsDamaged"] == 1


def test_a_damaged_manifest_is_made_anew(desk: Desk) -> None:
    found = desk.minutes(-60, 0)
    desk.history.spoil(SERIES, MANIFEST)
    for _ in range(2):
        assert desk.minutes(-60, 0) == found
    assert desk.metrics.counts["CandleObjectsDamaged"] == 1
    assert desk.history.manifest(SERIES).value.months[0].rows == 60


def test_a_read_is_bounded_and_at_boundaries(desk: Desk) -> None:
    with pytest.raises(InvalidValue, match="TOO_MANY_ROWS"):
        desk.minutes(-MAX_ROWS - 1, 0)
    for first, until in ((-0.5, 0), (-60, -0.5)):
        with pytest.raises(InvalidValue, match="NOT_A_BOUNDARY"):
            desk.minutes(first, until)
    assert desk.asked() == []


def test_refusals_of_venue_and_store_pass(desk: Desk) -> None:
    with pytest.raises(Reject, match="UNKNOWN_MARKET"):
        desk.minutes(-60, 0, replace(SERIES, market="NONE/USDT:USDT"))
    desk.history.unavailable = True
    with pytest.raises(RetryLater, match="CANDLES_UNAVAILABLE"):
        desk.minutes(-60, 0)
    assert desk.asked() == [60], "of the unknown market alone: a store that is away costs the venue nothing"


# -- doubted candles ---------------------------------------------------------------------------------------------------------


def test_doubted_candles_are_asked_for_until_an_answer_an_hour_after_their_close_confirms_them(desk: Desk) -> None:
    hours = Span(after(-7_200), NOW)
    desk.minutes(-120, 0)
    desk.asked()
    first = desk.published[-30]
    changed = desk.revise(-30)
    assert desk.minutes(-120, 0).revisions == ()
    assert desk.asked() == []
    found = desk.read(SERIES, hours, hours)
    assert [(each.before, each.after) for each in found.revisions] == [(first, changed)]
    assert desk.asked() == [60 + OVERLAP], "the older hour was told more than an hour after its candles had closed"
    desk.clock.advance(3_600)
    desk.read(SERIES, hours, hours)
    assert desk.asked() == [60 + OVERLAP]
    desk.read(SERIES, hours, hours)
    assert desk.asked() == []
    assert desk.history.manifest(SERIES).value.confirmed == (hours,)


def test_only_the_doubted_part_of_a_read_is_asked_for_again(desk: Desk) -> None:
    desk.minutes(-50, 0)
    desk.asked()
    desk.read(SERIES, Span(after(-3_000), NOW), Span(after(-1_200), after(-600)))
    assert desk.asked() == [10 + 2 * OVERLAP]
    desk.read(SERIES, Span(after(-3_000), after(-1_200)), Span(after(-1_200), NOW))
    assert desk.asked() == [], "nothing of it is read"


def test_a_question_that_the_venue_refuses_confirms_nothing(desk: Desk) -> None:
    hour = Span(after(-3_600), NOW)
    desk.minutes(-60, 0)
    desk.clock.advance(3_600)
    desk.venue.unavailable = True
    with pytest.raises(RetryLater):
        desk.read(SERIES, hour, hour)
    desk.venue.unavailable = False
    assert desk.history.manifest(SERIES).value.confirmed == ()
    desk.read(SERIES, hour, hour)
    assert desk.history.manifest(SERIES).value.confirmed == (hour,)
