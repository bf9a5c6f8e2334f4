"""Orders a second of 50 accounts at once against a venue that takes 20 ms: the use case, bare ccxt, and a pool as bots run it.

The model is the same on both sides: one process, fifty threads, each with one account, a client and a kept-alive connection of
its own, one order after the other. That is fifty execution environments of Lambda, but for the interpreter's lock, which they do
not share there and which costs whoever spends more processor time an order: the use case. Fifty processes would measure the
scheduler of a machine with two cores.

The pool is ten threads that build a client for each user's order. It is spared the download of the markets, which it would need.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from typing import Any

from candlecast.adapters.ccxt_clients import clone_for
from candlecast.adapters.system import SystemClock
from tests.builders import BTC, VENUE
from tests.performance.executor import PRICE, in_memory, templates_at
from tests.performance.order import QUANTITY, ROUND_TRIP, round_trip
from tests.performance.paper_process import PaperProcess, paper_process

ACCOUNTS = 50
POOL = 10
LATENCY_MS = 20
RUNS = 3  # in turns: mine, bare, pool, mine ...
SECONDS = 3.0
WARM_UP_SECONDS = 0.5

RoundTrip = Callable[[], object]  # an entry and its exit


def section(runs: int = RUNS, seconds: float = SECONDS) -> Mapping[str, object]:
    """Orders a second of all three, as medians of the runs, and ratios as medians of the ratios of neighbours."""
    with paper_process() as paper:
        paper.stand_at(str(PRICE))
        paper.delay_orders(LATENCY_MS)
        takers = {
            "mine": [_through_the_use_case(paper) for _ in range(ACCOUNTS)],
            "bare": [_bare(paper) for _ in range(ACCOUNTS)],
            "pool": [_client_for_each_order(paper) for _ in range(POOL)],
        }
        for round_trips in takers.values():
            _orders_a_second(round_trips, WARM_UP_SECONDS)  # connections, caches
        taken = [{name: _orders_a_second(trips, seconds) for name, trips in takers.items()} for _ in range(runs)]
    return {
        "accounts": ACCOUNTS,
        "venue_latency_ms": LATENCY_MS,
        "orders_per_second": round(statistics.median(run["mine"] for run in taken)),
        "bare_ccxt_orders_per_second": round(statistics.median(run["bare"] for run in taken)),
        "ratio": round(statistics.median(run["mine"] / run["bare"] for run in taken), 3),
        "pool_orders_per_second": round(statistics.median(run["pool"] for run in taken)),
        "ratio_to_pool": round(statistics.median(run["mine"] / run["pool"] for run in taken), 2),
    }


def _through_the_use_case(paper: PaperProcess) -> RoundTrip:
    clock = SystemClock()
    return round_trip(in_memory(paper, clock), clock.now())


def _bare(paper: PaperProcess) -> RoundTrip:
    client = clone_for(templates_at(paper).of(VENUE), paper.open_account())
    return lambda: _both_ways(client)


def _client_for_each_order(paper: PaperProcess) -> RoundTrip:
    keys = paper.open_account()

    def with_new_clients() -> None:
        for way in WAYS:
            client = clone_for(templates_at(paper).of(VENUE), keys)
            with closing(client.session):
                _one_way(client, way)

    return with_new_clients


WAYS: tuple[tuple[str, Mapping[str, Any]], ...] = (("buy", {}), ("sell", {"reduceOnly": True}))
NUMBERS = count()


def _both_ways(client: Any) -> None:
    for way in WAYS:
        _one_way(client, way)


def _one_way(client: Any, way: tuple[str, Mapping[str, Any]]) -> None:
    side, more = way
    client.create_order(BTC, "market", side, QUANTITY, None, {"clientOrderId": f"throughput-{next(NUMBERS)}", **more})


def _orders_a_second(round_trips: Sequence[RoundTrip], seconds: float) -> float:
    """All of them at once, again and again until the time is over."""
    began = time.perf_counter()

    def go_on(round_trip: RoundTrip) -> int:
        orders = 0
        while time.perf_counter() - began < seconds:
            round_trip()
            orders += ROUND_TRIP
        return orders

    with ThreadPoolExecutor(len(round_trips)) as threads:
        orders = sum(threads.map(go_on, round_trips))
    return orders / (time.perf_counter() - began)
