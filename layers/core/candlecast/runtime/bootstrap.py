"""The one composition root: what each function is made of.

One builder a function, called at its first invocation and cached for the life of the environment. Adapters are imported inside
the builders, so that no function imports what it does not use: the executor no FastAPI, the API no ccxt, the intake neither.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache, partial, wraps
from typing import TYPE_CHECKING, Any, cast

from candlecast.runtime import settings
from candlecast.runtime.observe import EmfMetrics, logger

if TYPE_CHECKING:
    from candlecast.adapters.ccxt.clients import Templates
    from candlecast.adapters.dynamodb.single_table.table import Table
    from candlecast.adapters.s3.market_catalogue import S3Markets
    from candlecast.domain.signals.messages import CandleClosed, ReconcileRequest, SignalShard
    from candlecast.domain.subscriptions.trade_order import TradeOrder
    from candlecast.ports.api_services import ApiServices
    from candlecast.ports.dead_letters import DeadLetterEntry, DeadLetters
    from candlecast.runtime.batch import QueueConsumer
    from candlecast.services.market.announce_candles import AnnounceCandles
    from candlecast.services.market.refresh_catalogue import RefreshCatalogue
    from candlecast.services.pools.sweep_pools import SweepPools
    from candlecast.services.reconcile.request_reconciles import RequestReconciles
    from candlecast.services.signals.receive_signal import ReceiveSignal
    from candlecast.services.venue.check_gate import CheckGate
    from candlecast.services.venue.guard_venue import GuardedMarketData
    from candlecast.services.venue.spend_weight import SpendWeight

# How often a message is received before it is put aside: maxReceiveCount of its queue in template.yaml (a test holds them equal).
MAX_RECEIVES = {"candle": 10, "signal": 5, "trade": 5, "reconcile": 5}
# What one message takes at most; an invocation with less time left gives the rest of its batch back.
NEEDED_MILLISECONDS = {"candle": 20_000, "signal": 20_000, "trade": 9_000, "reconcile": 12_000}
# What a schedule invokes, and a dead letter of a schedule may be given to again.
SCHEDULED_FUNCTIONS = ("candle_clock", "reconcile_clock", "market_catalogue")
LONGEST_INVOCATION_SECONDS = 30.0  # the relay's time-out
SECONDS_TO_START = 6.0  # a cold start, and the way there and back
DEAD_LETTERS_SECONDS = 20.0  # for one question of the API, which itself has 29


def _once[T](build: Callable[[], T]) -> Callable[[], T]:
    """What `build` makes, made at the first call.

    All of it stays, and the garbage collector would go through it again and again meanwhile: a fifteenth of a start.
    """

    @cache
    @wraps(build)
    def made() -> T:
        collects = gc.isenabled()
        gc.disable()
        try:
            return build()
        finally:
            if collects:
                gc.enable()

    return made


@_once
def candle_clock() -> AnnounceCandles:
    """Schedule to candle messages."""
    from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
    from candlecast.adapters.sqs.queues import SqsCandleQueue
    from candlecast.adapters.system import SystemClock
    from candlecast.services.market.announce_candles import AnnounceCandles

    known = settings.CandleClockSettings.read()
    store = DynamoStrategyStore(_table(known.table_name))
    return AnnounceCandles(store, SqsCandleQueue(_aws("sqs"), known.candle_queue_url), SystemClock(), EmfMetrics())


@_once
def strategy_runner() -> QueueConsumer[CandleClosed]:
    """Candle to signal."""
    from candlecast.adapters.ccxt.market_data import CcxtMarketData
    from candlecast.adapters.dynamodb.executions import DynamoExecutionStore
    from candlecast.adapters.dynamodb.prices import DynamoPriceStore
    from candlecast.adapters.dynamodb.signals import DynamoSignalStore
    from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
    from candlecast.adapters.sqs.queues import SqsSignalQueue
    from candlecast.adapters.strategy_code import BuiltInStrategies
    from candlecast.adapters.system import RandomIdentifiers, SystemClock
    from candlecast.domain.signals.messages import CandleClosed
    from candlecast.services.market.run_candle import RunCandle
    from candlecast.services.signals.publish_signal import PublishSignal
    from candlecast.services.venue.guard_venue import GuardedMarketData

    known, clock, metrics = settings.StrategyRunnerSettings.read(), SystemClock(), EmfMetrics()
    table = _table(known.table_name)
    queue = SqsSignalQueue(_aws("sqs"), known.signal_queue_url)
    run = RunCandle(
        strategies=DynamoStrategyStore(table),
        executions=DynamoExecutionStore(table),
        prices=DynamoPriceStore(table),
        market_data=GuardedMarketData(CcxtMarketData(_templates(known)), _spend(known.table_name, known.egress_address)),
        code=BuiltInStrategies(),
        publish=PublishSignal(DynamoSignalStore(table), queue, clock, metrics),
        clock=clock,
        metrics=metrics,
        max_lateness=timedelta(seconds=known.max_candle_lateness_seconds),
    )
    worker = RandomIdentifiers()
    urls = known.candle_queue_url, known.candle_dead_letters_url
    return _consumer(CandleClosed, "candle", "strategy_runner", urls, lambda message: run(message, worker.new()))


@_once
def signal_intake() -> ReceiveSignal:
    """Webhook to signal; imports neither FastAPI nor ccxt."""
    from candlecast.adapters.aws.secrets import SecretsManagerSources
    from candlecast.adapters.dynamodb.signals import DynamoSignalStore
    from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
    from candlecast.adapters.sqs.queues import SqsSignalQueue
    from candlecast.adapters.system import SystemClock
    from candlecast.services.signals.publish_signal import PublishSignal
    from candlecast.services.signals.receive_signal import ReceiveSignal

    known, clock, metrics = settings.SignalIntakeSettings.read(), SystemClock(), EmfMetrics()
    table = _table(known.table_name)
    signals = DynamoSignalStore(table)
    return ReceiveSignal(
        strategies=DynamoStrategyStore(table),
        signals=signals,
        secrets=SecretsManagerSources(_aws("secretsmanager"), known.secret_prefix),
        markets=_markets(known.markets_bucket),
        publish=PublishSignal(signals, SqsSignalQueue(_aws("sqs"), known.signal_queue_url), clock, metrics),
        clock=clock,
        metrics=metrics,
    )


@_once
def signal_fanout() -> QueueConsumer[SignalShard]:
    """Signal shard to order messages."""
    from candlecast.adapters.dynamodb.history import DynamoHistory
    from candlecast.adapters.dynamodb.limits import DynamoLimitStore
    from candlecast.adapters.dynamodb.signals import DynamoSignalStore
    from candlecast.adapters.dynamodb.subscriptions import DynamoSubscriptionStore
    from candlecast.adapters.sqs.queues import SqsTradeQueue
    from candlecast.adapters.system import SystemClock
    from candlecast.domain.signals.messages import SignalShard
    from candlecast.services.limits.read_limits import ReadLimits
    from candlecast.services.signals.fan_out import FanOut

    known, clock, metrics = settings.SignalFanoutSettings.read(), SystemClock(), EmfMetrics()
    table, sqs = _table(known.table_name), cast(Any, _Lazy(_bulk_sender))
    fan_out = FanOut(
        subscriptions=DynamoSubscriptionStore(table, clock),
        signals=DynamoSignalStore(table),
        history=DynamoHistory(table, clock),
        queue=SqsTradeQueue(sqs, known.trade_queue_url),
        limits=ReadLimits(DynamoLimitStore(table), clock, metrics),
        last_price=lambda venue, market: _market_data(known).last_price(venue, market),
        quote=lambda venue, market, at: _market_data(known).quote(venue, market, at),
        clock=clock,
        metrics=metrics,
    )
    gc.freeze()  # a shard makes so many objects that the collector runs; it need not look at all that has been loaded each time
    urls = known.signal_queue_url, known.signal_dead_letters_url
    return _consumer(SignalShard, "signal", "signal_fanout", urls, fan_out)


@_once
def order_executor() -> QueueConsumer[TradeOrder]:
    """Order message to orders at the venue."""
    from candlecast.adapters.aws.secrets import SecretsManagerVault
    from candlecast.adapters.ccxt.venue import CcxtVenues
    from candlecast.adapters.dynamodb.accounts import DynamoAccountStore
    from candlecast.adapters.dynamodb.pools import DynamoPoolStore
    from candlecast.adapters.sqs.queues import SqsReconcileQueue
    from candlecast.adapters.system import SystemClock
    from candlecast.domain.subscriptions.trade_order import TradeOrder
    from candlecast.services.orders.execute_order import ExecuteOrder
    from candlecast.services.orders.place_orders import PlaceOrders
    from candlecast.services.pools.reserve_pool import ReservePool
    from candlecast.services.venue.guard_venue import GuardedVenues

    known, clock, metrics = settings.OrderExecutorSettings.read(), SystemClock(), EmfMetrics()
    markets, gate = _markets(known.markets_bucket), _gate(known.table_name, known.egress_address)
    execute = ExecuteOrder(
        accounts=DynamoAccountStore(_table(known.table_name), clock),
        markets=markets,
        vault=SecretsManagerVault(_aws("secretsmanager"), known.secret_prefix),
        venues=GuardedVenues(CcxtVenues(_templates(known)), gate.watch, gate.spend),
        place=PlaceOrders(markets, gate, clock, metrics),
        reserve_pool=ReservePool(DynamoPoolStore(_table(known.table_name), clock), clock, metrics),
        reconcile_queue=SqsReconcileQueue(_aws("sqs"), known.reconcile_queue_url),
        clock=clock,
        metrics=metrics,
    )
    urls = known.trade_queue_url, known.trade_dead_letters_url
    return _consumer(TradeOrder, "trade", "order_executor", urls, execute, fifo=True)


@_once
def reconcile_clock() -> RequestReconciles:
    """Schedule to reconcile requests."""
    from candlecast.adapters.dynamodb.accounts import DynamoAccountStore
    from candlecast.adapters.sqs.queues import SqsReconcileQueue
    from candlecast.adapters.system import SystemClock
    from candlecast.services.reconcile.request_reconciles import RequestReconciles

    known = settings.ReconcileClockSettings.read()
    clock = SystemClock()
    accounts = DynamoAccountStore(_table(known.table_name), clock)
    return RequestReconciles(accounts, SqsReconcileQueue(_aws("sqs"), known.reconcile_queue_url), clock, EmfMetrics())


@_once
def pool_sweep() -> SweepPools:
    """Schedule to reservations that nobody has released."""
    from candlecast.adapters.dynamodb.accounts import DynamoAccountStore
    from candlecast.adapters.dynamodb.pools import DynamoPoolStore
    from candlecast.adapters.system import SystemClock
    from candlecast.services.pools.sweep_pools import SweepPools

    clock, table = SystemClock(), _table(settings.ReconcileClockSettings.read().table_name)
    return SweepPools(DynamoPoolStore(table, clock), DynamoAccountStore(table, clock), clock, EmfMetrics())


@_once
def order_reconciler() -> QueueConsumer[ReconcileRequest]:
    """Reconcile request to an account that agrees with its venue."""
    from candlecast.adapters.aws.secrets import SecretsManagerVault
    from candlecast.adapters.ccxt.venue import CcxtVenues
    from candlecast.adapters.dynamodb.accounts import DynamoAccountStore
    from candlecast.adapters.sqs.queues import SqsReconcileQueue
    from candlecast.adapters.system import SystemClock
    from candlecast.domain.signals.messages import ReconcileRequest
    from candlecast.services.orders.follow_orders import FollowOrders
    from candlecast.services.orders.place_orders import PlaceOrders
    from candlecast.services.orders.settle_orders import SettleOrders
    from candlecast.services.orders.stop_resting import StopResting
    from candlecast.services.reconcile.close_positions import ClosePositions
    from candlecast.services.reconcile.compare_positions import ComparePositions
    from candlecast.services.reconcile.protect_positions import ProtectPositions
    from candlecast.services.reconcile.reconcile_account import ReconcileAccount
    from candlecast.services.venue.guard_venue import GuardedVenues

    known, clock, metrics = settings.OrderReconcilerSettings.read(), SystemClock(), EmfMetrics()
    markets, gate = _markets(known.markets_bucket), _gate(known.table_name, known.egress_address)
    place = PlaceOrders(markets, gate, clock, metrics)
    reconcile = ReconcileAccount(
        accounts=DynamoAccountStore(_table(known.table_name), clock),
        vault=SecretsManagerVault(_aws("secretsmanager"), known.secret_prefix),
        venues=GuardedVenues(CcxtVenues(_templates(known)), gate.watch, gate.spend),
        gate=gate,
        settle=SettleOrders(place, clock),
        follow=FollowOrders(place, clock, metrics),
        compare=ComparePositions(clock, metrics),
        stop_resting=StopResting(place, clock, metrics),
        protect=ProtectPositions(markets, clock, metrics),
        close=ClosePositions(clock, metrics),
        place=place,
        queue=SqsReconcileQueue(_aws("sqs"), known.reconcile_queue_url),
        clock=clock,
        metrics=metrics,
    )
    urls = known.reconcile_queue_url, known.reconcile_dead_letters_url
    return _consumer(ReconcileRequest, "reconcile", "order_reconciler", urls, reconcile)


@_once
def outbox_relay() -> Callable[[Any], None]:
    """Stream record to projections and the event bus."""
    from candlecast.adapters.aws.event_bus import EventBridgeBus
    from candlecast.adapters.dynamodb.decisions import DynamoDecisions
    from candlecast.adapters.dynamodb.gate import DynamoGate
    from candlecast.adapters.dynamodb.history import DynamoHistory
    from candlecast.adapters.dynamodb.pools import DynamoPoolStore
    from candlecast.adapters.dynamodb.stream import published_events
    from candlecast.adapters.system import SystemClock
    from candlecast.services.pools.release_pools import ReleasePools
    from candlecast.services.relay.relay_events import RelayEvents

    known, clock, metrics = settings.OutboxRelaySettings.read(), SystemClock(), EmfMetrics()
    table, bus = _table(known.table_name), EventBridgeBus(_aws("events"), known.event_bus_name)
    release = ReleasePools(DynamoPoolStore(table, clock), DynamoGate(table), bus, clock, metrics)
    relay = RelayEvents(DynamoHistory(table, clock), DynamoDecisions(table, clock), release, bus, metrics)
    return lambda record: relay(published_events(record.raw_event))


@_once
def api_services() -> ApiServices:
    """Everything that the API works with; a strategy's code, and numpy with it, is loaded when a request needs it."""
    from candlecast.adapters.aws.dead_letters_function import FunctionDeadLetters
    from candlecast.adapters.aws.secrets import SecretsManagerWriter
    from candlecast.adapters.dynamodb.accounts import DynamoAccountStore
    from candlecast.adapters.dynamodb.decisions import DynamoDecisions
    from candlecast.adapters.dynamodb.executions import DynamoExecutionStore
    from candlecast.adapters.dynamodb.gate import DynamoGate
    from candlecast.adapters.dynamodb.history import DynamoHistory
    from candlecast.adapters.dynamodb.limits import DynamoLimitStore
    from candlecast.adapters.dynamodb.pools import DynamoPoolStore
    from candlecast.adapters.dynamodb.prices import DynamoPriceStore
    from candlecast.adapters.dynamodb.signals import DynamoSignalStore
    from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
    from candlecast.adapters.dynamodb.subscriptions import DynamoSubscriptionStore
    from candlecast.adapters.probes import QueueProbe, TableProbe
    from candlecast.adapters.sqs.queues import SqsTradeQueue
    from candlecast.adapters.system import RandomIdentifiers, SystemClock
    from candlecast.ports.api_services import ApiServices

    known, clock, sqs = settings.ApiSettings.read(), SystemClock(), _aws("sqs")
    table = _table(known.table_name)
    secrets = SecretsManagerWriter(_aws("secretsmanager"), known.secret_prefix, known.kms_key_id)
    return ApiServices(
        accounts=DynamoAccountStore(table, clock),
        strategies=DynamoStrategyStore(table),
        subscriptions=DynamoSubscriptionStore(table, clock),
        executions=DynamoExecutionStore(table),
        signals=DynamoSignalStore(table),
        history=DynamoHistory(table, clock),
        prices=DynamoPriceStore(table),
        limits=DynamoLimitStore(table),
        pools=DynamoPoolStore(table, clock),
        decisions=DynamoDecisions(table, clock),
        markets=_markets(known.markets_bucket),
        code=_Lazy(_built_in_strategies),
        trade_queue=SqsTradeQueue(sqs, known.trade_queue_url),
        credentials=secrets,
        source_secrets=secrets,
        dead_letters=FunctionDeadLetters(
            partial(_functions_client, DEAD_LETTERS_SECONDS + SECONDS_TO_START), known.dead_letters_function, DEAD_LETTERS_SECONDS
        ),
        kill_switches=DynamoGate(table),
        clock=clock,
        identifiers=RandomIdentifiers(),
        metrics=EmfMetrics(),
        probes={"table": TableProbe(table), "trade_queue": QueueProbe(sqs, known.trade_queue_url)},
        venues=frozenset(known.venues),
        tenant_claim=known.tenant_claim,
        roles_claim=known.roles_claim,
    )


