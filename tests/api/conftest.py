"""A deployment of fakes with one tenant's things in it.

Larger than a dozen because each resource has a module, and so has each property of all routes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest

from candlecast.adapters.strategy_code import BuiltInStrategies
from candlecast.domain.account.kill_switch import Grade, SwitchPlace, SwitchScope
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.people.request_rate import Quota, RequestKind
from candlecast.domain.signals.verdict import judge
from candlecast.domain.strategies.execution import ShardReport
from candlecast.domain.strategies.versions import Release
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.ports.store import LastPrice
from candlecast.runtime.compose import api
from candlecast.runtime.observe import logger
from candlecast.services.people.admit_requests import AdmitRequests
from tests.support.builders import (
    ACCOUNT,
    BTC,
    NOW,
    SOURCE,
    STRATEGY,
    SUBSCRIPTION,
    TENANT,
    a_breach,
    a_position,
    a_quote,
    a_signal_record,
    a_source,
    a_strategy,
    a_subscription,
    a_trade,
    a_version,
    an_account,
    an_execution,
    an_external_strategy,
    an_intent,
)
from tests.support.documented import undocumented
from tests.support.fakes.accounts import FakeAccountStore
from tests.support.fakes.approvals import FakeApprovalStore, an_approval
from tests.support.fakes.backtests import FakeBacktestStore, FakeResults, a_backtest, a_summary
from tests.support.fakes.clock import FakeClock, RecordingMetrics, SequentialIdentifiers
from tests.support.fakes.code import FakeCodeChecks, FakeCodeStore
from tests.support.fakes.dead_letters import FakeDeadLetters, a_dead_letter
from tests.support.fakes.decisions import FakeDecisions
from tests.support.fakes.executions import FakeExecutionStore
from tests.support.fakes.firings import FakeFirings
from tests.support.fakes.gate import FakeGate, a_switch
from tests.support.fakes.health import FakeHealthStore, a_health
from tests.support.fakes.history import FakeHistory, FakePriceStore, FakeResultSums
from tests.support.fakes.limits import FakeLimitStore
from tests.support.fakes.listings import FakeClockRegistry, FakeListingStore
from tests.support.fakes.live import FakeLive
from tests.support.fakes.market_data import FakeMarketData, FakeMarkets
from tests.support.fakes.parity import FakeParityStore
from tests.support.fakes.pools import FakePoolStore
from tests.support.fakes.queues import (
    FakeBacktestQueue,
    FakeParityQueue,
    FakeReconcileQueue,
    FakeSignalQueue,
    FakeTradeQueue,
    FakeVettingQueue,
)
from tests.support.fakes.requests import FakeKeptRequests, FakeRequestCounts
from tests.support.fakes.signals import FakeSignalStore
from tests.support.fakes.source_use import FakeSourceUse
from tests.support.fakes.store import FakeDatabase
from tests.support.fakes.strategies import FakeStrategyStore
from tests.support.fakes.subscriptions import FakeSubscriptionStore
from tests.support.fakes.vault import FakeCursorKey, FakeVault
from tests.support.fakes.verdicts import FakeVerdictStore
from tests.support.gateway import Answer, Client, Providers

EXTERNAL = "external-1"
MANY_REQUESTS = dict.fromkeys(RequestKind, Quota(requests=1_000_000, chunk=1_000_000))  # time stands still in tests
ORDER = an_intent().intent_id


def giving(fake: object) -> Callable[[], Coroutine[Any, Any, object]]:
    """A provider of the fake."""

    async def provided() -> object:
        return fake

    return provided


@dataclass
class Deployment:
    """Fakes over one database, with a client for each kind of caller."""

    database: FakeDatabase = field(default_factory=FakeDatabase)
    clock: FakeClock = field(default_factory=FakeClock)
    vault: FakeVault = field(default_factory=FakeVault)
    cursor_key: FakeCursorKey = field(default_factory=FakeCursorKey)
    signal_queue: FakeSignalQueue = field(default_factory=FakeSignalQueue)
    trade_queue: FakeTradeQueue = field(default_factory=FakeTradeQueue)
    vetting_queue: FakeVettingQueue = field(default_factory=FakeVettingQueue)
    looks: FakeReconcileQueue = field(default_factory=FakeReconcileQueue)
    backtest_queue: FakeBacktestQueue = field(default_factory=FakeBacktestQueue)
    parity_queue: FakeParityQueue = field(default_factory=FakeParityQueue)
    parity_days: FakeParityStore = field(default_factory=FakeParityStore)
    backtests: FakeBacktestStore = field(default_factory=FakeBacktestStore)
    live: FakeLive = field(default_factory=FakeLive)
    kept_requests: FakeKeptRequests = field(default_factory=FakeKeptRequests)
    request_counts: FakeRequestCounts = field(default_factory=FakeRequestCounts)
    results: FakeResults = field(default_factory=FakeResults)
    health: FakeHealthStore = field(default_factory=lambda: FakeHealthStore(a_health()))
    dead_letters: FakeDeadLetters = field(default_factory=lambda: FakeDeadLetters(a_dead_letter()))
    gate: FakeGate = field(default_factory=FakeGate)
    metrics: RecordingMetrics = field(default_factory=RecordingMetrics)
    identifiers: SequentialIdentifiers = field(default_factory=SequentialIdentifiers)
    markets: FakeMarkets = field(default_factory=FakeMarkets)
    market_data: FakeMarketData = field(default_factory=FakeMarketData)
    limits: FakeLimitStore = field(default_factory=FakeLimitStore)
    pools: FakePoolStore = field(default_factory=FakePoolStore)
    decisions: FakeDecisions = field(default_factory=FakeDecisions)
    source_use: FakeSourceUse = field(default_factory=FakeSourceUse)
    approvals: FakeApprovalStore = field(default_factory=FakeApprovalStore)
    code: FakeCodeStore = field(default_factory=FakeCodeStore)
    checks: FakeCodeChecks = field(default_factory=FakeCodeChecks)
    operators_to_lift: int = 2
    providers: Providers = field(init=False)

    def __post_init__(self) -> None:
        self.accounts = FakeAccountStore(self.database, self.clock)
        self.strategies = FakeStrategyStore(self.database)
        self.listings = FakeListingStore(self.database)
        self.firings = FakeFirings()
        self.subscriptions = FakeSubscriptionStore(self.database, self.clock)
        self.executions = FakeExecutionStore(self.database)
        self.signals = FakeSignalStore(self.database)
        self.verdicts = FakeVerdictStore(self.database)
        self.history = FakeHistory(self.database)
        self.prices = FakePriceStore(self.database)
        self.providers = {
            api.accounts: giving(self.accounts),
            api.strategies: giving(self.strategies),
            api.listings: giving(self.listings),
            api.clock_registry: giving(FakeClockRegistry(self.database)),
            api.firings: giving(self.firings),
            api.subscriptions: giving(self.subscriptions),
            api.executions: giving(self.executions),
            api.signals: giving(self.signals),
            api.verdicts: giving(self.verdicts),
            api.history: giving(self.history),
            api.result_sums: giving(FakeResultSums(self.database)),
            api.prices: giving(self.prices),
            api.limits: giving(self.limits),
            api.pools: giving(self.pools),
            api.decisions: giving(self.decisions),
            api.markets: giving(self.markets),
            api.quotes: giving(self.market_data),
            api.code: giving(BuiltInStrategies()),
            api.built_in_code: giving(BuiltInStrategies()),
            api.code_store: giving(self.code),
            api.code_checks: giving(self.checks),
            api.signal_queue: giving(self.signal_queue),
            api.trade_queue: giving(self.trade_queue),
            api.vetting_queue: giving(self.vetting_queue),
            api.awaited_looks: giving(self.looks),
            api.parity_days: giving(self.parity_days),
            api.parity_queue: giving(self.parity_queue),
            api.backtests: giving(self.backtests),
            api.backtest_queue: giving(self.backtest_queue),
            api.backtest_results: giving(self.results),
            api.admit_requests: giving(AdmitRequests(self.request_counts, self.clock, MANY_REQUESTS)),
            api.kept_requests: giving(self.kept_requests),
            api.tickets: giving(self.live),
            api.live_url: giving("wss://live.example.test/live"),
            api.credentials: giving(self.vault),
            api.source_secrets: giving(self.vault),
            api.source_use: giving(self.source_use),
            api.cursor_key: giving(self.cursor_key),
            api.dead_letters: giving(self.dead_letters),
            api.kill_switches: giving(self.gate),
            api.deployment_pauses: giving(self.gate),
            api.clock: giving(self.clock),
            api.identifiers: giving(self.identifiers),
            api.metrics: giving(self.metrics),
            api.health: giving(self.health),
            api.approvals: giving(self.approvals),
            api.operators_to_lift: giving(self.operators_to_lift),
            api.table_generation: giving(1),
            api.venues: giving(frozenset({"paper", "binanceusdm"})),
            api.identity_claims: giving(api.IdentityClaims()),
        }

    @property
    def client(self) -> Client:
        return Client(self.providers)

    @property
    def stranger(self) -> Client:
        return Client(self.providers, tenant="tenant-2")

    @property
    def admin(self) -> Client:
        return Client(self.providers, tenant="admin-1", roles="[platform_admin]")

    @property
    def second_admin(self) -> Client:
        return Client(self.providers, tenant="admin-2", roles="[platform_admin]")


@pytest.fixture(scope="session", autouse=True)
def event_loop_of_the_adapter() -> Iterator[None]:
    """The loop that the handler makes once per environment."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture(autouse=True)
