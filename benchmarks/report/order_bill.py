"""Counts what AWS bills for an order, from the fan-out's message to the last projection of its events: nothing is timed here."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.harness.answered_table import AnsweredTable
from benchmarks.harness.executor import TableExecutor, an_account_now, order_body
from candlecast.adapters.dynamodb.decisions import DynamoDecisions
from candlecast.adapters.dynamodb.history import DynamoHistory
from candlecast.adapters.dynamodb.source_use import DynamoSourceUse
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.adapters.dynamodb.stream import archived_events, published_events
from candlecast.adapters.s3.event_archive import S3EventArchive
from candlecast.adapters.sqs.queues import BATCH
from candlecast.domain.signals.signal import Action
from candlecast.services.relay.count_notional import CountNotional
from candlecast.services.relay.project_events import ProjectEvents
from candlecast.services.relay.relay_events import RelayEvents
from tests.support.fakes.bus import FakeEventBus
from tests.support.fakes.clock import RecordingMetrics
from tests.support.fakes.objects import FakeObjects
from tests.support.fakes.pools import release_pools

ORDERS = 2  # an entry and its exit
EXECUTOR_BATCH = 5  # messages of one invocation, as in the template: a signal with many subscribers fills them


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderBill:
    """Of one order, the mean of an entry and its exit, without stop and target."""

    read_units: float
    write_units: float
    relay_write_units: float
    relay_requests: float
    events: float
    archived_bytes: float
    fifo_requests: float
    exchange_requests: float
    requests: float  # to DynamoDB


def order_bill(executor: TableExecutor) -> OrderBill:
    """Count a round trip on a warm environment."""
    clock = executor.execute.clock
    now = clock.now()
    for number in ("bill-warm", "bill"):  # the first one reads the keys
        executor.begin_with(an_account_now(now, settled_market=True))
        executor.forget()
        for action in (Action.LONG, Action.EXIT_LONG):
            executor.consume(order_body(action, now, number))
    projected, bus = AnsweredTable(), FakeEventBus()
    table = projected.table()
    metrics = RecordingMetrics()
    notional = CountNotional(DynamoStrategyStore(table), DynamoSourceUse(table))
    project = ProjectEvents(DynamoHistory(table), DynamoDecisions(table), notional)
    relay = RelayEvents(project, release_pools(clock), bus, metrics)
    records = [{"dynamodb": {"NewImage": image}} for _, image in executor.cloud.written]
    for record in records:
        relay(published_events(record))
    archived = FakeObjects()
    S3EventArchive(archived, "bucket").keep_batch(archived_events(records))  # type: ignore[arg-type]
    return OrderBill(
        read_units=executor.cloud.read_units / ORDERS,
        write_units=executor.cloud.write_units / ORDERS,
        relay_write_units=projected.write_units / ORDERS,
        relay_requests=sum(projected.requests.values()) / ORDERS,
        events=len(bus.published) / ORDERS,
        archived_bytes=sum(map(len, archived.held.values())) / ORDERS,  # of a small batch: a full one is compressed better
        fifo_requests=1 / BATCH + 2 / EXECUTOR_BATCH,  # sent; received and deleted
        exchange_requests=executor.requests / ORDERS,
        requests=sum(executor.cloud.requests.values()) / ORDERS,
    )
