"""Order message to orders at the venue."""

from __future__ import annotations

from functools import partial

from candlecast.adapters.aws.secrets import SecretsManagerVault
from candlecast.adapters.ccxt.clients import Templates
from candlecast.adapters.ccxt.venue import CcxtVenues
from candlecast.adapters.codec import outline_from_json
from candlecast.adapters.dynamodb.accounts import DynamoAccountStore
from candlecast.adapters.dynamodb.attempts import DynamoAttempts
from candlecast.adapters.dynamodb.looks import DynamoLooks
from candlecast.adapters.dynamodb.pools import DynamoPoolStore
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.s3.market_catalogue import S3Markets
from candlecast.adapters.sqs.queues import SqsReconcileQueue
from candlecast.adapters.system import SystemClock
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.errors import InvalidValue
from candlecast.runtime.batch import QueueConsumer
from candlecast.runtime.compose.clients import aws
from candlecast.runtime.compose.consumer import queue_consumer
from candlecast.runtime.compose.gate import order_gate
from candlecast.runtime.compose.start import once
from candlecast.runtime.observe import EmfMetrics
from candlecast.runtime.settings import OrderExecutorSettings
from candlecast.services.orders.execute_order import ExecuteOrder
from candlecast.services.orders.exit_resting import ExitResting
from candlecast.services.orders.place_orders import PlaceOrders
from candlecast.services.orders.stop_resting import StopResting
from candlecast.services.pools.reserve_pool import ReservePool
from candlecast.services.reconcile.ask_for_looks import AskForLooks
from candlecast.services.venue.guard_venue import GuardedVenues


@once
def build() -> QueueConsumer[TradeOrder]:
    """Execute each order message of the queue."""
    known, clock, metrics = OrderExecutorSettings.read(), SystemClock(), EmfMetrics()
    table, markets = Table(known.table_name, generation=known.table_generation), S3Markets(aws("s3"), known.markets_bucket, clock)
    routine, awaited = (SqsReconcileQueue(aws("sqs"), url) for url in (known.reconcile_queue_url, known.awaited_look_queue_url))
    gate = order_gate(table, known.egress_address, clock, metrics)
    place = PlaceOrders(markets, gate, clock, metrics)
    execute = ExecuteOrder(
        accounts=DynamoAccountStore(table, clock),
        markets=markets,
        vault=SecretsManagerVault(aws("secretsmanager"), known.secret_prefix),
        venues=GuardedVenues(CcxtVenues(Templates(known.ccxt_venues(), markets.all)), gate.watch, gate.spend),
        place=place,
        exit_resting=ExitResting(StopResting(place, clock, metrics), clock),
        reserve_pool=ReservePool(DynamoPoolStore(table, clock), clock, metrics),
        reconcile_queue=AskForLooks(DynamoLooks(table), routine, awaited, clock, metrics),
        clock=clock,
        metrics=metrics,
        generation=table.generation,
    )
    urls = known.trade_queue_url, known.trade_dead_letters_url
    recorded = partial(_record_dead, table, clock)
    return queue_consumer(
        TradeOrder,
        "trade",
        "order_executor",
        urls,
        execute,
        fifo=True,
        record_dead=recorded,
        attempts=DynamoAttempts(table, clock),
    )


def _record_dead(table: Table, clock: SystemClock, body: str, code: str) -> None:
    """Record the order of a dead letter, if its tenant can be read; loaded only then, since no order needs the history."""
    from candlecast.adapters.dynamodb.history import DynamoHistory
    from candlecast.domain.decide.dead_order import DeadOrder
    from candlecast.services.orders.record_dead_order import RecordDeadOrder

    try:
        dead = outline_from_json(DeadOrder, body)
    except InvalidValue:
        return  # nobody can be told
    RecordDeadOrder(DynamoHistory(table), clock)(dead, code)
