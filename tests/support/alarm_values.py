"""For each alarm the values just below and just above its bound; a rehearsal publishes them on the embedded cloud.

A new alarm needs its line here: then the rehearsal makes it ring, and holds it against ringing too early.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from candlecast.domain.health.health import HealthState
from candlecast.ports.dead_letters import QUEUES
from tests.support.transformed import functions

ONLY = ""  # the one metric of an alarm without an expression


@dataclass(frozen=True)
class Values:
    """Values by the metric's id in the alarm's expression; an empty mapping publishes nothing at all.

    `rings_in_silence`: the alarm rings without data as well.
    """

    quiet: Mapping[str, float]
    loud: Mapping[str, float]
    rings_in_silence: bool = False


def _at(quiet: float, loud: float) -> Values:
    return Values({ONLY: quiet}, {ONLY: loud})


def _sum_of(*names: str) -> Values:
    """A sum that rings at 1; the last of its metrics brings it there, while the others say nothing."""
    return Values(dict.fromkeys(names, 0), {names[-1]: 1})


FIRST = _at(0, 1)  # rings at the first
SILENCE = Values({ONLY: 1}, {}, rings_in_silence=True)  # rings without data alone

ALARM_VALUES: Mapping[str, Values] = {
    "deployment-paused-too-long": _at(3_600, 3_601),
    "critical-alerts": FIRST,
    "alerts-undelivered": FIRST,
    "orders-ambiguous": FIRST,
    "orders-expired": FIRST,
    "signal-to-order-latency": _at(5_000, 5_001),
    "naked-positions": FIRST,
    "naked-too-long": _at(90, 91),
    "position-drifts": FIRST,
    "signals-quarantined": FIRST,
    "accounts-disabled-by-executor": _at(2, 3),
    "accounts-disabled-by-reconciler": _at(2, 3),
    "breakers-opened-by-executor": FIRST,
    "breakers-opened-by-reconciler": FIRST,
    "venues-braked-by-reconciler": FIRST,
    "addresses-blocked-for-executor": _at(2, 3),
    "addresses-blocked-for-reconciler": _at(2, 3),
    "limits-unavailable": FIRST,
    "pools-unavailable": FIRST,
    "pool-losses-reached": FIRST,
    "candle-clock-silent": SILENCE,
    "reconcile-clock-silent": SILENCE,
    "catalogue-silent": SILENCE,
    "health-degraded": Values({ONLY: HealthState.HEALTHY.severity}, {ONLY: HealthState.DEGRADED.severity}, rings_in_silence=True),
    "schedules-overdue": FIRST,
    "firings-refused": _sum_of("candles", "looks", "parity"),
    "candles-missed": FIRST,
    "parity-differences": FIRST,
    "schedule-drift": _at(55, 56),
    "candle-drift": _at(30, 31),
    **{f"{queue}-dead-letters": FIRST for queue in QUEUES},
    "candle-queue-age": _at(600, 601),
    "uploaded-candle-queue-age": _at(600, 601),
    "signal-queue-age": _at(60, 61),
    "trade-queue-age": _at(60, 61),
    "reconcile-queue-age": _at(600, 601),
    "awaited-look-queue-age": _at(120, 121),
    "vetting-queue-age": _at(1_800, 1_801),
    "parity-queue-age": _at(21_600, 21_601),
    "backtest-queue-age": _at(21_600, 21_601),
    "outbox-iterator-age": _at(60_000, 60_001),
    "outbox-letters-lost": FIRST,
    "api-server-errors": _at(4, 5),
    "table-throttles": _sum_of("writes", "reads"),
    "index-throttles": _sum_of(*(f"{kind}{number}" for number in (1, 2, 3, 4) for kind in ("writes", "reads"))),
    # 100 x 400 / (1000 - 500 + 400) per cent, then 100 x 500 / (1000 - 900 + 500)
    "concurrency-near-quota": Values(
        {"unreserved": 400, "claimed": 500, "running": 450}, {"unreserved": 500, "claimed": 900, "running": 800}
    ),
    **{f"{name}-{kind}": FIRST for name in functions() for kind in ("errors", "throttles")},
}

# Alarms that cannot ring on the embedded cloud, since it shifts no traffic: the test of each on the transformed template.
_OF_A_RELEASE = (
    "tests/template/test_template_release.py::test_errors_of_the_new_version_and_answers_of_the_door_with_5xx_end_the_release"
)
HELD_ON_THE_TEMPLATE: Mapping[str, str] = {
    "api-release-errors": _OF_A_RELEASE,
    "signal_intake-release-errors": _OF_A_RELEASE,
}