@_once
def market_catalogue() -> RefreshCatalogue:
    """A venue's markets to the catalogue."""
    from candlecast.adapters.ccxt.market_data import download_markets
    from candlecast.adapters.s3.market_catalogue import S3CatalogueWriter
    from candlecast.adapters.system import SystemClock
    from candlecast.services.market.refresh_catalogue import RefreshCatalogue

    known = settings.MarketCatalogueSettings.read()
    sources = {name: partial(download_markets, venue.ccxt_class, venue.base_url) for name, venue in known.venues.items()}
    return RefreshCatalogue(sources, S3CatalogueWriter(_aws("s3"), known.markets_bucket, SystemClock()), EmfMetrics())


@_once
def dlq_redrive() -> Callable[[Callable[[], float]], DeadLetters]:
    """The dead letters of every queue, for an invocation that says how many seconds it has left."""
    from candlecast.adapters.sqs.dead_letter_routes import BackToItsQueue, ThroughTheRelay, ToItsFunction
    from candlecast.adapters.sqs.dead_letters import Box, SqsDeadLetters
    from candlecast.adapters.system import SystemClock

    known, sqs = settings.RedriveSettings.read(), _aws("sqs")
    functions: Any = _Lazy(partial(_functions_client, LONGEST_INVOCATION_SECONDS))
    relay = f"{known.functions_prefix}-outbox_relay"
    scheduled = frozenset(f"{known.functions_prefix}-{name}" for name in SCHEDULED_FUNCTIONS)
    boxes = {
        "candle": Box(known.candle_dead_letters_url, BackToItsQueue(sqs, known.candle_queue_url)),
        "signal": Box(known.signal_dead_letters_url, BackToItsQueue(sqs, known.signal_queue_url)),
        "trade": Box(known.trade_dead_letters_url, BackToItsQueue(sqs, known.trade_queue_url)),
        "reconcile": Box(known.reconcile_dead_letters_url, BackToItsQueue(sqs, known.reconcile_queue_url)),
        "outbox": Box(known.outbox_dead_letters_url, ThroughTheRelay(_aws("dynamodbstreams"), functions, relay)),
        "schedule": Box(known.schedule_dead_letters_url, ToItsFunction(functions, scheduled)),
    }
    return partial(SqsDeadLetters, sqs, boxes, SystemClock(), _audit)