def documented(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer of every test is one that the description documents."""
    plain = Client.send

    def send(client: Client, method: str, path: str, *words: Any, **options: Any) -> Answer:
        answer = plain(client, method, path, *words, **options)
        media_type = answer.headers.get("content-type", "").partition(";")[0]
        assert undocumented(method, path, answer.status, media_type, answer.text) == []
        return answer

    monkeypatch.setattr(Client, "send", send)


@pytest.fixture
def deployment() -> Deployment:
    """A deployment with nothing in it but two strategies."""
    return made_deployment()


@pytest.fixture
def populated(deployment: Deployment) -> Deployment:
    """A tenant with an account, a subscription, a filled order, a position and a trade; a strategy with a run and a signal."""
    return populate(deployment)


def made_deployment() -> Deployment:
    """As the fixture, for those who need more than one."""
    fresh = Deployment()
    fresh.strategies.create_strategy(a_strategy())
    source = a_source(SOURCE, strategy_id=EXTERNAL)
    fresh.strategies.create_strategy(an_external_strategy(EXTERNAL, source_id=SOURCE), source)
    fresh.vault.write_source(SOURCE, "first-secret", source.secret_version)
    return fresh


def populate(deployment: Deployment) -> Deployment:
    """Put the tenant and the runs of the fixture into a deployment."""
    deployment.accounts.create(an_account(subscriptions={}, reconciled_at=NOW))
    account = deployment.accounts.load("tenant-1", ACCOUNT)
    following = replace(account, subscriptions={SUBSCRIPTION: SubscriptionStatus.ACTIVE})
    deployment.subscriptions.write(a_subscription(), following, 1)
    release = Release(stable=2, released_by=TENANT, released_at=NOW)
    known = deployment.database.strategies[STRATEGY]
    deployment.database.strategies[STRATEGY] = replace(known, latest_version=2, release=release)
    deployment.database.versions[STRATEGY, 2] = a_version(2, source_hash=None)
    filled = an_intent(state=IntentState.FILLED, filled_quantity=Decimal(10), average_price=Decimal("100.1"), settled_at=NOW)
    deployment.history.put_order(filled, 1)
    deployment.history.put_order(an_intent(LegKind.STOP_LOSS, state=IntentState.OPEN), 1)
    deployment.history.put_position(a_position(), 1, NOW)
    deployment.history.put_trade(a_trade(), 1)
    deployment.decisions.put_breach(a_breach())
    deployment.decisions.put_receipt(TENANT, filled.signal_id, filled.subscription_id, '{"traded":true}', NOW)
    deployment.prices.put_price("paper", BTC, LastPrice(Decimal("101.5"), NOW))
    deployment.executions.begin(an_execution())
    deployment.signals.put_signal(a_signal_record())
    deployment.verdicts.put_verdict(judge(a_signal_record().signal, "paper", a_quote(Decimal(50)), NOW))
    report = ShardReport(shard=0, orders=1, skipped={"NO_ACCOUNT": 2})
    deployment.signals.report_shard(a_signal_record().signal.signal_id, report)
    deployment.approvals.save_approval(an_approval())
    begun = deployment.backtests.create_backtest(a_backtest()).begun("worker-1", NOW)
    deployment.backtests.save_backtest(begun.done(a_summary(), "c0de", NOW))
    own = SwitchPlace(SwitchScope.USER, "tenant-1")
    deployment.gate.save_switch(a_switch(Grade.PAUSE_ENTRIES, own, by_operations=False))
    return deployment


class Spoken:
    """Everything that was printed or logged, at any level and by anybody."""

    def __init__(self, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, stream: StringIO) -> None:
        self._capsys, self._caplog, self._stream = capsys, caplog, stream

    @property
    def text(self) -> str:
        printed = self._capsys.readouterr()
        return printed.out + printed.err + self._caplog.text + self._stream.getvalue()


@pytest.fixture
def spoken(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Spoken:
    """The structured log writes to the stream that it was made with, so that one is replaced."""
    stream = StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    caplog.set_level(0)
    return Spoken(capsys, caplog, stream)
