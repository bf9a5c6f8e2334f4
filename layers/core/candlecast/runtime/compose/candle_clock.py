"""Schedule to candle messages."""

from __future__ import annotations

from candlecast.adapters.dynamodb.firings import DynamoFirings
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.adapters.sqs.queues import SqsCandleQueue
from candlecast.adapters.system import SystemClock
from candlecast.runtime.compose.clients import aws
from candlecast.runtime.compose.start import once
from candlecast.runtime.observe import EmfMetrics
from candlecast.runtime.settings import CandleClockSettings
from candlecast.services.market.announce_candles import AnnounceCandles


@once
def build() -> AnnounceCandles:
    """Announce candles on the queues of the environment."""
    known = CandleClockSettings.read()
    table = Table(known.table_name, generation=known.table_generation)
    markets, uploads = (SqsCandleQueue(aws("sqs"), url) for url in (known.candle_queue_url, known.uploaded_candle_queue_url))
    return AnnounceCandles(DynamoStrategyStore(table), markets, uploads, DynamoFirings(table), SystemClock(), EmfMetrics())
