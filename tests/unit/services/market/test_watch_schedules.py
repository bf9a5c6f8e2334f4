"""The reconcile clock's watch over the candle clock's schedules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from candlecast.domain.market.firings import PARITY
from candlecast.domain.values.timeframe import SCHEDULE_LEAD, Timeframe
from candlecast.services.market.watch_schedules import WatchSchedules
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.firings import FakeFirings

BEGUN = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Watch:
    """An hour of firings, minute by minute."""

    def __init__(self) -> None:
        self.store, self.clock, self.metrics = FakeFirings(), FakeClock(BEGUN), RecordingMetrics()
        self.use_case = WatchSchedules(self.store, self.clock, self.metrics)

    def minutes(self, count: int, *, silent: Timeframe | None = None) -> tuple[str, ...]:
        """The schedules that are overdue in the last of so many minutes."""
        found: tuple[str, ...] = ()
        for _ in range(count):
            for timeframe in Timeframe:
                if timeframe is not silent and timeframe.is_close(self.clock.now() + SCHEDULE_LEAD):
                    self.store.note_firing(timeframe, self.clock.now())
            found = self.use_case()
            self.clock.advance(60)
        return found


def test_a_schedule_that_somebody_disables_is_counted_until_it_fires_again() -> None:
    watch = Watch()
    assert watch.minutes(30) == ()
    assert watch.minutes(10, silent=Timeframe.M5) == (Timeframe.M5,)
    assert watch.metrics.counts["SchedulesOverdue"] > 0
    assert watch.minutes(10) == ()


def test_a_store_that_does_not_answer_leaves_the_looks_alone() -> None:
    watch = Watch()
    watch.minutes(3)
    watch.store.fails = True
    watch.clock.advance(timedelta(hours=1).total_seconds())
    assert watch.use_case() == ()


def test_a_night_without_parity_is_counted_until_parity_has_asked_again() -> None:
    watch = Watch()
    assert watch.minutes(14 * 60) == ()
    assert watch.minutes(60) == (PARITY,)
    assert watch.metrics.counts["SchedulesOverdue"] > 0
    watch.store.note_parity(watch.clock.now())
    assert watch.minutes(2) == ()
