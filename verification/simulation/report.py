"""The results of many runs, as `build/sim/report.json` has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from verification.simulation.run import Result


def summary(results: Sequence[Result], seconds: float) -> dict[str, Any]:
    """Sums over all runs: orders that reached the venue, faults injected into the product, and broken invariants by seed."""
    return {
        "seeds": len(results),
        "first_seed": min((result.seed for result in results), default=None),
        "steps": sum(result.steps for result in results),
        "faults": _summed([result.faults for result in results]),
        "orders": sum(result.orders_sent for result in results),
        "violations": sum(len(result.broken) for result in results),
        "seconds": round(seconds, 1),
        "venue_orders": sum(result.venue_orders for result in results),
        "trades": sum(result.trades for result in results),
        "executions": sum(result.executions for result in results),
        "exits_under_switches": sum(result.exits_under_switches for result in results),
        "most_weight_in_a_minute": max((result.most_weight for result in results), default=0),
        "states": _summed([result.states for result in results]),
        "reasons": _summed([result.reasons for result in results]),
        "longest_naked_seconds": max((result.longest_naked_seconds for result in results), default=0),
        "failed_seeds": [result.seed for result in results if result.broken],
        "broken": {str(result.seed): result.broken for result in results if result.broken},
    }


def _summed(counters: Sequence[Counter[str]]) -> dict[str, int]:
    return dict(sum(counters, Counter[str]()).most_common())
