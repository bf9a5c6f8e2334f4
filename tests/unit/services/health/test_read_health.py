"""The newest health is told, and an old health is never told as if it were of now."""

from __future__ import annotations

from datetime import timedelta

from candlecast.domain.health.health import SILENT_AFTER, HealthState
from candlecast.services.health.read_health import ReadHealth
from tests.support.builders import NOW
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.health import FakeHealthStore, a_health


def test_the_newest_health_is_told_as_it_was_written() -> None:
    told = ReadHealth(FakeHealthStore(a_health()), FakeClock(NOW + SILENT_AFTER))()
    assert (told.state, told.reason, told.health) == (HealthState.HEALTHY, None, a_health())


def test_an_old_health_is_down_and_shown_with_its_time() -> None:
    told = ReadHealth(FakeHealthStore(a_health()), FakeClock(NOW + SILENT_AFTER + timedelta(seconds=1)))()
    assert (told.state, told.reason, told.health) == (HealthState.DOWN, "PROBE_SILENT", a_health())


def test_without_a_health_nobody_is_well() -> None:
    told = ReadHealth(FakeHealthStore(), FakeClock())()
    assert (told.state, told.reason, told.health) == (HealthState.DOWN, "NEVER_PROBED", None)


def test_a_table_that_does_not_answer_is_down() -> None:
    store = FakeHealthStore(a_health())
    store.fails = True
    told = ReadHealth(store, FakeClock())()
    assert (told.state, told.reason, told.health) == (HealthState.DOWN, "STORE_UNAVAILABLE", None)
