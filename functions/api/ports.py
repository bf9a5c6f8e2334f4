"""The ports that routes and use cases of the API may ask for, as `Annotated` dependencies."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

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
from candlecast.ports.vault import CredentialWriter, SourceSecretWriter
from candlecast.ports.venue import Markets, Quotes
from candlecast.ports.verdicts import VerdictStore
from candlecast.runtime.compose import api

AccountsDep = Annotated[AccountStore, Depends(api.accounts)]
StrategiesDep = Annotated[StrategyStore, Depends(api.strategies)]
KeptRequestsDep = Annotated[KeptRequests, Depends(api.kept_requests)]
ListingsDep = Annotated[ListingStore, Depends(api.listings)]
ClockRegistryDep = Annotated[ClockRegistry, Depends(api.clock_registry)]
FiringsDep = Annotated[FiringStore, Depends(api.firings)]
SubscriptionsDep = Annotated[SubscriptionStore, Depends(api.subscriptions)]
ExecutionsDep = Annotated[ExecutionStore, Depends(api.executions)]
SignalsDep = Annotated[SignalStore, Depends(api.signals)]
VerdictsDep = Annotated[VerdictStore, Depends(api.verdicts)]
HistoryDep = Annotated[History, Depends(api.history)]
ResultSumsDep = Annotated[ResultSums, Depends(api.result_sums)]
PricesDep = Annotated[PriceStore, Depends(api.prices)]
LimitStoreDep = Annotated[LimitStore, Depends(api.limits)]
PoolsDep = Annotated[PoolStore, Depends(api.pools)]
DecisionsDep = Annotated[Decisions, Depends(api.decisions)]
KillSwitchesDep = Annotated[KillSwitchStore, Depends(api.kill_switches)]
DeploymentPausesDep = Annotated[DeploymentPauses, Depends(api.deployment_pauses)]
QuotesDep = Annotated[Quotes, Depends(api.quotes)]
ApprovalsDep = Annotated[ApprovalStore, Depends(api.approvals)]
BacktestsDep = Annotated[BacktestStore, Depends(api.backtests)]
BacktestQueueDep = Annotated[BacktestQueue, Depends(api.backtest_queue)]
BacktestResultsDep = Annotated[BacktestResults, Depends(api.backtest_results)]
ParityDaysDep = Annotated[ParityStore, Depends(api.parity_days)]
ParityQueueDep = Annotated[ParityQueue, Depends(api.parity_queue)]
MarketsDep = Annotated[Markets, Depends(api.markets)]
StrategyCodeDep = Annotated[StrategyCode, Depends(api.code)]
BuiltInCodeDep = Annotated[BuiltInCode, Depends(api.built_in_code)]
CodeStoreDep = Annotated[CodeStore, Depends(api.code_store)]
CodeChecksDep = Annotated[CodeChecks, Depends(api.code_checks)]
SignalQueueDep = Annotated[SignalQueue, Depends(api.signal_queue)]
TradeQueueDep = Annotated[TradeQueue, Depends(api.trade_queue)]
VettingQueueDep = Annotated[VettingQueue, Depends(api.vetting_queue)]
AwaitedLooksDep = Annotated[ReconcileQueue, Depends(api.awaited_looks)]
CredentialsDep = Annotated[CredentialWriter, Depends(api.credentials)]
SourceSecretsDep = Annotated[SourceSecretWriter, Depends(api.source_secrets)]
SourceUseDep = Annotated[SourceUse, Depends(api.source_use)]
DeadLettersDep = Annotated[DeadLetters, Depends(api.dead_letters)]
HealthDep = Annotated[HealthStore, Depends(api.health)]
ClockDep = Annotated[Clock, Depends(api.clock)]
IdentifiersDep = Annotated[Identifiers, Depends(api.identifiers)]
TicketsDep = Annotated[TicketStore, Depends(api.tickets)]
LiveUrlDep = Annotated[str, Depends(api.live_url)]
MetricsDep = Annotated[Metrics, Depends(api.metrics)]
VenuesDep = Annotated[frozenset[str], Depends(api.venues)]
TableGenerationDep = Annotated[int, Depends(api.table_generation)]
OperatorsToLiftDep = Annotated[int, Depends(api.operators_to_lift)]
