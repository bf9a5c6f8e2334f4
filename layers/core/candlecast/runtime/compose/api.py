"""The parts of the API's use cases, one provider each.

A provider is a dependency of FastAPI. The use cases of a resource ask for providers when its routes are called, so a request pays
only for its own needs. A part that was made serves all later requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial, wraps
from typing import TYPE_CHECKING, Any

from candlecast.adapters.aws.clients import functions_client, links_client
from candlecast.adapters.aws.dead_letters_function import FunctionDeadLetters
from candlecast.adapters.aws.quotes_function import FunctionQuotes
from candlecast.adapters.aws.secrets import SecretsManagerCursorKey, SecretsManagerWriter
from candlecast.adapters.dynamodb.accounts import DynamoAccountStore
from candlecast.adapters.dynamodb.approvals import DynamoApprovalStore
from candlecast.adapters.dynamodb.backtests import DynamoBacktestStore
from candlecast.adapters.dynamodb.clock_registry import DynamoClockRegistry
from candlecast.adapters.dynamodb.decisions import DynamoDecisions
from candlecast.adapters.dynamodb.deployment_pauses import DynamoDeploymentPauses
from candlecast.adapters.dynamodb.executions import DynamoExecutionStore
from candlecast.adapters.dynamodb.firings import DynamoFirings
from candlecast.adapters.dynamodb.gate import DynamoGate
from candlecast.adapters.dynamodb.health import DynamoHealth
from candlecast.adapters.dynamodb.history import DynamoHistory
from candlecast.adapters.dynamodb.limits import DynamoLimitStore
from candlecast.adapters.dynamodb.listings import DynamoListingStore
from candlecast.adapters.dynamodb.live import DynamoLive
from candlecast.adapters.dynamodb.looks import DynamoLooks
from candlecast.adapters.dynamodb.parity_days import DynamoParityStore
from candlecast.adapters.dynamodb.pools import DynamoPoolStore
from candlecast.adapters.dynamodb.prices import DynamoPriceStore
from candlecast.adapters.dynamodb.requests import DynamoKeptRequests, DynamoRequestCounts
from candlecast.adapters.dynamodb.signals import DynamoSignalStore
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.dynamodb.source_use import DynamoSourceUse
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.adapters.dynamodb.subscriptions import DynamoSubscriptionStore
from candlecast.adapters.dynamodb.totals import DynamoResultSums
from candlecast.adapters.dynamodb.verdicts import DynamoVerdictStore
from candlecast.adapters.s3.backtest_results import S3BacktestResults
from candlecast.adapters.s3.market_catalogue import S3Markets
from candlecast.adapters.s3.strategy_code import S3CodeStore
from candlecast.adapters.sqs.queues import (
    SqsBacktestQueue,
    SqsParityQueue,
    SqsReconcileQueue,
    SqsSignalQueue,
    SqsTradeQueue,
    SqsVettingQueue,
)
from candlecast.adapters.system import RandomIdentifiers, SystemClock
from candlecast.runtime.compose.clients import aws, lazy
from candlecast.runtime.compose.start import once
from candlecast.runtime.observe import EmfMetrics
from candlecast.runtime.settings import ApiSettings
from candlecast.services.people.admit_requests import AdmitRequests
from candlecast.services.reconcile.ask_for_looks import AskForLooks

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from candlecast.adapters.strategy_code import BuiltInStrategies
    from candlecast.ports.approvals import ApprovalStore
    from candlecast.ports.backtests import BacktestResults, BacktestStore
    from candlecast.ports.clock import Clock, Identifiers, Metrics
    from candlecast.ports.clock_registry import ClockRegistry
    from candlecast.ports.code_checks import BuiltInCode, CodeChecks
    from candlecast.ports.code_store import CodeStore
    from candlecast.ports.dead_letters import DeadLetters
    from candlecast.ports.decisions import Decisions
    from candlecast.ports.firings import FiringStore
    from candlecast.ports.gate import DeploymentPauses, KillSwitchStore
    from candlecast.ports.health import HealthStore
    from candlecast.ports.limits import LimitStore
    from candlecast.ports.listings import ListingStore
    from candlecast.ports.live import TicketStore
    from candlecast.ports.parity import ParityStore
    from candlecast.ports.pool import PoolStore
    from candlecast.ports.queue import BacktestQueue, ParityQueue, ReconcileQueue, SignalQueue, TradeQueue, VettingQueue
    from candlecast.ports.requests import KeptRequests
    from candlecast.ports.sources import SourceUse
    from candlecast.ports.store import (
        AccountStore,
        ExecutionStore,
        History,
        PriceStore,
        SignalStore,
        StrategyStore,
        SubscriptionStore,
    )
    from candlecast.ports.strategies import StrategyCode
    from candlecast.ports.totals import ResultSums
    from candlecast.ports.vault import CredentialWriter, CursorKey, SourceSecretWriter
    from candlecast.ports.venue import Markets, Quotes
    from candlecast.ports.verdicts import VerdictStore

SECONDS_TO_START = 6.0  # a cold start, and the way there and back
CHECK_SECONDS = 27.0  # candles and three runs of a sandbox, within the API's 29
QUOTE_SECONDS = 15.0  # a cold start with ccxt and two requests to the venue, well within the API's 29
DEAD_LETTERS_SECONDS = 20.0  # for one question of the API, which itself has 29


@dataclass(frozen=True, slots=True)
class IdentityClaims:
    """Names of the token's claims: `tenant` holds whose things are read and written, `roles` what else the caller may do."""

    tenant: str = "sub"
    roles: str = "cognito:groups"