def _audit(change: str, letter: DeadLetterEntry, by: str) -> None:
    """The line that says who has changed what."""
    logger.info(
        f"dead letter {change}",
        extra={
            "queue": letter.queue,
            "message_id": letter.message_id,
            "reason_code": letter.reason_code,
            "letter_correlation_id": letter.correlation_id,
            "age_seconds": letter.age_seconds,
            "by": by,
        },
    )


class _Lazy:
    """A value that is made at its first use, by a function that remembers it."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Any:
        return getattr(self._make(), name)


def _built_in_strategies() -> Any:
    """`ports.strategies.StrategyCode`; numpy comes with it."""
    from candlecast.adapters.strategy_code import BuiltInStrategies

    return BuiltInStrategies()


def _consumer[M](
    kind: type[M],
    queue: str,
    function_name: str,
    urls: tuple[str, str],
    use_case: Callable[[M], object],
    *,
    fifo: bool = False,
) -> QueueConsumer[M]:
    """The consumer of a queue by name; `urls` are those of the queue and of its dead letters."""
    from candlecast.adapters.codec import message_from_json
    from candlecast.adapters.sqs.received_messages import SqsReceivedMessages
    from candlecast.runtime.batch import QueueConsumer, correlation_id_of

    return QueueConsumer(
        decode=partial(message_from_json, kind),
        use_case=use_case,
        correlation_id=correlation_id_of,
        messages=SqsReceivedMessages(_aws("sqs"), *urls),
        metrics=EmfMetrics(),
        function_name=function_name,
        max_receives=MAX_RECEIVES[queue],
        needed_milliseconds=NEEDED_MILLISECONDS[queue],
        fifo=fifo,
    )


def _market_data(known: settings.SignalFanoutSettings) -> GuardedMarketData:
    """Public data of the venues; ccxt is imported only when a signal comes without a price, or a limit needs a quote."""
    from candlecast.adapters.ccxt.market_data import CcxtMarketData
    from candlecast.services.venue.guard_venue import GuardedMarketData

    return GuardedMarketData(CcxtMarketData(_templates(known)), _spend(known.table_name, known.egress_address))


def _aws(service: str) -> Any:
    """A client that is made at its first use: a message pays for those that it needs, 10 ms each."""
    return _Lazy(partial(_aws_client, service))


@cache
def _aws_client(service: str) -> Any:
    from candlecast.adapters.aws.clients import aws_client

    return aws_client(service)


@cache
def _bulk_sender() -> Any:
    from candlecast.adapters.sqs.queues import bulk_sender

    return bulk_sender()


@cache
def _functions_client(seconds: float) -> Any:
    from candlecast.adapters.aws.clients import functions_client

    return functions_client(seconds)


@cache
def _gate(table_name: str, egress: str) -> CheckGate:
    """What every order passes last; one per environment, because it knows breakers and budgets."""
    from candlecast.adapters.dynamodb.gate import DynamoGate
    from candlecast.adapters.system import SystemClock
    from candlecast.services.venue.check_gate import CheckGate
    from candlecast.services.venue.watch_venue import WatchVenue

    gate, clock, metrics = DynamoGate(_table(table_name)), SystemClock(), EmfMetrics()
    return CheckGate(gate, WatchVenue(gate, clock, metrics), _spend(table_name, egress), clock, metrics)


@cache
def _spend(table_name: str, egress: str) -> SpendWeight:
    """Our share of what a venue allows the address that we leave by."""
    from candlecast.adapters.dynamodb.weights import DynamoWeights
    from candlecast.adapters.system import SystemClock
    from candlecast.services.venue.spend_weight import SpendWeight

    return SpendWeight(DynamoWeights(_table(table_name)), egress, SystemClock(), EmfMetrics())


@cache
def _table(name: str) -> Table:
    from candlecast.adapters.dynamodb.single_table.table import Table

    return Table(name)


@cache
def _markets(bucket: str) -> S3Markets:
    from candlecast.adapters.s3.market_catalogue import S3Markets
    from candlecast.adapters.system import SystemClock

    return S3Markets(_aws("s3"), bucket, SystemClock())


def _templates(known: settings.WithVenues) -> Templates:
    from candlecast.adapters.ccxt.clients import Templates

    venues: Mapping[str, tuple[str, str | None]] = {n: (v.ccxt_class, v.base_url) for n, v in known.venues.items()}
    return Templates(venues, _markets(known.markets_bucket).all)
