"""Health: the meaning of one answer after the answers before, and of all components together."""

from __future__ import annotations

from datetime import timedelta

import pytest

from candlecast.domain.health.health import (
    DOWN_AFTER,
    HELD_BACK,
    SILENT_AFTER,
    SLOW_BY_INTERNET,
    SLOW_SERVICE,
    Answer,
    ComponentHealth,
    HealthState,
    judge_component,
)
from tests.support.builders import NOW
from tests.support.fakes.health import a_health

DOWN = ComponentHealth(state=HealthState.DOWN, latency_ms=0, error="TIMED_OUT", failures=2)
DEGRADED = ComponentHealth(state=HealthState.DEGRADED, latency_ms=2_001)


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("table", SLOW_SERVICE),
        ("queues", SLOW_SERVICE),
        ("token_issuer", SLOW_BY_INTERNET),
        ("venue:binanceusdm", SLOW_BY_INTERNET),
    ],
)
def test_an_answer_beyond_its_bound_is_degraded(name: str, bound: timedelta) -> None:
    at_bound = round(bound / timedelta(milliseconds=1))
    assert judge_component(name, Answer(latency_ms=at_bound), None).state is HealthState.HEALTHY
    assert judge_component(name, Answer(latency_ms=at_bound + 1), None).state is HealthState.DEGRADED


def test_one_failure_degrades_and_the_next_in_a_row_is_down() -> None:
    found, states = None, []
    for error in ("VENUE_UNAVAILABLE", "TIMED_OUT", "TIMED_OUT", None, "TIMED_OUT"):
        found = judge_component("venue:paper", Answer(latency_ms=5, error=error), found)
        states.append((found.state.value, found.failures))
    assert DOWN_AFTER == 2
    assert states == [("DEGRADED", 1), ("DOWN", 2), ("DOWN", 3), ("HEALTHY", 0), ("DEGRADED", 1)]


@pytest.mark.parametrize("error", sorted(HELD_BACK))
def test_a_component_that_a_bound_keeps_us_from_is_degraded_and_never_down(error: str) -> None:
    found = None
    for _ in range(DOWN_AFTER + 1):
        found = judge_component("venue:paper", Answer(latency_ms=1, error=error), found)
    assert found is not None
    assert (found.state, found.error, found.failures) == (HealthState.DEGRADED, error, 0)


@pytest.mark.parametrize("name", ["table", "queues", "secrets"])
def test_the_whole_is_down_with_what_every_order_needs(name: str) -> None:
    assert a_health(**{name: DOWN}).state is HealthState.DOWN
    assert a_health(**{name: DEGRADED}).state is HealthState.DEGRADED


@pytest.mark.parametrize("name", ["event_bus", "token_issuer", "venue:paper"])
def test_the_whole_is_degraded_without_a_part(name: str) -> None:
    assert a_health(**{name: DOWN}).state is HealthState.DEGRADED


def test_the_whole_is_healthy_if_every_component_is() -> None:
    assert a_health().state is HealthState.HEALTHY


def test_a_health_is_silent_once_the_next_ones_are_overdue() -> None:
    assert not a_health().is_silent(NOW + SILENT_AFTER)
    assert a_health().is_silent(NOW + SILENT_AFTER + timedelta(seconds=1))


def test_severities_rise_as_things_get_worse() -> None:
    assert [state.severity for state in HealthState] == [1, 2, 3]