@dataclass(frozen=True, slots=True)
class Environment:
    """The base of all providers: the settings, the table, the clock."""

    known: ApiSettings
    table: Table
    clock: SystemClock


@once
def build() -> Environment:
    """Read the settings and connect. The handler does so first: a missing setting is the invocation's failure, no answer."""
    known = ApiSettings.read()
    return Environment(known, Table(known.table_name, generation=known.table_generation), SystemClock())


def provider[T](make: Callable[[], T]) -> Callable[[], Coroutine[Any, Any, T]]:
    """Let `make` run at the first request that needs it. Asynchronous: FastAPI awaits it in place, and not in a thread."""
    made = cache(make)

    @wraps(make)
    async def provided() -> T:
        return made()

    return provided


@provider
def accounts() -> AccountStore:
    return DynamoAccountStore(build().table, build().clock)


@provider
def strategies() -> StrategyStore:
    return DynamoStrategyStore(build().table)


@provider
def listings() -> ListingStore:
    return DynamoListingStore(build().table)


@provider
def kept_requests() -> KeptRequests:
    return DynamoKeptRequests(build().table)


@provider
def admit_requests() -> AdmitRequests:
    """One for an environment, since the use case remembers its chunks."""
    return AdmitRequests(DynamoRequestCounts(build().table), build().clock)


@provider
def clock_registry() -> ClockRegistry:
    return DynamoClockRegistry(build().table)


@provider
def firings() -> FiringStore:
    return DynamoFirings(build().table)


@provider
def source_use() -> SourceUse:
    return DynamoSourceUse(build().table)


@provider
def subscriptions() -> SubscriptionStore:
    return DynamoSubscriptionStore(build().table, build().clock)


@provider
def executions() -> ExecutionStore:
    return DynamoExecutionStore(build().table)


@provider
def signals() -> SignalStore:
    return DynamoSignalStore(build().table)


@provider
def verdicts() -> VerdictStore:
    return DynamoVerdictStore(build().table)


@provider
def history() -> History:
    return DynamoHistory(build().table)


@provider
def result_sums() -> ResultSums:
    return DynamoResultSums(build().table)


@provider
def prices() -> PriceStore:
    return DynamoPriceStore(build().table)


@provider
def limits() -> LimitStore:
    return DynamoLimitStore(build().table)


@provider
def pools() -> PoolStore:
    return DynamoPoolStore(build().table, build().clock)


@provider
def decisions() -> Decisions:
    return DynamoDecisions(build().table)


@provider
def kill_switches() -> KillSwitchStore:
    return DynamoGate(build().table)


@provider
def deployment_pauses() -> DeploymentPauses:
    return DynamoDeploymentPauses(build().table)


@provider
def approvals() -> ApprovalStore:
    return DynamoApprovalStore(build().table)


@provider
def backtests() -> BacktestStore:
    return DynamoBacktestStore(build().table)


