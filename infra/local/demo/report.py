"""The result of a replay: our own records, compared order for order with the paper exchange's book."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

from candlecast.adapters.dynamodb.executions import DynamoExecutionStore
from candlecast.adapters.dynamodb.history import DynamoHistory
from candlecast.adapters.dynamodb.signals import DynamoSignalStore
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.domain.orders.intent import Intent, IntentState
from candlecast.domain.orders.position import Position, Trade
from candlecast.domain.strategies.execution import Execution, SignalRecord
from candlecast.ports.filters import ExecutionFilter, OrderFilter, SignalFilter, TradeFilter
from candlecast.ports.store import Page
from infra.local.cloud import Cloud
from infra.local.demo.exchange import BookOrder
from infra.local.demo.people import Person
from infra.local.demo.scenario import PlannedStrategy, quote_of

DEAD_LETTERS = (
    "CandleDeadLettersUrl",
    "UploadedCandleDeadLettersUrl",
    "SignalDeadLettersUrl",
    "TradeDeadLettersUrl",
    "ReconcileDeadLettersUrl",
    "VettingDeadLettersUrl",
    "BacktestDeadLettersUrl",
    "ParityDeadLettersUrl",
    "OutboxDeadLettersUrl",
    "ScheduleDeadLettersUrl",
)
ACCEPTED = (IntentState.OPEN, IntentState.FILLED, IntentState.CANCELLED)
PAGE = 100
DONE, COMES_BACK = '"message":"message done"', '"message":"message comes back"'  # a line of a consumer for each receive


@dataclass(frozen=True, slots=True)
class Records:
    """Everything that the platform has recorded."""

    executions: tuple[Execution, ...]
    signals: tuple[SignalRecord, ...]
    orders: tuple[Intent, ...]
    positions: tuple[Position, ...]
    trades: tuple[Trade, ...]

    @property
    def intents(self) -> tuple[Intent, ...]:
        """Orders that were decided; a skip is no decision about an order."""
        return tuple(order for order in self.orders if order.state is not IntentState.SKIPPED)


class Ledger:
    """Reads the platform's table as its own API does, for all people of the replay."""

    def __init__(self, cloud: Cloud, strategies: Sequence[PlannedStrategy], people: Sequence[Person]) -> None:
        os.environ.update(cloud.environment)  # the product's adapters find region, endpoint and keys as a function does
        self._cloud = cloud
        table = Table(cloud.outputs["TableName"])
        self._executions = DynamoExecutionStore(table)
        self._signals = DynamoSignalStore(table)
        self._history = DynamoHistory(table)
        self._strategies = tuple(strategy.strategy_id for strategy in strategies)
        self._tenants = tuple(person.user.sub for person in people)

    def read(self) -> Records:
        """All records as they are now."""
        executions = [e for s in self._strategies for e in self._all(self._executions.list_executions, s, ExecutionFilter())]
        signals = [r for s in self._strategies for r in self._all(self._signals.list_signals, s, SignalFilter())]
        orders = [o for t in self._tenants for o in self._all(self._history.list_orders, t, OrderFilter())]
        positions = [p for t in self._tenants for p in self._history.list_positions(t)]
        trades = [x for t in self._tenants for x in self._all(self._history.list_trades, t, TradeFilter())]
        return Records(tuple(executions), tuple(signals), tuple(orders), tuple(positions), tuple(trades))

    def runs_at(self, candle_close: datetime) -> tuple[Execution, ...]:
        """The strategies' runs on the candles that closed then, the newest of all."""
        newest = (self._executions.list_executions(strategy, ExecutionFilter(), None, 1).items for strategy in self._strategies)
        return tuple(run for runs in newest for run in runs if run.candle_close == candle_close)

    def published(self, run: Execution) -> SignalRecord | None:
        """The signal that a run has published, with the reports of its fan-out."""
        return None if run.signal is None else self._signals.get_signal(run.signal.signal_id)

    def read_when_relayed(self) -> Records:
        """All records once the stream has brought everything that was decided until now. Raises CommandError."""
        self._cloud.wait_until_relayed()
        return self.read()

    def _all[T](self, listing: Callable[..., Page[T]], *where: object) -> Iterator[T]:
        cursor: str | None = None
        while True:
            page = listing(*where, cursor, PAGE)
            yield from page.items
            cursor = page.cursor
            if cursor is None:
                return


def lost(records: Records) -> int:
    """How many order messages of the fan-out have no record."""
    told = {(o.signal_id, o.subscription_id) for o in records.orders if not o.kind.is_protective}
    skipped_by_fan_out = sum(sum(r.skipped.values()) for s in records.signals for r in s.reports.values())
    sent = sum(record.orders for record in records.signals)
    return max(0, sent + skipped_by_fan_out - len(told))


def differences(records: Records, book: Sequence[BookOrder]) -> list[str]:
    """Where our records and the venue's book disagree, order for order; empty if they agree."""
    ours = {o.client_order_id: o for o in records.orders if o.state in ACCEPTED}
    theirs = {o.client_order_id: o for o in book}
    found = [f"{key}: only in our records" for key in sorted(ours.keys() - theirs.keys())]
    found += [f"{key}: only in the venue's book" for key in sorted(theirs.keys() - ours.keys())]
    for key in sorted(ours.keys() & theirs.keys()):
        ours_says = _facts(ours[key].side, ours[key].state, ours[key].filled_quantity, ours[key].average_price)
        theirs_says = _facts(theirs[key].side, theirs[key].state, theirs[key].filled_quantity, theirs[key].average_price)
        if ours_says != theirs_says:
            found.append(f"{key}: we say {ours_says}, the venue {theirs_says}")
    return found


