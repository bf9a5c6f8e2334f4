"""Orders a second through the whole embedded cloud: a webhook, the deployed intake, fan-out and executor, their queues and table.

Fifty followers of one strategy, each with an account at the stack's paper exchange. That exchange takes as long to answer as the
exchange that `throughput` measures against. Signals to enter and to leave take turns. The time runs from a signal's issue to the
end of the last of its orders, by their records. The emulator is one process beside a dozen or so processes of the functions, on
shared cores. The figure has no bound, and says nothing of AWS.
"""

from __future__ import annotations

from contextlib import closing

from benchmarks.harness.paper_process import MANY, ORDER_PATH
from benchmarks.throughput import ACCOUNTS, LATENCY_MS
from candlecast.domain.orders.intent import Intent, IntentState
from candlecast.domain.signals.signal import Action
from infra.local.cloud import Cloud
from infra.local.demo.scenario import PlannedUser
from tests.support.stage import ExternalStrategy, follower, open_desk

INSTANCE = "bench-throughput"
ROUND_TRIPS = 3


def section(accounts: int = ACCOUNTS, latency_ms: int = LATENCY_MS) -> dict[str, object]:
    """Orders a second; raises `AssertionError` if a follower's order is missing."""

    def followers(strategy: ExternalStrategy) -> list[PlannedUser]:
        return [follower(number, strategy) for number in range(accounts)]

    with Cloud(INSTANCE) as cloud, closing(open_desk(cloud, followers)) as desk:
        for action in (Action.LONG, Action.EXIT_LONG):  # starts of processes, connections, caches
            desk.signal(action.value)
        slow = {"kind": "slow", "path": ORDER_PATH, "count": MANY, "executed": True, "delay_ms": latency_ms}
        desk.operator.call("POST", "/faults", slow)
        signals = [desk.signal(action.value) for _ in range(ROUND_TRIPS) for action in (Action.LONG, Action.EXIT_LONG)]
        orders = [order for order in desk.records().orders if order.signal_id in signals]
    filled = [order for order in orders if order.state is IntentState.FILLED]
    if len(filled) != accounts * len(signals):
        raise AssertionError(f"{len(filled)} orders were filled for {accounts} accounts and {len(signals)} signals")
    seconds = sum(max(_seconds(order) for order in filled if order.signal_id == signal) for signal in signals)
    return {"embedded_cloud_orders": len(filled), "embedded_cloud_orders_per_second": round(len(filled) / seconds, 1)}


def _seconds(order: Intent) -> float:
    """From the signal's issue to the order's end."""
    if order.settled_at is None:
        raise AssertionError("a filled order has ended")
    return (order.settled_at - order.issued_at).total_seconds()