@provider
def backtest_queue() -> BacktestQueue:
    return SqsBacktestQueue(aws("sqs"), build().known.backtest_queue_url)


@provider
def backtest_results() -> BacktestResults:
    return S3BacktestResults(lazy(links_client), build().known.results_bucket)


@provider
def parity_days() -> ParityStore:
    return DynamoParityStore(build().table)


@provider
def parity_queue() -> ParityQueue:
    return SqsParityQueue(aws("sqs"), build().known.parity_queue_url)


@provider
def tickets() -> TicketStore:
    return DynamoLive(build().table)


@provider
def live_url() -> str:
    return build().known.live_url


@provider
def markets() -> Markets:
    return S3Markets(aws("s3"), build().known.markets_bucket, build().clock)


@provider
def code() -> StrategyCode:
    """Imported at its first use, because numpy comes with it and few requests need it."""
    return lazy(_built_in_strategies)


@provider
def built_in_code() -> BuiltInCode:
    """Imported at its first use, as `code`."""
    return lazy(_built_in_strategies)


@provider
def code_store() -> CodeStore:
    return S3CodeStore(aws("s3"), build().known.code_bucket)


@provider
def code_checks() -> CodeChecks:
    """Imported at its first use, because the lint comes with it and only uploads need it."""
    return lazy(_function_code_checks)


@provider
def signal_queue() -> SignalQueue:
    return SqsSignalQueue(aws("sqs"), build().known.signal_queue_url)


@provider
def trade_queue() -> TradeQueue:
    return SqsTradeQueue(aws("sqs"), build().known.trade_queue_url)


@provider
def vetting_queue() -> VettingQueue:
    return SqsVettingQueue(aws("sqs"), build().known.vetting_queue_url)


@provider
def awaited_looks() -> ReconcileQueue:
    """Looks that a person waits for. A request that was to be delivered by now counts as done: it may have read before."""
    known, clock = build().known, build().clock
    queue = SqsReconcileQueue(aws("sqs"), known.awaited_look_queue_url)
    return AskForLooks(DynamoLooks(build().table), queue, queue, clock, EmfMetrics(), renews=True)


@provider
def credentials() -> CredentialWriter:
    return _secrets()


@provider
def source_secrets() -> SourceSecretWriter:
    return _secrets()


@provider
def cursor_key() -> CursorKey:
    return SecretsManagerCursorKey(aws("secretsmanager"), build().known.cursor_secret_id, build().clock)


@provider
def dead_letters() -> DeadLetters:
    client = cache(partial(functions_client, DEAD_LETTERS_SECONDS + SECONDS_TO_START))
    return FunctionDeadLetters(client, build().known.dead_letters_function, DEAD_LETTERS_SECONDS)


@provider
def quotes() -> Quotes:
    return FunctionQuotes(cache(partial(functions_client, QUOTE_SECONDS)), build().known.quotes_function)


@provider
def health() -> HealthStore:
    return DynamoHealth(build().table)


@provider
def clock() -> Clock:
    return build().clock


@provider
def identifiers() -> Identifiers:
    return RandomIdentifiers()


@provider
def metrics() -> Metrics:
    return EmfMetrics()


@provider
def venues() -> frozenset[str]:
    """Names of the venues of this deployment."""
    return frozenset(build().known.venues)


@provider
def table_generation() -> int:
    """The generation of the table, which a restore raises."""
    return build().known.table_generation


@provider
def operators_to_lift() -> int:
    """How many operators an act needs that takes a protection away."""
    return build().known.operators_to_lift


@provider
def identity_claims() -> IdentityClaims:
    return IdentityClaims(build().known.tenant_claim, build().known.roles_claim)


def _secrets() -> SecretsManagerWriter:
    return SecretsManagerWriter(aws("secretsmanager"), build().known.secret_prefix, build().known.kms_key_id)


def _function_code_checks() -> CodeChecks:
    from candlecast.adapters.aws.validator_function import FunctionCodeChecks

    return FunctionCodeChecks(cache(partial(functions_client, CHECK_SECONDS)), build().known.validator_function)


def _built_in_strategies() -> BuiltInStrategies:
    from candlecast.adapters.strategy_code import BuiltInStrategies

    return BuiltInStrategies()
