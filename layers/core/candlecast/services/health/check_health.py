"""Check what the API depends on."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from candlecast.domain.values.errors import DomainError
from candlecast.ports.clock import Clock
from candlecast.ports.health import Probe


@dataclass(frozen=True, slots=True)
class DependencyHealth:
    """Whether a dependency answered and how long that took; `error` is a code or a type, never a message or an address."""

    ok: bool
    latency_ms: float
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """All dependencies at one instant."""

    checked_at: datetime
    dependencies: Mapping[str, DependencyHealth]

    @property
    def ok(self) -> bool:
        return all(dependency.ok for dependency in self.dependencies.values())


@dataclass(frozen=True, slots=True)
class CheckHealth:
    """Asks every dependency at once, so that the slowest alone sets the time; each probe bounds its own wait."""

    probes: Mapping[str, Probe]
    clock: Clock

    def __call__(self) -> Health:
        """One health for any errors of the probes."""
        if not self.probes:
            return Health(self.clock.now(), {})
        with ThreadPoolExecutor(max_workers=len(self.probes)) as pool:
            answers = dict(zip(self.probes, pool.map(self._ask, self.probes.values()), strict=True))
        return Health(self.clock.now(), answers)

    def _ask(self, probe: Probe) -> DependencyHealth:
        started = self.clock.now()
        error: str | None = None
        try:
            probe.check()
        except Exception as failure:  # health is answered for any failure of a dependency
            error = failure.code if isinstance(failure, DomainError) else type(failure).__name__
        latency_ms = (self.clock.now() - started) / timedelta(milliseconds=1)
        return DependencyHealth(ok=error is None, latency_ms=round(latency_ms, 1), error=error)
