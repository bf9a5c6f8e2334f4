"""Body of the health: names of components, states and times, no addresses."""

from __future__ import annotations

from datetime import datetime

from candlecast.domain.health.health import HealthState
from candlecast.services.health.read_health import ToldHealth
from functions.api.schemas.values import View


class ComponentView(View):
    """One component at its last probe: how long its answer took, and a code if it gave none that is good."""

    status: HealthState
    latency_ms: int
    error: str | None


class HealthView(View):
    """The state now, and the components when they were probed last. `reason` says why nothing newer is known."""

    status: HealthState
    reason: str | None
    written_at: datetime | None
    components: dict[str, ComponentView]

    @staticmethod
    def of(told: ToldHealth) -> HealthView:
        health = told.health
        return HealthView(
            status=told.state,
            reason=told.reason,
            written_at=health.written_at if health is not None else None,
            components={
                name: ComponentView(status=found.state, latency_ms=found.latency_ms, error=found.error)
                for name, found in (health.components.items() if health is not None else ())
            },
        )
