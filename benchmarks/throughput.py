"""Orders a second of 50 concurrent accounts against a venue with a fixed delay: the use case, bare ccxt, a client-per-order pool.

The model is the same for the first two: two processes with twenty-five threads each. Every thread has one account, one client and
one kept-alive connection, and sends one order after the other. On Lambda each account's batch has a process; fifty of them on two
cores would measure the scheduler. The store keeps items in memory. The pool is one process with ten threads that build a client
for each user's order, as a broadcaster on a single host does. The pool is spared the download of the markets, which a real
pool needs.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import cache, partial
from itertools import count
from multiprocessing import get_context
from typing import Any

from benchmarks.harness.executor import PRICE, bare_client, in_memory
from benchmarks.harness.measuring import own_garbage
from benchmarks.harness.paper_process import PaperProcess, paper_process
from benchmarks.order import QUANTITY, ROUND_TRIP, round_trip
from candlecast.adapters.system import SystemClock
from candlecast.ports.venue import Credentials
from tests.support.builders import BTC

ACCOUNTS = 50
PROCESSES = 2
POOL = 10
LATENCY_MS = 20
RUNS = 3  # in turns: mine, bare, pool, mine ...
SECONDS = 3.0
WARM_UP_SECONDS = 0.5
WAYS: tuple[tuple[str, Mapping[str, Any]], ...] = (("buy", {}), ("sell", {"reduceOnly": True}))

RoundTrip = Callable[[], object]  # an entry and its exit


@dataclass(frozen=True)
class OpenedAccount:
    """An account at the venue, for a process that is not its operator."""

    base_url: str
    keys: Credentials

    def open_account(self) -> Credentials:
        return self.keys


@dataclass(frozen=True)
class Crew:
    """Accounts of one process, all of one kind of caller."""

    kind: str
    accounts: tuple[OpenedAccount, ...]


def section(runs: int = RUNS, seconds: float = SECONDS) -> Mapping[str, object]:
    """Orders a second of all three, as medians of the runs, and ratios as medians of the ratios of neighbours."""
    with paper_process() as paper, ExitStack() as stack:
        paper.stand_at(str(PRICE))
        paper.delay_orders(LATENCY_MS)
        context = get_context("spawn")
        workers = [stack.enter_context(ProcessPoolExecutor(1, mp_context=context)) for _ in range(PROCESSES)]
        crews = {kind: list(_crews(paper, kind)) for kind in CALLERS}
        for kind in CALLERS:
            _orders_a_second(workers, crews[kind], WARM_UP_SECONDS)  # imports, connections, caches
        taken = [{kind: _orders_a_second(workers, crews[kind], seconds) for kind in CALLERS} for _ in range(runs)]
    return {
        "accounts": ACCOUNTS,
        "processes": PROCESSES,
        "venue_latency_ms": LATENCY_MS,
        "orders_per_second": round(statistics.median(run["mine"] for run in taken)),
        "bare_ccxt_orders_per_second": round(statistics.median(run["bare"] for run in taken)),
        "ratio": round(statistics.median(run["mine"] / run["bare"] for run in taken), 3),
        "pool_orders_per_second": round(statistics.median(run["pool"] for run in taken)),
        "ratio_to_pool": round(statistics.median(run["mine"] / run["pool"] for run in taken), 2),
    }


def _crews(paper: PaperProcess, kind: str) -> Iterator[Crew]:
    processes, accounts = (1, POOL) if kind == "pool" else (PROCESSES, ACCOUNTS)
    for _ in range(processes):
        yield Crew(kind, tuple(OpenedAccount(paper.base_url, paper.open_account()) for _ in range(accounts // processes)))


def _orders_a_second(workers: Sequence[ProcessPoolExecutor], crews: Sequence[Crew], seconds: float) -> float:
    """All crews at once, each in its process."""
    rates = [worker.submit(_work, crew, seconds) for worker, crew in zip(workers, crews, strict=False)]
    return sum(rate.result() for rate in rates)


def _work(crew: Crew, seconds: float) -> float:
    """In a process of its own: every account again and again until the time is over; orders a second."""
    round_trips = _round_trips(crew)

    def go_on(there_and_back: RoundTrip) -> int:
        orders = 0
        while time.perf_counter() - began < seconds:
            there_and_back()
            orders += ROUND_TRIP
        return orders

    with own_garbage(), ThreadPoolExecutor(len(round_trips)) as threads:
        began = time.perf_counter()
        orders = sum(threads.map(go_on, round_trips))
    return orders / (time.perf_counter() - began)


@cache
def _round_trips(crew: Crew) -> Sequence[RoundTrip]:
    """Made once in a process, so that connections live on."""
    return [CALLERS[crew.kind](account) for account in crew.accounts]


def _through_the_use_case(account: OpenedAccount) -> RoundTrip:
    clock = SystemClock()
    return round_trip(in_memory(account, clock), clock.now())


def _bare(account: OpenedAccount) -> RoundTrip:
    return partial(_both_ways, bare_client(account), count())


def _client_for_each_order(account: OpenedAccount) -> RoundTrip:
    numbers = count()

    def with_new_clients() -> None:
        for way in WAYS:
            client = bare_client(account)
            with closing(client.session):
                _one_way(client, way, numbers)

    return with_new_clients


def _both_ways(client: Any, numbers: Iterator[int]) -> None:
    for way in WAYS:
        _one_way(client, way, numbers)


def _one_way(client: Any, way: tuple[str, Mapping[str, Any]], numbers: Iterator[int]) -> None:
    side, more = way
    client.create_order(BTC, "market", side, QUANTITY, None, {"clientOrderId": f"throughput-{next(numbers)}", **more})


CALLERS: Mapping[str, Callable[[OpenedAccount], RoundTrip]] = {
    "mine": _through_the_use_case,
    "bare": _bare,
    "pool": _client_for_each_order,
}
