"""The newest health and probes, in memory."""

from __future__ import annotations

from collections.abc import Callable

from candlecast.domain.health.health import ComponentHealth, Health, HealthState
from candlecast.domain.values.errors import RetryLater
from tests.support.builders import NOW


def a_health(**changed: ComponentHealth) -> Health:
    """All components answer; `changed` has others by name."""
    well = ComponentHealth(state=HealthState.HEALTHY, latency_ms=7)
    names = ("table", "queues", "secrets", "event_bus", "token_issuer", "venue:paper")
    return Health(written_at=NOW, components={**dict.fromkeys(names, well), **changed})


class FakeHealthStore:
    """`ports.health.HealthStore`; `reads` counts."""

    def __init__(self, health: Health | None = None) -> None:
        self.health = health
        self.reads = 0
        self.fails = False

    def load_health(self) -> Health | None:
        self.reads += 1
        self._may_fail()
        return self.health

    def save_health(self, health: Health) -> None:
        self._may_fail()
        self.health = health

    def _may_fail(self) -> None:
        if self.fails:
            raise RetryLater("STORE_UNAVAILABLE", "told to fail", after_seconds=2)


class FakeProbe:
    """Answers, or raises what it was given; `during` happens meanwhile."""

    def __init__(self, error: Exception | None = None, during: Callable[[], object] = lambda: None) -> None:
        self.error = error
        self.during = during
        self.asked = 0

    def check(self) -> None:
        self.asked += 1
        self.during()
        if self.error is not None:
            raise self.error
