"""Body of the health: names of components, states and times, no addresses."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from candlecast.domain.health.health import HealthState
from candlecast.services.health.read_health import ToldHealth
from functions.api.schemas.values import View


class ComponentView(View):
    """One component at its last probe: how long its answer took, and a code if it gave none that is good."""

    status: HealthState = Field(description="State of the component.")
    latency_ms: int = Field(description="Milliseconds that the answer of the component took.")
    error: str | None = Field(description="Code of the fault; null if the component answers well.")


class HealthView(View):
    """The state now, and the components when they were probed last. `reason` says why nothing newer is known."""

    status: HealthState = Field(description="State of the whole.")
    reason: str | None = Field(description="Why nothing newer is known; null while all is known.")
    written_at: datetime | None = Field(description="When the probe wrote this health; null if there is none.")
    components: dict[str, ComponentView] = Field(description="Each component by name, at its last probe.")

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
