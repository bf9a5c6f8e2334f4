"""How much later than its close a candle is processed: real schedules, real delays, the whole embedded cloud, in real time.

A schedule fires a minute early, to the minute, and the message waits in the queue until the close. The drift is the rest: the
delay's precision, the poll that brings the message, and the way to the strategy's first step. Each firing takes a minute.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import datetime

from candlecast.domain.strategies.execution import Execution, ExecutionStatus
from infra.local.cloud import Cloud
from infra.local.demo.people import Platform
from infra.local.demo.report import Ledger
from infra.local.demo.scenario import PlannedStrategy
from tests.support.stage import ZIGZAG_PARAMETERS, follower, open_markets, utc_now, zigzag

INSTANCE = "bench-drift"
FIRINGS = 10  # the fewest that say anything
ROWS = 240  # recorded candles, which run along with real time again and again
MINUTE_SECONDS = 60.0
PATIENCE_MINUTES = 4  # until the first schedule fires, its candle closes, and the functions have started
POLL_SECONDS = 2.0
MILLISECONDS = 1_000

Say = Callable[[str], object]


def section(firings: int = FIRINGS, say: Say = sys.stdout.write) -> dict[str, object]:
    """Milliseconds from a candle's close to its strategy's run, over so many firings of the 1m schedule; the first is left out.

    The first finds functions that have never run: that is a cold start, and measured as one elsewhere.
    """
    with Cloud(INSTANCE) as cloud:
        cloud.redeploy(SchedulesState="ENABLED")
        file = zigzag(ROWS, utc_now().replace(second=0, microsecond=0))
        with closing(open_markets(cloud, (file,), ROWS)) as operator, closing(Platform(cloud)) as platform:
            operator.run_clock()
            strategy = PlannedStrategy("turns", "sma_cross", ZIGZAG_PARAMETERS, file)
            platform.create_strategies((strategy,))
            people = platform.settle([follower(0, strategy)], operator, lambda _: None)
            runs = _watch(Ledger(cloud, (strategy,), people), firings + 1, say)
    return distribution([run.drift_seconds * MILLISECONDS for run in runs[1:]]) | {
        "first_ms": round(runs[0].drift_seconds * MILLISECONDS, 1),
        "unfinished": sum(run.status is not ExecutionStatus.COMPLETED for run in runs),
    }


def distribution(milliseconds: Sequence[float]) -> dict[str, object]:
    """The figures of the report; percentiles by nearest rank, so that each is a firing that was."""
    ordered = sorted(milliseconds)
    return {
        "firings": len(ordered),
        "p50": round(nearest_rank(ordered, 0.50), 1),
        "p99": round(nearest_rank(ordered, 0.99), 1),
        "min": round(ordered[0], 1),
        "max": round(ordered[-1], 1),
        "values_ms": [round(value, 1) for value in milliseconds],
    }


def nearest_rank(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all is not above."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _watch(ledger: Ledger, count: int, say: Say) -> list[Execution]:
    """Wait for so many runs to end, oldest first; raises `TimeoutError` if they do not come."""
    deadline = time.monotonic() + (count + PATIENCE_MINUTES) * MINUTE_SECONDS
    seen: dict[datetime, Execution] = {}
    while len(seen) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(seen)} of {count} candles were processed in time")
        time.sleep(POLL_SECONDS)
        for close, run in sorted(_ended(ledger).items()):
            if close not in seen:
                seen[close] = run
                say(f"  candle of {close:%H:%M}: {run.drift_seconds * MILLISECONDS:,.0f} ms after its close\n")
    return [seen[close] for close in sorted(seen)][:count]


def _ended(ledger: Ledger) -> Mapping[datetime, Execution]:
    return {run.candle_close: run for run in ledger.read().executions if run.status is not ExecutionStatus.RUNNING}
