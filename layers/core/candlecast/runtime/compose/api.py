"""Everything that people do."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from candlecast.adapters.aws.clients import functions_client
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
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.adapters.dynamodb.subscriptions import DynamoSubscriptionStore
from candlecast.adapters.probes import QueueProbe, TableProbe
from candlecast.adapters.s3.market_catalogue import S3Markets
from candlecast.adapters.sqs.queues import SqsTradeQueue
from candlecast.adapters.system import RandomIdentifiers, SystemClock
from candlecast.ports.api_services import ApiServices
from candlecast.runtime.compose.clients import Lazy, aws
from candlecast.runtime.compose.start import once
from candlecast.runtime.observe import EmfMetrics
from candlecast.runtime.settings import ApiSettings

SECONDS_TO_START = 6.0  # a cold start, and the way there and back
DEAD_LETTERS_SECONDS = 20.0  # for one question of the API, which itself has 29


@once
def build() -> ApiServices:
    """Everything that the API works with."""
    known, clock, sqs = ApiSettings.read(), SystemClock(), aws("sqs")
    table = Table(known.table_name)
    secrets = SecretsManagerWriter(aws("secretsmanager"), known.secret_prefix, known.kms_key_id)
    patient = cache(partial(functions_client, DEAD_LETTERS_SECONDS + SECONDS_TO_START))
    code: Any = Lazy(_built_in_strategies)
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
        markets=S3Markets(aws("s3"), known.markets_bucket, clock),
        code=code,
        trade_queue=SqsTradeQueue(sqs, known.trade_queue_url),
        credentials=secrets,
        source_secrets=secrets,
        dead_letters=FunctionDeadLetters(patient, known.dead_letters_function, DEAD_LETTERS_SECONDS),
        kill_switches=DynamoGate(table),
        clock=clock,
        identifiers=RandomIdentifiers(),
        metrics=EmfMetrics(),
        probes={"table": TableProbe(table), "trade_queue": QueueProbe(sqs, known.trade_queue_url)},
        venues=frozenset(known.venues),
        tenant_claim=known.tenant_claim,
        roles_claim=known.roles_claim,
    )


def _built_in_strategies() -> Any:
    """`ports.strategies.StrategyCode`; imported at its first use, because numpy comes with it and few requests need it."""
    from candlecast.adapters.strategy_code import BuiltInStrategies

    return BuiltInStrategies()
