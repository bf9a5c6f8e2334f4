"""Body of the health check: names and times, no addresses."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from candlecast.services.health.check_health import Health
from functions.api.schemas.values import View


class Status(StrEnum):
    """Whether something answers."""

    UP = "UP"
    DOWN = "DOWN"


class DependencyView(View):
    """One dependency: how long its answer took, and a code if there was none."""

    status: Status
    latency_ms: float
    error: str | None


class HealthView(View):
    """UP if every dependency is."""

    status: Status
    checked_at: datetime
    dependencies: dict[str, DependencyView]

    @staticmethod
    def of(health: Health) -> HealthView:
        return HealthView(
            status=_status(health.ok),
            checked_at=health.checked_at,
            dependencies={
                name: DependencyView(status=_status(found.ok), latency_ms=found.latency_ms, error=found.error)
                for name, found in health.dependencies.items()
            },
        )


def _status(ok: bool) -> Status:
    return Status.UP if ok else Status.DOWN
