"""The probes of a minute: bounded in time, none hides another, one item and one severity for each component."""

from __future__ import annotations

from threading import Event

import pytest

from candlecast.domain.health.health import HealthState
from candlecast.domain.values.errors import RetryLater
from candlecast.ports.health import Probe
from candlecast.services.health.probe_components import ProbeComponents
from tests.support.builders import NOW
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.health import FakeHealthStore, FakeProbe


class Minute:
    """A probe of the table, the queues and two venues, over fakes."""

    def __init__(self, seconds: float = 60) -> None:
        self.store, self.clock, self.metrics = FakeHealthStore(), FakeClock(), RecordingMetrics()
        self.probes: dict[str, FakeProbe] = {name: FakeProbe() for name in ("table", "queues", "venue:a", "venue:b")}
        probes: dict[str, Probe] = {**self.probes}
        self.probe = ProbeComponents(probes, self.store, self.clock, self.metrics, seconds)

    def states(self) -> dict[str, str]:
        return {name: found.state.value for name, found in self.probe().components.items()}


def test_all_that_answer_are_healthy_and_written_with_their_time() -> None:
    minute = Minute()
    assert set(minute.states().values()) == {"HEALTHY"}
    assert minute.store.health is not None
    assert (minute.store.health.written_at, minute.store.health.state) == (NOW, HealthState.HEALTHY)
    assert +minute.metrics.counts == {"HealthSeverity": 1, "TableHealth": 1, "QueuesHealth": 1, "VenuesHealth": 1}


def test_a_failure_hides_no_other_component_and_shows_as_a_code_without_its_text() -> None:
    minute = Minute()
    minute.probes["queues"].error = RetryLater("QUEUE_UNAVAILABLE", "arn:aws:sqs:of:somebody", after_seconds=1)
    minute.probes["venue:a"].error = RuntimeError("https://secret.example")
    assert minute.states() == {"table": "HEALTHY", "queues": "DEGRADED", "venue:a": "DEGRADED", "venue:b": "HEALTHY"}
    assert minute.store.health is not None
    assert [minute.store.health.components[name].error for name in ("queues", "venue:a")] == ["QUEUE_UNAVAILABLE", "RuntimeError"]
    assert minute.states()["queues"] == "DOWN"
    assert minute.metrics.counts["QueuesHealth"] == 2 + 3


def test_a_component_that_does_not_end_is_not_waited_for() -> None:
    minute, end = Minute(seconds=0.05), Event()
    minute.probes["venue:b"].during = end.wait
    try:
        assert minute.states() == {"table": "HEALTHY", "queues": "HEALTHY", "venue:a": "HEALTHY", "venue:b": "DEGRADED"}
    finally:
        end.set()
    assert minute.store.health is not None
    assert minute.store.health.components["venue:b"].error == "TIMED_OUT"


def test_the_time_of_an_answer_is_told() -> None:
    minute = Minute()
    minute.probe = ProbeComponents(
        {"table": FakeProbe(during=lambda: minute.clock.advance(1.2))}, minute.store, minute.clock, minute.metrics
    )
    found = minute.probe().components["table"]
    assert (found.latency_ms, found.state) == (1_200, HealthState.DEGRADED)


def test_a_health_that_cannot_be_written_fails_after_its_severities_were_counted() -> None:
    minute = Minute()
    minute.store.fails = True
    with pytest.raises(RetryLater, match="STORE_UNAVAILABLE"):
        minute.probe()
    assert minute.metrics.counts["VenuesHealth"] == 1
