"""Signal shard to order messages."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from candlecast.adapters.dynamodb.attempts import DynamoAttempts
from candlecast.adapters.dynamodb.decisions import DynamoDecisions
from candlecast.adapters.dynamodb.history import DynamoHistory
from candlecast.adapters.dynamodb.limits import DynamoLimitStore
from candlecast.adapters.dynamodb.signals import DynamoSignalStore
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.dynamodb.subscriptions import DynamoSubscriptionStore
from candlecast.adapters.dynamodb.verdicts import DynamoVerdictStore
from candlecast.adapters.sqs.queues import SqsTradeQueue, bulk_sender
from candlecast.adapters.system import SystemClock
from candlecast.domain.signals.messages import SignalShard
from candlecast.runtime.batch import QueueConsumer
from candlecast.runtime.compose.clients import aws, lazy
from candlecast.runtime.compose.consumer import queue_consumer
from candlecast.runtime.compose.start import once
from candlecast.runtime.observe import EmfMetrics
from candlecast.runtime.settings import SignalFanoutSettings
from candlecast.services.limits.read_limits import ReadLimits
from candlecast.services.signals.fan_out import FanOut
from candlecast.services.signals.judge_signal import JudgeSignal

if TYPE_CHECKING:
    from candlecast.services.venue.guard_venue import GuardedMarketData


@once
def build() -> QueueConsumer[SignalShard]:
    """Send one order message for each follower in each shard of the queue."""
    known, clock, metrics = SignalFanoutSettings.read(), SystemClock(), EmfMetrics()
    table = Table(known.table_name, generation=known.table_generation)
    sender = lazy(bulk_sender)
    market_data = lazy(partial(_market_data, known, table))
    fan_out = FanOut(
        subscriptions=DynamoSubscriptionStore(table, clock),
        signals=DynamoSignalStore(table),
        history=DynamoHistory(table),
        decisions=DynamoDecisions(table),
        queue=SqsTradeQueue(sender, known.trade_queue_url),
        limits=ReadLimits(DynamoLimitStore(table), clock, metrics),
        judge=JudgeSignal(
            DynamoVerdictStore(table), lambda venue, market, at: market_data.quote(venue, market, at), clock, metrics
        ),
        clock=clock,
        metrics=metrics,
    )
    urls = known.signal_queue_url, known.signal_dead_letters_url
    return queue_consumer(SignalShard, "signal", "signal_fanout", urls, fan_out, attempts=DynamoAttempts(table, clock))


def _market_data(known: SignalFanoutSettings, table: Table) -> GuardedMarketData:
    """Public data of the venues; ccxt is imported with the first entry that has to be judged, since exits need no quote."""
    from candlecast.adapters.ccxt.clients import Templates
    from candlecast.adapters.ccxt.market_data import CcxtMarketData
    from candlecast.adapters.dynamodb.weights import DynamoWeights
    from candlecast.adapters.s3.market_catalogue import S3Markets
    from candlecast.services.venue.guard_venue import GuardedMarketData
    from candlecast.services.venue.spend_weight import SpendWeight

    clock, metrics = SystemClock(), EmfMetrics()
    markets = S3Markets(aws("s3"), known.markets_bucket, clock)
    spend = SpendWeight(DynamoWeights(table), known.egress_address, clock, metrics)
    return GuardedMarketData(CcxtMarketData(Templates(known.ccxt_venues(), markets.all)), spend)