def summarise(
    records: Records, book: Sequence[BookOrder], people: Sequence[Person], candles: int, dead_letters: int
) -> dict[str, Any]:
    """The figures of build/demo/report.json."""
    states = Counter(order.state for order in records.intents)
    latencies = sorted(
        (order.settled_at - order.issued_at) / timedelta(milliseconds=1)
        for order in records.intents
        if order.state is IntentState.FILLED and not order.kind.is_protective and order.settled_at is not None
    )
    repeats = Counter(order.client_order_id for order in book)
    return {
        "candles": candles,
        "executions": len(records.executions),
        "signals": len(records.signals),
        "subscriptions": len(people),
        "intents": len(records.intents),
        "orders_accepted": sum(states[state] for state in ACCEPTED),
        "orders_rejected": states[IntentState.REJECTED],
        "denied": _reasons(records.orders, IntentState.DENIED),
        "expired": states[IntentState.EXPIRED],
        "skipped": _reasons(records.orders, IntentState.SKIPPED),
        "duplicates": sum(count - 1 for count in repeats.values()),
        "lost": lost(records),
        "dead_letters": dead_letters,
        "open_positions": len(records.positions),
        "trades": len(records.trades),
        "signal_to_order_ms": {"p50": _percentile(latencies, 50), "p99": _percentile(latencies, 99)},
        "fees": _by_quote(
            [(t.market, t.fees) for t in records.trades] + [(p.market, p.fees) for p in records.positions],
        ),
        "pnl": _by_quote([(t.market, t.pnl) for t in records.trades]),
        "unresolved": sum(order.state.is_unresolved for order in records.orders),
        "venue_orders": len(book),
        "differences": differences(records, book),
    }


def work(logs: Mapping[str, str], closings: Sequence[tuple[int, float]]) -> dict[str, Any]:
    """The work behind the orders: receives, looks, and the seconds of an order without the fixed seconds of a candle."""
    executor, reconciler = (_of(logs, name) for name in ("order_executor", "order_reconciler"))
    orders = sum(count for count, _ in closings)
    return {
        "order_messages": orders,
        "receives": executor.count(DONE) + executor.count(COMES_BACK),
        "receives_stale": executor.count('"reason_code":"STATE_STALE"'),
        "looks": reconciler.count(DONE) + reconciler.count(COMES_BACK),
        "seconds_per_order": seconds_per_order(closings),
    }


def seconds_per_order(closings: Sequence[tuple[int, float]]) -> float | None:
    """Seconds of one order; the median of the candles without orders is what a candle costs anyway. None without orders."""
    orders = sum(count for count, _ in closings)
    if not orders:
        return None
    fixed = median([seconds for count, seconds in closings if not count] or [0.0])
    return round(sum(max(0.0, seconds - fixed) for count, seconds in closings if count) / orders, 4)


def _of(logs: Mapping[str, str], function: str) -> str:
    return "".join(text for name, text in logs.items() if name.endswith(function)).replace('": "', '":"')


def is_sound(report: Mapping[str, Any]) -> bool:
    """Whether the run kept what it promises: nothing twice, nothing lost, every intent accounted for, both books the same."""
    ended = report["orders_accepted"] + report["orders_rejected"] + sum(report["denied"].values()) + report["expired"]
    clean = not any(report[name] for name in ("duplicates", "lost", "dead_letters", "unresolved", "differences"))
    return clean and report["intents"] == ended and report["executions"] > 0


def count_dead_letters(cloud: Cloud) -> int:
    """Messages in all dead-letter queues."""
    sqs, name = cloud.client("sqs"), "ApproximateNumberOfMessages"
    return sum(
        int(sqs.get_queue_attributes(QueueUrl=cloud.outputs[queue], AttributeNames=[name])["Attributes"][name])
        for queue in DEAD_LETTERS
    )


def _facts(side: str, state: str, filled: Decimal, average: Decimal | None) -> str:
    return f"{side} {state} {filled.normalize():f} at {average.normalize() if average else 0:f}"


def _reasons(orders: Iterable[Intent], state: IntentState) -> dict[str, int]:
    found = Counter(str(o.reason) for o in orders if o.state is state)
    return dict(sorted(found.items()))


def _percentile(values: Sequence[float], percent: int) -> float | None:
    """Nearest rank; None without values."""
    if not values:
        return None
    return round(values[min(len(values) - 1, -(-len(values) * percent // 100) - 1)], 1)


def _by_quote(amounts: Iterable[tuple[str, Decimal]]) -> str | dict[str, str]:
    """One sum where all markets share a quote currency, else one for each."""
    sums: dict[str, Decimal] = {}
    for market, amount in amounts:
        sums[quote_of(market)] = sums.get(quote_of(market), Decimal(0)) + amount
    texts = {quote: format(amount.quantize(Decimal("0.00000001")), "f") for quote, amount in sums.items()}
    return next(iter(texts.values()), "0") if len(texts) <= 1 else texts
