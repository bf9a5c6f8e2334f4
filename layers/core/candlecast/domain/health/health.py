"""The health of a deployment: the result of the last probes of its components, and its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

TABLE, QUEUES, SECRETS, EVENT_BUS, TOKEN_ISSUER = "table", "queues", "secrets", "event_bus", "token_issuer"
VENUE_PREFIX = "venue:"  # before a venue's name

# No order is placed without these. The others stop a part: one venue, people's requests, the history.
ESSENTIAL = frozenset({TABLE, QUEUES, SECRETS})

# AWS answers within some milliseconds. A second is more than a new connection with its key exchange takes.
SLOW_SERVICE = timedelta(seconds=1)
# An order's outcome is unknown after three seconds without an answer. At two, orders begin to end that way.
SLOW_BY_INTERNET = timedelta(seconds=2)
DOWN_AFTER = 2  # probes in a row: one lost packet is no outage
SILENT_AFTER = timedelta(minutes=3)  # a probe writes each minute: two are missing and the third is late

TIMED_OUT = "TIMED_OUT"  # the code of a probe that had not ended when its time was over
SILENT, NEVER_PROBED = "PROBE_SILENT", "NEVER_PROBED"  # why a health says nothing
# The component answers, or would, and our own bounds or the venue's keep requests from it.
HELD_BACK = frozenset({"ADDRESS_BLOCKED", "WEIGHT_SPENT", "RATE_LIMITED", "VENUE_BREAKER_OPEN"})


class HealthState(StrEnum):
    """How well something works, the best first."""

    HEALTHY = "HEALTHY"
    DEGRADED = "DEGRADED"
    DOWN = "DOWN"

    @property
    def severity(self) -> int:
        """1 to 3, for a metric: CloudWatch finds the worst by its maximum."""
        return list(HealthState).index(self) + 1


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The result of one probe: how long the component took, and a code if it gave no good answer."""

    latency_ms: int
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class ComponentHealth:
    """The state of one component; `error` is a code or a type, never a text or an address."""

    state: HealthState
    latency_ms: int
    error: str | None = None
    failures: int = 0
    """Probes in a row that failed."""


@dataclass(frozen=True, kw_only=True)
class Health:
    """All components, as they were when this was written."""

    written_at: datetime
    components: Mapping[str, ComponentHealth]

    @property
    def state(self) -> HealthState:
        """DOWN if a component is that no order can do without; HEALTHY if all are."""
        states = {name: component.state for name, component in self.components.items()}
        if any(states.get(name) is HealthState.DOWN for name in ESSENTIAL):
            return HealthState.DOWN
        return HealthState.HEALTHY if set(states.values()) == {HealthState.HEALTHY} else HealthState.DEGRADED

    def is_silent(self, now: datetime) -> bool:
        """Whether the next health is overdue, so that this one says nothing of now."""
        return now - self.written_at > SILENT_AFTER


def judge_component(name: str, answer: Answer, before: ComponentHealth | None) -> ComponentHealth:
    """The component's state by its answer and by its state a minute ago."""
    if answer.error is None:
        slow = SLOW_BY_INTERNET if name == TOKEN_ISSUER or name.startswith(VENUE_PREFIX) else SLOW_SERVICE
        is_slow = timedelta(milliseconds=answer.latency_ms) > slow
        return ComponentHealth(state=HealthState.DEGRADED if is_slow else HealthState.HEALTHY, latency_ms=answer.latency_ms)
    if answer.error in HELD_BACK:
        return ComponentHealth(state=HealthState.DEGRADED, latency_ms=answer.latency_ms, error=answer.error)
    failures = (before.failures if before is not None else 0) + 1
    state = HealthState.DOWN if failures >= DOWN_AFTER else HealthState.DEGRADED
    return ComponentHealth(state=state, latency_ms=answer.latency_ms, error=answer.error, failures=failures)
