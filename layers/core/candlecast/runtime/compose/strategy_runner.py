"""Candle to signal."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache, lru_cache, partial

from candlecast.adapters.aws.clients import functions_client
from candlecast.adapters.aws.sandbox_function import ANSWER_SECONDS, SandboxFunction
from candlecast.adapters.ccxt.clients import Templates
from candlecast.adapters.ccxt.market_data import CcxtMarketData
from candlecast.adapters.dynamodb.executions import DynamoExecutionStore
from candlecast.adapters.dynamodb.prices import DynamoPriceStore
from candlecast.adapters.dynamodb.signals import DynamoSignalStore
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.adapters.dynamodb.weights import DynamoWeights
from candlecast.adapters.s3.market_catalogue import S3Markets
from candlecast.adapters.s3.strategy_code import S3CodeStore
from candlecast.adapters.sqs.queues import SqsSignalQueue
from candlecast.adapters.strategy_code import BuiltInStrategies
from candlecast.adapters.system import RandomIdentifiers, SystemClock
from candlecast.adapters.uploaded_strategies import RUN_SECONDS, StrategiesByKind, UploadedStrategies
from candlecast.domain.signals.messages import CandleClosed
from candlecast.domain.strategies.definition import StrategyKind
from candlecast.domain.venue.weight_budget import RequestClass
from candlecast.runtime.batch import QueueConsumers
from candlecast.runtime.compose.clients import aws
from candlecast.runtime.compose.consumer import queue_consumer
from candlecast.runtime.compose.start import once
from candlecast.runtime.observe import EmfMetrics
from candlecast.runtime.settings import StrategyRunnerSettings
from candlecast.services.market.run_candle import RunCandle
from candlecast.services.signals.publish_signal import PublishSignal
from candlecast.services.venue.guard_venue import GuardedMarketData
from candlecast.services.venue.spend_weight import SpendWeight

REMEMBERED_VERSIONS = 256  # a version never changes; its parameters and schema take some kilobytes


@once
def build() -> QueueConsumers[CandleClosed]:
    """Run the strategies that are due on each candle of both queues."""
    known, clock, metrics = StrategyRunnerSettings.read(), SystemClock(), EmfMetrics()
    table, markets = Table(known.table_name, generation=known.table_generation), S3Markets(aws("s3"), known.markets_bucket, clock)
    spend = SpendWeight(DynamoWeights(table), known.egress_address, clock, metrics)
    strategies = DynamoStrategyStore(table)
    queue = SqsSignalQueue(aws("sqs"), known.signal_queue_url)
    functions = cache(partial(functions_client, RUN_SECONDS + ANSWER_SECONDS))
    sandbox = SandboxFunction(functions, known.sandbox_function, clock, metrics)
    market_data = GuardedMarketData(CcxtMarketData(Templates(known.ccxt_venues(), markets.all)), spend)
    run = RunCandle(
        strategies=strategies,
        executions=DynamoExecutionStore(table),
        prices=DynamoPriceStore(table),
        market_data=market_data,
        code=StrategiesByKind(
            {
                StrategyKind.BUILT_IN: BuiltInStrategies(),
                StrategyKind.UPLOADED: UploadedStrategies(S3CodeStore(aws("s3"), known.code_bucket), sandbox),
            }
        ),
        version_of=lru_cache(REMEMBERED_VERSIONS)(strategies.get_version),
        publish=PublishSignal(DynamoSignalStore(table), queue, clock, metrics),
        clock=clock,
        metrics=metrics,
        max_lateness=timedelta(seconds=known.max_candle_lateness_seconds),
    )
    run_upload = replace(run, market_data=replace(market_data, asks=RequestClass.UPLOADED))
    worker = RandomIdentifiers()
    queues = {
        "candle": (known.candle_queue_url, known.candle_dead_letters_url, run),
        "uploaded-candle": (known.uploaded_candle_queue_url, known.uploaded_candle_dead_letters_url, run_upload),
    }
    return QueueConsumers(
        {
            own.rpartition("/")[2]: queue_consumer(
                CandleClosed, queue, "strategy_runner", (own, dead), partial(_run, each, worker)
            )
            for queue, (own, dead, each) in queues.items()
        }
    )


def _run(run: RunCandle, worker: RandomIdentifiers, message: CandleClosed) -> None:
    run(message, worker.new())
