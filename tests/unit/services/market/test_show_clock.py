"""The candle clock as operators see it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from candlecast.domain.market.firings import Firings
from candlecast.domain.values.timeframe import Timeframe
from candlecast.services.market.show_clock import ShowClock
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.firings import FakeFirings

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_each_timeframe_shows_its_last_and_its_next_firing() -> None:
    known = Firings(newest={Timeframe.H1: NOON - timedelta(minutes=1)})
    shown = {each.timeframe: each for each in ShowClock(FakeFirings(known), FakeClock(NOON))()}
    assert list(shown) == list(Timeframe)
    assert shown[Timeframe.H1].last_firing == NOON - timedelta(minutes=1)
    assert (shown[Timeframe.H1].next_firing, shown[Timeframe.H1].next_close) == (
        NOON + timedelta(minutes=59),
        NOON + timedelta(hours=1),
    )
    assert shown[Timeframe.D1].last_firing is None
    assert shown[Timeframe.D1].next_close == datetime(2026, 11, 22, tzinfo=UTC)


def test_a_firing_is_the_next_one_until_its_minute_has_come() -> None:
    moment = NOON - timedelta(minutes=1, seconds=1)
    shown = {each.timeframe: each for each in ShowClock(FakeFirings(), FakeClock(moment))()}
    assert shown[Timeframe.H1].next_firing == NOON - timedelta(minutes=1)
    later = {each.timeframe: each for each in ShowClock(FakeFirings(), FakeClock(moment + timedelta(seconds=1)))()}
    assert later[Timeframe.H1].next_firing == NOON + timedelta(minutes=59)


def test_a_schedule_that_has_stopped_is_overdue() -> None:
    known = Firings(watched_since=NOON - timedelta(hours=3), watched_at=NOON, newest={Timeframe.M1: NOON})
    shown = {each.timeframe: each.is_overdue for each in ShowClock(FakeFirings(known), FakeClock(NOON))()}
    assert (shown[Timeframe.M1], shown[Timeframe.M5]) == (False, True)
