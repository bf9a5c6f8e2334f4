"""The watch over schedules: a timeframe is overdue once a firing that was due during the watch has not come in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from candlecast.domain.market.firings import MAX_MISSED, OVERDUE_AFTER, PARITY_AT, PARITY_OVERDUE_AFTER, WATCH_PAUSE, Firings
from candlecast.domain.values.timeframe import SCHEDULE_LEAD, Timeframe

MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def followed(firings: Firings, begin: datetime, end: datetime, *, silent: frozenset[Timeframe] = frozenset()) -> Firings:
    """The memory after each minute from `begin` to `end`, in which all schedules fire but the silent ones."""
    now = begin
    while now < end:
        firings = firings.watched(now)
        fired = {it: now for it in Timeframe if it not in silent and it.is_close(now + SCHEDULE_LEAD)}
        firings = Firings(newest={**firings.newest, **fired}, watched_since=firings.watched_since, watched_at=firings.watched_at)
        assert set(firings.overdue(now)) <= silent
        now += MINUTE
    return firings


def test_schedules_that_fire_are_never_overdue_from_the_first_minute_on() -> None:
    assert followed(Firings(), MIDNIGHT + 5 * MINUTE, MIDNIGHT + 2 * DAY).overdue(MIDNIGHT + 2 * DAY) == ()


@pytest.mark.parametrize("timeframe", Timeframe)
def test_a_schedule_that_stops_is_overdue_three_minutes_after_the_firing_that_is_missing(timeframe: Timeframe) -> None:
    missing = timeframe.next_close(MIDNIGHT + DAY) - SCHEDULE_LEAD
    firings = followed(Firings(), MIDNIGHT, missing)
    late = missing + OVERDUE_AFTER
    assert firings.overdue(late - timedelta(seconds=1)) == ()
    firings = followed(firings, missing, late, silent=frozenset({timeframe}))
    assert firings.overdue(late) == (timeframe,)


def test_firings_that_were_due_before_the_watch_began_are_not_missed() -> None:
    begun = Firings().watched(MIDNIGHT + timedelta(hours=3))
    assert Timeframe.D1 not in begun.overdue(MIDNIGHT + timedelta(hours=20))
    assert Timeframe.D1 in begun.overdue(MIDNIGHT + DAY + 2 * MINUTE)


@pytest.mark.parametrize(("pause", "begins_anew"), [(WATCH_PAUSE, False), (WATCH_PAUSE + timedelta(seconds=1), True)])
def test_a_watch_that_paused_because_the_clocks_were_off_begins_anew(pause: timedelta, begins_anew: bool) -> None:
    first = Firings().watched(MIDNIGHT)
    again = first.watched(MIDNIGHT + pause)
    assert again.watched_since == (MIDNIGHT + pause if begins_anew else MIDNIGHT)
    assert again.watched_at == MIDNIGHT + pause


def test_nothing_is_overdue_without_a_watch() -> None:
    assert Firings().overdue(MIDNIGHT) == ()


def test_the_closes_since_the_newest_firing_are_missed() -> None:
    firings = Firings(newest={Timeframe.M5: MIDNIGHT - SCHEDULE_LEAD})
    closes = [MIDNIGHT + 5 * MINUTE * number for number in range(1, 5)]
    assert firings.missed(Timeframe.M5, closes[0]) == []
    assert firings.missed(Timeframe.M5, closes[3]) == closes[:3]
    assert firings.missed(Timeframe.M5, closes[3], 2) == closes[1:3]
    assert firings.missed(Timeframe.M5, MIDNIGHT + 2 * DAY)[0] == MIDNIGHT + 2 * DAY - 5 * MINUTE * MAX_MISSED


def test_a_late_firing_and_a_first_one_have_missed_nothing() -> None:
    firings = Firings(newest={Timeframe.M5: MIDNIGHT - SCHEDULE_LEAD})
    for close in (MIDNIGHT - DAY, MIDNIGHT):
        assert firings.missed(Timeframe.M5, close) == []
    assert firings.missed(Timeframe.H1, MIDNIGHT + DAY) == []


DUE = datetime.combine(MIDNIGHT.date(), PARITY_AT, UTC)


def test_parity_is_overdue_once_scheduler_tries_no_more() -> None:
    firings = replace(Firings().watched(MIDNIGHT - DAY), parity=DUE - DAY)
    assert not firings.parity_is_overdue(DUE + PARITY_OVERDUE_AFTER - timedelta(seconds=1))
    assert firings.parity_is_overdue(DUE + PARITY_OVERDUE_AFTER)
    assert firings.parity_is_overdue(DUE + DAY)
    assert not replace(firings, parity=DUE).parity_is_overdue(DUE + DAY)
    assert replace(firings, parity=DUE).parity_is_overdue(DUE + DAY + PARITY_OVERDUE_AFTER)


def test_a_night_before_the_watch_over_parity_is_not_missed() -> None:
    from_before = Firings(watched_since=MIDNIGHT - 9 * DAY, watched_at=DUE + DAY / 2 - MINUTE)
    begun = from_before.watched(DUE + DAY / 2)
    assert begun.parity_since == DUE + DAY / 2
    assert begun.watched_since == from_before.watched_since
    assert not begun.parity_is_overdue(DUE + DAY / 2)
    assert begun.parity_is_overdue(DUE + DAY + PARITY_OVERDUE_AFTER)
    assert not begun.watched(DUE + 3 * DAY).parity_is_overdue(DUE + 3 * DAY)  # the clocks were off
    assert not Firings().parity_is_overdue(DUE)
