"""Uploaded code to its check."""

from __future__ import annotations

from functools import cache, partial

from candlecast.adapters.aws.clients import functions_client
from candlecast.adapters.aws.sandbox_function import ANSWER_SECONDS, SandboxFunction
from candlecast.adapters.ccxt.clients import Templates
from candlecast.adapters.ccxt.market_data import CcxtMarketData
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.dynamodb.weights import DynamoWeights
from candlecast.adapters.s3.candle_history import S3CandleHistory
from candlecast.adapters.s3.market_catalogue import S3Markets
from candlecast.adapters.sandbox_checks import CHECK_SECONDS, SandboxChecks
from candlecast.adapters.system import SystemClock
from candlecast.domain.venue.weight_budget import RequestClass
from candlecast.runtime.compose.clients import aws
from candlecast.runtime.compose.start import once
from candlecast.runtime.observe import EmfMetrics
from candlecast.runtime.settings import StrategyValidatorSettings
from candlecast.services.market.read_history import ReadHistory
from candlecast.services.strategies.check_code import CheckCode
from candlecast.services.venue.guard_venue import GuardedMarketData
from candlecast.services.venue.spend_weight import SpendWeight


@once
def build() -> CheckCode:
    """Check code on the venues of the environment, in its sandbox."""
    known, clock, metrics = StrategyValidatorSettings.read(), SystemClock(), EmfMetrics()
    table, markets = Table(known.table_name, generation=known.table_generation), S3Markets(aws("s3"), known.markets_bucket, clock)
    spend = SpendWeight(DynamoWeights(table), known.egress_address, clock, metrics)
    functions = cache(partial(functions_client, CHECK_SECONDS + ANSWER_SECONDS))
    market_data = GuardedMarketData(CcxtMarketData(Templates(known.ccxt_venues(), markets.all)), spend, RequestClass.UPLOADED)
    return CheckCode(
        sandbox=SandboxChecks(SandboxFunction(functions, known.sandbox_function, clock, metrics)),
        read=ReadHistory(S3CandleHistory(aws("s3"), known.markets_bucket), market_data, clock, metrics),
        clock=clock,
    )
