"""The cost of one order: the executor's whole way for a message, against ccxt's `create_order` alone.

Real are the codec, the use case, ccxt's own class with its signing and parsing, and HTTP over a connection that is kept alive.
Twice: with the account in memory, and with the SDK beneath the store, down to a signed request (`benchmarks.harness.executor`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import datetime
from itertools import count
from typing import Any

from benchmarks.harness.executor import (
    PRICE,
    MemoryExecutor,
    TableExecutor,
    an_account_now,
    bare_client,
    bracket,
    in_memory,
    on_table,
    order_body,
)
from benchmarks.harness.measuring import Figure, Subject, compare, counted
from benchmarks.harness.paper_process import paper_process
from benchmarks.report.write_units import write_units
from candlecast.adapters.system import SystemClock
from candlecast.domain.signals.signal import Action
from tests.support.builders import BTC

QUANTITY = "0.020"  # what the subscriber's 1,000 of notional buys
ROUND_TRIP = 2  # orders: an entry and its exit, so that nothing piles up at the venue
ALONE = "order: ccxt create_order alone"
WHOLE = "order: message to account written, AWS's client included"
IN_MEMORY = "order: message to account written, store in memory"
REQUEST_ALONE = "requests of ccxt create_order alone"
PLACEHOLDER = "<number>"
COUNTS = {
    "dynamodb_reads": "order: reads",
    "dynamodb_writes": "order: writes",
    "write_units": "order: write units",
    "sqs_requests": "order: requests to queues",
    "secrets_reads": "order: reads of secrets",
    "exchange_requests": "order: venue requests, entry",
}


def figures() -> Iterator[Figure]:
    """CPU of an order, then requests: counts are the same on every machine."""
    clock = SystemClock()
    with paper_process() as paper, ExitStack() as stack:
        paper.stand_at(str(PRICE))
        memory, table, client = in_memory(paper, clock), on_table(paper, clock), bare_client(paper)
        for each in (memory.template, table.template, client):
            stack.enter_context(closing(each.session))
        yield from compare(
            Subject(ALONE, _round_trip_alone(client), "order", ROUND_TRIP),
            Subject(WHOLE, round_trip(table, clock.now()), "order", ROUND_TRIP),
            Subject(IN_MEMORY, round_trip(memory, clock.now()), "order", ROUND_TRIP),
        )
        yield from _counts(table, clock.now())
        yield from _venue_requests(memory, clock.now())


def section(figures: Sequence[Figure]) -> Mapping[str, object]:
    """The report's summary of an order."""
    by_name = {figure.name: figure for figure in figures}
    alone, whole, memory = by_name[ALONE], by_name[WHOLE], by_name[IN_MEMORY]
    return {
        "cpu_ms": round(whole.median / 1_000, 3),
        "ccxt_cpu_ms": round(alone.median / 1_000, 3),
        "ratio": round(whole.ratio or 0, 2),
        "ratio_store_in_memory": round(memory.ratio or 0, 2),
        **{name: int(by_name[figure].median) for name, figure in COUNTS.items()},
    }


def round_trip[E: (MemoryExecutor, TableExecutor)](executor: E, now: datetime) -> Callable[[], None]:
    """An entry and its exit, each time from the same account; ids must be new, since a known one sends nothing."""
    executor.begin_with(an_account_now(now, settled_market=True))
    kept = executor.kept()
    entry, leave = (order_body(action, now, PLACEHOLDER) for action in (Action.LONG, Action.EXIT_LONG))
    numbers = count()

    def there_and_back() -> None:
        executor.restore(kept)
        executor.consume(entry.replace(PLACEHOLDER, str(next(numbers)), 1))
        closed = executor.consume(leave.replace(PLACEHOLDER, str(next(numbers)), 1))
        assert not closed.intents
        assert not closed.positions

    return there_and_back


def _round_trip_alone(client: Any) -> Callable[[], None]:
    numbers = count()

    def there_and_back() -> None:
        for side, more in (("buy", {}), ("sell", {"reduceOnly": True})):
            answer = client.create_order(BTC, "market", side, QUANTITY, None, {"clientOrderId": f"alone-{next(numbers)}", **more})
            assert answer["status"] == "closed"

    return there_and_back


def _counts(executor: TableExecutor, now: datetime) -> Iterator[Figure]:
    """Requests of a plain entry on a warm environment."""
    executor.begin_with(an_account_now(now, settled_market=True))
    executor.forget()
    executor.consume(order_body(Action.LONG, now, "plain"))
    asked = executor.cloud.requests
    yield counted("order: venue requests, entry", "requests", executor.requests, REQUEST_ALONE, 1)
    yield counted("order: reads", "requests", asked["GetItem"] + asked["BatchGetItem"])
    yield counted("order: writes", "requests", asked["PutItem"])
    yield counted("order: write units", "units", sum(write_units(*each) for each in executor.cloud.written))
    yield counted("order: requests to queues", "requests", len(executor.queue.sent))
    yield counted("order: reads of secrets", "requests", executor.secrets.reads)
    yield counted("order: connections to the venue, all orders of the run", "connections", executor.connections)
    executor.consume(order_body(Action.EXIT_LONG, now, "plain"))


def _venue_requests(executor: MemoryExecutor, now: datetime) -> Iterator[Figure]:
    """Of an account's first entry in a market with a stop and a target, and of its exit."""
    executor.begin_with(an_account_now(now, settled_market=False))
    first = _asked(executor, order_body(Action.LONG, now, "bracket", **bracket()))
    yield counted("order: venue requests, first entry in a market, stop, target", "requests", first, REQUEST_ALONE, 1)
    leaving = _asked(executor, order_body(Action.EXIT_LONG, now, "bracket"))
    yield counted("order: venue requests, exit that cancels stop and target", "requests", leaving, REQUEST_ALONE, 1)


def _asked(executor: MemoryExecutor, body: str) -> int:
    executor.forget()
    executor.consume(body)
    return executor.requests
