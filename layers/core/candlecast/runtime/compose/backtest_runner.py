"""Task to result."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

from candlecast.adapters.aws.clients import functions_client
from candlecast.adapters.aws.sandbox_function import ANSWER_SECONDS, SandboxFunction
from candlecast.adapters.backtest_engine import LiveCodeEngine
from candlecast.adapters.ccxt.clients import Templates
from candlecast.adapters.ccxt.market_data import CcxtMarketData
from candlecast.adapters.codec import outline_from_json
from candlecast.adapters.dynamodb.backtests import DynamoBacktestStore
from candlecast.adapters.dynamodb.listings import DynamoListingStore
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.adapters.dynamodb.weights import DynamoWeights
from candlecast.adapters.s3.backtest_results import S3BacktestResults
from candlecast.adapters.s3.candle_history import S3CandleHistory
from candlecast.adapters.s3.market_catalogue import S3Markets
from candlecast.adapters.s3.strategy_code import S3CodeStore
from candlecast.adapters.system import RandomIdentifiers, SystemClock
from candlecast.adapters.uploaded_code import RUN_SECONDS
from candlecast.domain.signals.messages import BacktestTask
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.venue.weight_budget import RequestClass
from candlecast.runtime.batch import QueueConsumer
from candlecast.runtime.compose.clients import aws
from candlecast.runtime.compose.consumer import queue_consumer
from candlecast.runtime.compose.start import once
from candlecast.runtime.observe import EmfMetrics
from candlecast.runtime.settings import BacktestRunnerSettings
from candlecast.services.backtests.end_dead_backtest import EndDeadBacktest
from candlecast.services.backtests.read_inputs import ReadInputs
from candlecast.services.backtests.run_backtest import RunBacktest
from candlecast.services.backtests.run_sweep_part import RunSweepPart
from candlecast.services.backtests.try_listed import TryListed
from candlecast.services.market.read_funding import ReadFunding
from candlecast.services.market.read_history import ReadHistory
from candlecast.services.venue.guard_venue import GuardedMarketData
from candlecast.services.venue.spend_weight import SpendWeight


@once
def build() -> QueueConsumer[BacktestTask]:
    """Compute the backtest of each task. Missing candles cost a share of their own, so no live run waits for them."""
    known, clock, metrics = BacktestRunnerSettings.read(), SystemClock(), EmfMetrics()
    table, markets = Table(known.table_name, generation=known.table_generation), S3Markets(aws("s3"), known.markets_bucket, clock)
    spend = SpendWeight(DynamoWeights(table), known.egress_address, clock, metrics)
    market_data = GuardedMarketData(CcxtMarketData(Templates(known.ccxt_venues(), markets.all)), spend, RequestClass.PAST)
    functions = cache(partial(functions_client, RUN_SECONDS + ANSWER_SECONDS))
    backtests, history = DynamoBacktestStore(table), S3CandleHistory(aws("s3"), known.markets_bucket)
    code, sandbox = S3CodeStore(aws("s3"), known.code_bucket), SandboxFunction(functions, known.sandbox_function, clock, metrics)
    engine, results = LiveCodeEngine(code, sandbox), S3BacktestResults(aws("s3"), known.results_bucket)
    inputs = ReadInputs(
        strategies=DynamoStrategyStore(table),
        markets=markets,
        history=ReadHistory(history, market_data, clock, metrics),
        funding=ReadFunding(history, market_data, clock, metrics),
        engine=engine,
    )
    run = RunBacktest(backtests=backtests, inputs=inputs, engine=engine, results=results, clock=clock, metrics=metrics)

    @cache
    def sweeps() -> RunSweepPart:
        from candlecast.adapters.sweep_engine import LiveCodeSweep  # a start does not pay for it

        return RunSweepPart(
            backtests=backtests,
            inputs=inputs,
            engine=LiveCodeSweep(code, sandbox),
            parts=results,
            results=results,
            clock=clock,
            metrics=metrics,
        )

    listed = TryListed(
        strategies=DynamoStrategyStore(table),
        inputs=inputs,
        engine=engine,
        listings=DynamoListingStore(table),
        clock=clock,
        metrics=metrics,
    )
    end = EndDeadBacktest(backtests, clock)
    urls = known.backtest_queue_url, known.backtest_dead_letters_url
    computed = partial(_run, run, sweeps, listed, RandomIdentifiers())
    return queue_consumer(BacktestTask, "backtest", "backtest_runner", urls, computed, record_dead=partial(_end, end))


def _run(
    run: RunBacktest, sweeps: Callable[[], RunSweepPart], listed: TryListed, worker: RandomIdentifiers, task: BacktestTask
) -> None:
    if task.card_of is not None:
        listed(task.card_of)
    elif task.part is None:
        run(task, worker.new())
    else:
        sweeps()(task, task.part)


def _end(end: EndDeadBacktest, body: str, code: str) -> None:
    try:
        task = outline_from_json(BacktestTask, body)
    except InvalidValue:
        return  # nobody can be told
    end(task, code)
