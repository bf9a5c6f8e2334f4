"""Tell the newest health, or its absence; a reader causes no probe."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.health.health import NEVER_PROBED, SILENT, Health, HealthState
from candlecast.domain.values.errors import RetryLater
from candlecast.ports.clock import Clock
from candlecast.ports.health import HealthStore


@dataclass(frozen=True, slots=True)
class ToldHealth:
    """The state now, and the newest health. `reason` is why that health says nothing: its clock is silent, or the table."""

    state: HealthState
    health: Health | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ReadHealth:
    """One eventually consistent read."""

    store: HealthStore
    clock: Clock

    def __call__(self) -> ToldHealth:
        """DOWN as well if the health is missing, old or unreadable: silence is no health."""
        try:
            health = self.store.load_health()
        except RetryLater as error:
            return ToldHealth(HealthState.DOWN, None, error.code)
        if health is None:
            return ToldHealth(HealthState.DOWN, None, NEVER_PROBED)
        if health.is_silent(self.clock.now()):
            return ToldHealth(HealthState.DOWN, health, SILENT)
        return ToldHealth(health.state, health)
