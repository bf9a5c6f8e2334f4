"""Day to result: the runs of a strategy compared with a backtest."""

from __future__ import annotations

from functools import cache, partial

from candlecast.adapters.aws.clients import functions_client
from candlecast.adapters.aws.sandbox_function import ANSWER_SECONDS, SandboxFunction
from candlecast.adapters.ccxt.clients import Templates
from candlecast.adapters.ccxt.market_data import CcxtMarketData
from candlecast.adapters.dynamodb.executions import DynamoExecutionStore
from candlecast.adapters.dynamodb.firings import DynamoFirings
from candlecast.adapters.dynamodb.listings import DynamoListingStore
from candlecast.adapters.dynamodb.parity_days import DynamoParityStore
from candlecast.adapters.dynamodb.ranks import RankRows
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.adapters.dynamodb.subscriptions import DynamoSubscriptionStore
from candlecast.adapters.dynamodb.weights import DynamoWeights
from candlecast.adapters.s3.candle_history import S3CandleHistory
from candlecast.adapters.s3.market_catalogue import S3Markets
from candlecast.adapters.s3.strategy_code import S3CodeStore
from candlecast.adapters.sqs.queues import SqsParityQueue
from candlecast.adapters.strategy_code import BuiltInStrategies
from candlecast.adapters.system import SystemClock
from candlecast.adapters.uploaded_strategies import StrategiesByKind, UploadedStrategies
from candlecast.adapters.whole_frames import FRAME_SECONDS, WholeFrames
from candlecast.domain.signals.messages import ParityTask
from candlecast.domain.strategies.definition import StrategyKind
from candlecast.domain.venue.weight_budget import RequestClass
from candlecast.runtime.batch import QueueConsumer
from candlecast.runtime.compose.clients import aws
from candlecast.runtime.compose.consumer import queue_consumer
from candlecast.runtime.compose.start import once
from candlecast.runtime.observe import EmfMetrics, logger
from candlecast.runtime.settings import ParityCheckerSettings
from candlecast.services.market.read_history import ReadHistory
from candlecast.services.parity.ask_daily import AskParityDaily
from candlecast.services.parity.check_parity import CheckParity
from candlecast.services.venue.guard_venue import GuardedMarketData
from candlecast.services.venue.spend_weight import SpendWeight

SANDBOX_LANES = 2  # runs of uploaded code at once: live candles need the sandbox's places


@once
def build() -> QueueConsumer[ParityTask]:
    """Compare the day of each task. Missing candles cost a share of their own, so no live run waits for them."""
    known, clock, metrics = ParityCheckerSettings.read(), SystemClock(), EmfMetrics()
    table, markets = Table(known.table_name, generation=known.table_generation), S3Markets(aws("s3"), known.markets_bucket, clock)
    spend = SpendWeight(DynamoWeights(table), known.egress_address, clock, metrics)
    market_data = GuardedMarketData(CcxtMarketData(Templates(known.ccxt_venues(), markets.all)), spend, RequestClass.PAST)
    functions = cache(partial(functions_client, FRAME_SECONDS + ANSWER_SECONDS))
    code, sandbox = (
        S3CodeStore(aws("s3"), known.code_bucket),
        SandboxFunction(functions, known.sandbox_function, clock, metrics, SANDBOX_LANES),
    )
    check = CheckParity(
        strategies=DynamoStrategyStore(table),
        subscriptions=DynamoSubscriptionStore(table, clock),
        executions=DynamoExecutionStore(table),
        days=DynamoParityStore(table),
        listings=DynamoListingStore(table),
        fills=RankRows(table),
        markets=markets,
        code=StrategiesByKind(
            {StrategyKind.BUILT_IN: BuiltInStrategies(), StrategyKind.UPLOADED: UploadedStrategies(code, sandbox)}
        ),
        frames=WholeFrames(code, sandbox),
        read=ReadHistory(S3CandleHistory(aws("s3"), known.markets_bucket), market_data, clock, metrics),
        clock=clock,
        metrics=metrics,
    )
    urls = known.parity_queue_url, known.parity_dead_letters_url
    return queue_consumer(ParityTask, "parity", "parity_checker", urls, partial(_check, check))


def _check(check: CheckParity, task: ParityTask) -> None:
    found = check(task.strategy_id, task.day, task.asked_at)
    if found is not None and found.otherwise:
        logger.warning(
            "parity differs",
            extra={
                "strategy_id": found.strategy_id,
                "day": found.day.isoformat(),
                "otherwise": found.otherwise,
                "causes": dict(found.causes),
            },
        )


@once
def daily() -> AskParityDaily:
    """Ask for the day before, of each followed strategy."""
    known = ParityCheckerSettings.read()
    table = Table(known.table_name, generation=known.table_generation)
    queue = SqsParityQueue(aws("sqs"), known.parity_queue_url)
    return AskParityDaily(DynamoStrategyStore(table), queue, DynamoFirings(table), SystemClock())
