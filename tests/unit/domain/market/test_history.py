"""Months of candles are joined and revised by answers of a venue, and nothing is made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from candlecast.domain.market.candle import Candle, CandleError, Gap
from candlecast.domain.market.history import (
    ABSENCE_BELIEVED,
    MAX_CONFIRMED,
    MAX_REVISIONS,
    Absence,
    CandleMonth,
    Manifest,
    MonthEntry,
    Revision,
    Span,
    holes,
    joined,
    month_of,
    months_of,
    span_of,
    without,
)
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.timeframe import Timeframe
from tests.support.builders import NOW, a_candle, after, candles_until

MONTH = "2026-11"
EMPTY = CandleMonth(month=MONTH, timeframe=Timeframe.M1)
CANDLES = candles_until(NOW, 10)


def minutes(start: float, until: float) -> Span:
    """A span in minutes from now."""
    return Span(after(60 * start), after(60 * until))


def told(month: CandleMonth, candles: tuple[Candle, ...], at: datetime = NOW) -> CandleMonth:
    """The month with an answer whose span is that of its candles."""
    return month.extended(candles, Span(candles[0].open_time, candles[-1].close_time(Timeframe.M1)), at)


def dearer(candle: Candle) -> Candle:
    return replace(candle, high=candle.high + 1)


# -- spans -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], []),
        ([minutes(0, 5), minutes(7, 9)], [minutes(0, 5), minutes(7, 9)]),
        ([minutes(7, 9), minutes(0, 5)], [minutes(0, 5), minutes(7, 9)]),
        ([minutes(0, 5), minutes(5, 9)], [minutes(0, 9)]),
        ([minutes(0, 9), minutes(2, 3), minutes(8, 12)], [minutes(0, 12)]),
    ],
)
def test_spans_that_touch_are_one(spans: list[Span], expected: list[Span]) -> None:
    assert list(joined(spans)) == expected


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ([], [minutes(0, 10)]),
        ([minutes(0, 10)], []),
        ([minutes(-5, 20)], []),
        ([minutes(-5, 4)], [minutes(4, 10)]),
        ([minutes(4, 20)], [minutes(0, 4)]),
        ([minutes(6, 8), minutes(2, 3)], [minutes(0, 2), minutes(3, 6), minutes(8, 10)]),
        ([minutes(-9, -1), minutes(10, 12)], [minutes(0, 10)]),
        ([minutes(20, 30)], [minutes(0, 10)]),
    ],
)
def test_holes_are_what_no_span_has(known: list[Span], expected: list[Span]) -> None:
    assert list(holes(minutes(0, 10), known)) == expected


def test_a_span_needs_time_with_a_zone() -> None:
    for start, until in ((NOW, NOW), (after(1), NOW), (NOW.replace(tzinfo=None), NOW), (NOW, after(1).replace(tzinfo=None))):
        with pytest.raises(InvalidValue):
            Span(start, until)


def test_months_follow_the_calendar_in_utc() -> None:
    assert span_of("2026-12") == Span(datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    assert span_of("2028-02").until - span_of("2028-02").start == timedelta(days=29)
    assert month_of(span_of("2026-12").until) == "2027-01"
    assert months_of(Span(datetime(2026, 11, 30, 23, 59, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))) == ("2026-11", "2026-12")


@pytest.mark.parametrize("text", ["", "2026", "2026-13", "2026-1", "../2026-11", "2026-11-05"])
def test_a_text_that_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="MONTH_INVALID"):
        span_of(text)


# -- a month -----------------------------------------------------------------------------------------------------------------


def test_a_month_grows_at_both_ends() -> None:
    month = told(told(told(EMPTY, CANDLES[4:6]), CANDLES[5:]), CANDLES[:5])
    assert (month.candles, month.spans, month.revisions, month.told_at) == (CANDLES, (minutes(-10, 0),), (), NOW)


def test_times_that_were_asked_apart_stay_apart_and_are_no_gap() -> None:
    month = told(told(EMPTY, CANDLES[:3]), CANDLES[6:])
    assert month.spans == (minutes(-10, -7), minutes(-4, 0))
    assert (len(month.candles), month.gaps) == (7, ())


def test_a_gap_that_the_venue_has_told_is_reported_and_never_filled() -> None:
    month = told(EMPTY, CANDLES[:3] + CANDLES[6:])
    assert month.gaps == (Gap(CANDLES[2].open_time, CANDLES[6].open_time, 3),)
    assert month.candles == CANDLES[:3] + CANDLES[6:]


def test_a_month_takes_no_candle_and_no_span_of_another_month() -> None:
    turn = span_of(MONTH).until
    candles = candles_until(turn + timedelta(minutes=2), 5)
    november, december = told(EMPTY, candles), told(replace(EMPTY, month="2026-12"), candles)
    assert november.candles + december.candles == candles
    assert (november.spans, december.spans) == (
        (Span(turn - timedelta(minutes=3), turn),),
        (Span(turn, turn + timedelta(minutes=2)),),
    )
    october = replace(EMPTY, month="2026-10")
    assert told(october, candles) is october


def test_a_repeat_changes_nothing() -> None:
    month = told(EMPTY, CANDLES)
    assert told(month, CANDLES[3:], after(60)) is month


# -- revisions ---------------------------------------------------------------------------------------------------------------


def test_a_newer_word_takes_the_place_of_the_older_and_is_noticed() -> None:
    newer = dearer(CANDLES[-1])
    month = told(told(EMPTY, CANDLES), (*CANDLES[-2:-1], newer), after(60))
    assert month.candles == (*CANDLES[:-1], newer)
    assert month.revisions == (Revision(before=CANDLES[-1], after=newer, noticed_at=after(60)),)
    assert month.told_at == after(60)


def test_an_older_word_that_comes_late_only_adds() -> None:
    """Of two readers, the one that had asked later may write first."""
    newest = told(EMPTY, (*CANDLES[5:-1], dearer(CANDLES[-1])), after(60))
    month = told(newest, CANDLES, NOW)
    assert month.candles == (*CANDLES[:-1], dearer(CANDLES[-1]))
    assert (month.revisions, month.told_at) == ((), after(60))


def test_a_candle_that_the_venue_had_left_out_is_a_revision_once_it_is_told() -> None:
    month = told(told(EMPTY, CANDLES[:3] + CANDLES[4:]), CANDLES, after(60))
    assert (month.candles, month.gaps) == (CANDLES, ())
    assert month.revisions == (Revision(before=None, after=CANDLES[3], noticed_at=after(60)),)


def test_a_silence_of_the_venue_takes_no_candle_away() -> None:
    month = told(EMPTY, CANDLES)
    assert month.extended(CANDLES[:2] + CANDLES[8:], minutes(-10, 0), after(60)) is month


def test_the_same_number_written_otherwise_is_no_revision() -> None:
    month = told(EMPTY, (a_candle(close="100.10"),))
    assert told(month, (a_candle(close="100.1"),), after(60)) is month


def test_the_newest_revisions_are_kept() -> None:
    candles = candles_until(NOW, MAX_REVISIONS + 5)
    month = told(told(EMPTY, candles[:-1]), tuple(dearer(candle) for candle in candles[:-1]), after(60))
    month = told(month, (dearer(dearer(candles[0])),), after(120))
    assert len(month.revisions) == MAX_REVISIONS
    assert month.revisions[-1] == Revision(before=dearer(candles[0]), after=dearer(dearer(candles[0])), noticed_at=after(120))


# -- what a month refuses ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "broken",
    [
        {"month": "2026-10"},
        {"candles": CANDLES[::-1]},
        {"candles": (a_candle(after(7)),)},
        {"spans": (minutes(0, 1), minutes(1, 2))},
        {"spans": (minutes(2, 3), minutes(0, 1))},
        {"spans": (Span(NOW - timedelta(days=31), NOW),)},
    ],
)
def test_a_month_that_breaks_a_rule_cannot_be_made(broken: dict[str, object]) -> None:
    values = {"month": MONTH, "timeframe": Timeframe.M1, "candles": CANDLES, "spans": (minutes(-10, 0),)}
    CandleMonth(**values)  # type: ignore[arg-type]
    with pytest.raises((InvalidValue, CandleError)):
        CandleMonth(**{**values, **broken})  # type: ignore[arg-type]


# -- the manifest ------------------------------------------------------------------------------------------------------------


def test_an_entry_says_what_its_month_has() -> None:
    month = told(told(EMPTY, CANDLES[:3] + CANDLES[6:]), (dearer(CANDLES[0]),), after(60))
    assert MonthEntry.of(month) == MonthEntry(
        month=MONTH, first_open=CANDLES[0].open_time, last_open=CANDLES[-1].open_time, rows=7, missing=3, revisions=1
    )


def test_an_entry_takes_the_place_of_the_one_of_its_month() -> None:
    first, other = MonthEntry.of(told(EMPTY, CANDLES[:2])), MonthEntry.of(replace(EMPTY, month="2026-10"))
    newer = MonthEntry.of(told(EMPTY, CANDLES))
    assert Manifest(months=(first,)).noted([newer, other], None).months == (other, newer)


def test_confirmed_spans_are_joined_and_the_newest_ones_kept() -> None:
    manifest = Manifest().noted([], None, minutes(-10, 0)).noted([], None, minutes(0, 5))
    assert manifest.confirmed == (minutes(-10, 5),)
    assert manifest.noted([], None) == manifest
    for number in range(MAX_CONFIRMED):
        manifest = manifest.noted([], None, minutes(10 * number + 10, 10 * number + 12))
    assert (len(manifest.confirmed), manifest.confirmed[0]) == (MAX_CONFIRMED, minutes(10, 12))


def test_spans_without_others_are_the_parts_beside_these() -> None:
    assert without([minutes(0, 10), minutes(20, 30)], [minutes(4, 6), minutes(9, 22)]) == (
        minutes(0, 4),
        minutes(6, 9),
        minutes(22, 30),
    )
    assert without([minutes(0, 10)], []) == (minutes(0, 10),)
    assert without([minutes(0, 10)], [minutes(-1, 11)]) == ()


def test_an_absence_is_believed_for_a_day() -> None:
    manifest = Manifest().noted([], Absence(span=minutes(-10, 0), told_at=NOW))
    assert manifest.absent(NOW + ABSENCE_BELIEVED - timedelta(seconds=1)) == (minutes(-10, 0),)
    assert manifest.absent(NOW + ABSENCE_BELIEVED) == ()
    assert manifest.noted([], None) == manifest


def test_an_absence_that_touches_an_older_one_ends_with_it() -> None:
    older = Manifest(absence=Absence(span=minutes(-10, 0), told_at=NOW))
    grown = older.noted([], Absence(span=minutes(-20, -10), told_at=after(3_600)))
    assert grown.absence == Absence(span=minutes(-20, 0), told_at=NOW)


@pytest.mark.parametrize(
    "newer",
    [
        Absence(span=minutes(-20, -11), told_at=after(3_600)),
        Absence(span=minutes(-20, -10), told_at=NOW + ABSENCE_BELIEVED),
    ],
)
def test_an_absence_that_is_apart_or_believed_no_more_is_replaced(newer: Absence) -> None:
    assert Manifest(absence=Absence(span=minutes(-10, 0), told_at=NOW)).noted([], newer).absence == newer
