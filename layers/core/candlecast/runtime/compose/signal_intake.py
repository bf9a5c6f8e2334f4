"""Webhook to signal; imports neither FastAPI nor ccxt."""

from __future__ import annotations

from candlecast.adapters.aws.secrets import SecretsManagerSources
from candlecast.adapters.dynamodb.signals import DynamoSignalStore
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.dynamodb.source_use import DynamoSourceUse
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.adapters.s3.market_catalogue import S3Markets
from candlecast.adapters.sqs.queues import SqsSignalQueue
from candlecast.adapters.system import SystemClock
from candlecast.runtime.compose.clients import aws
from candlecast.runtime.compose.start import once
from candlecast.runtime.observe import EmfMetrics
from candlecast.runtime.settings import SignalIntakeSettings
from candlecast.services.signals.find_source import FindSource
from candlecast.services.signals.publish_signal import PublishSignal
from candlecast.services.signals.receive_signal import ReceiveSignal


@once
def build() -> ReceiveSignal:
    """Receive signals for the strategies of the environment's table."""
    known, clock, metrics = SignalIntakeSettings.read(), SystemClock(), EmfMetrics()
    table = Table(known.table_name, generation=known.table_generation)
    signals, strategies = DynamoSignalStore(table), DynamoStrategyStore(table)
    return ReceiveSignal(
        strategies=strategies,
        sources=FindSource(strategies),
        use=DynamoSourceUse(table),
        signals=signals,
        secrets=SecretsManagerSources(aws("secretsmanager"), known.secret_prefix),
        markets=S3Markets(aws("s3"), known.markets_bucket, clock),
        publish=PublishSignal(signals, SqsSignalQueue(aws("sqs"), known.signal_queue_url), clock, metrics),
        clock=clock,
        metrics=metrics,
    )
