"""Probe every component each minute and write one health of them all."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta

from candlecast.domain.health.health import (
    EVENT_BUS,
    QUEUES,
    SECRETS,
    TABLE,
    TIMED_OUT,
    TOKEN_ISSUER,
    VENUE_PREFIX,
    Answer,
    ComponentHealth,
    Health,
    HealthState,
    judge_component,
)
from candlecast.domain.values.errors import DomainError, RetryLater
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.health import HealthStore, Probe

PROBE_SECONDS = 10.0  # the SDK's own bound is 8 s, a venue's 3 s; the next minute's firing is far


@dataclass(frozen=True, slots=True)
class ProbeComponents:
    """Probes all at once, so that no component's silence hides another. `probes` has them by the names that people see."""

    probes: Mapping[str, Probe]
    store: HealthStore
    clock: Clock
    metrics: Metrics
    seconds: float = PROBE_SECONDS

    def __call__(self) -> Health:
        """Probe, count and write. Raises `RetryLater` if the health cannot be written; the item then grows old, which tells."""
        before = self._before()
        components = {name: judge_component(name, answer, before.get(name)) for name, answer in self._ask_all().items()}
        health = Health(written_at=self.clock.now(), components=components)
        self._measure(health)
        self.store.save_health(health)
        return health

    def _before(self) -> Mapping[str, ComponentHealth]:
        try:
            known = self.store.load_health()
        except RetryLater:
            return {}
        return known.components if known is not None else {}

    def _ask_all(self) -> dict[str, Answer]:
        """An answer of every component; one that is late is not waited for, and its thread ends by its client's time-outs."""
        pool = ThreadPoolExecutor(max_workers=max(1, len(self.probes)))
        try:
            asked = {name: pool.submit(self._ask, probe) for name, probe in self.probes.items()}
            wait(asked.values(), self.seconds)
            return {name: self._answer(future) for name, future in asked.items()}
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _answer(self, future: Future[Answer]) -> Answer:
        return future.result() if future.done() else Answer(latency_ms=round(self.seconds * 1000), error=TIMED_OUT)

    def _ask(self, probe: Probe) -> Answer:
        started, error = self.clock.now(), None
        try:
            probe.check()
        except Exception as failure:  # any failure of a component is an answer
            error = failure.code if isinstance(failure, DomainError) else type(failure).__name__
        return Answer(latency_ms=round((self.clock.now() - started) / timedelta(milliseconds=1)), error=error)

    def _measure(self, health: Health) -> None:
        """A severity for each component, and the worst of all venues."""
        metrics, severities = self.metrics, {name: found.state.severity for name, found in health.components.items()}
        venues = [severity for name, severity in severities.items() if name.startswith(VENUE_PREFIX)]
        metrics.count("HealthSeverity", max(severities.values(), default=HealthState.DOWN.severity))
        metrics.count("TableHealth", severities.get(TABLE, 0))
        metrics.count("QueuesHealth", severities.get(QUEUES, 0))
        metrics.count("SecretsHealth", severities.get(SECRETS, 0))
        metrics.count("EventBusHealth", severities.get(EVENT_BUS, 0))
        metrics.count("TokenIssuerHealth", severities.get(TOKEN_ISSUER, 0))
        metrics.count("VenuesHealth", max(venues, default=0))
