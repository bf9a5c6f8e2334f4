"""The order executor as it is measured: the use case with ccxt's own class and HTTP beneath it, above one of two stores.

`in_memory` keeps the account as the row of JSON that DynamoDB holds, so the cost of AWS's client is left out. `on_table` has the
real adapters, and the SDK down to a signed request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol, cast

import ccxt
from urllib3.connectionpool import HTTPConnectionPool

from benchmarks.harness.answered_table import AnsweredTable
from candlecast.adapters.aws.secrets import SecretsManagerVault
from candlecast.adapters.ccxt.clients import Templates
from candlecast.adapters.ccxt.session import VenueSession
from candlecast.adapters.ccxt.venue import CcxtVenues
from candlecast.adapters.codec import message_from_json, to_json
from candlecast.adapters.dynamodb.accounts import DynamoAccountStore, account_item, account_of, stored_account
from candlecast.adapters.dynamodb.gate import DynamoGate
from candlecast.adapters.dynamodb.weights import DynamoWeights
from candlecast.domain.account.account import Account, Balance
from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.errors import Conflict
from candlecast.domain.values.terms import MarginMode
from candlecast.domain.venue.reports import MarketSettings
from candlecast.ports.clock import Clock
from candlecast.ports.store import AccountStore
from candlecast.ports.vault import CredentialVault
from candlecast.ports.venue import Credentials
from candlecast.services.orders.execute_order import ExecuteOrder
from candlecast.services.orders.exit_resting import ExitResting
from candlecast.services.orders.place_orders import PlaceOrders
from candlecast.services.orders.stop_resting import StopResting
from candlecast.services.venue.check_gate import CheckGate
from candlecast.services.venue.guard_venue import GuardedVenues
from candlecast.services.venue.spend_weight import SpendWeight
from candlecast.services.venue.watch_venue import WatchVenue
from tests.support.builders import ACCOUNT, BTC, NOW, TENANT, VENUE, a_market, a_signal, a_trade_order, an_account
from tests.support.fakes.accounts import FakeAccountStore
from tests.support.fakes.clock import RecordingMetrics
from tests.support.fakes.gate import EGRESS, FakeGate
from tests.support.fakes.market_data import FakeMarkets
from tests.support.fakes.pools import reserve_pool
from tests.support.fakes.queues import FakeReconcileQueue
from tests.support.fakes.vault import FakeVault

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

PRICE = Decimal(50_000)
KEYS_VERSION = "credential-version-1"


class AtVenue(Protocol):
    """Where the venue is, and an account there."""

    @property
    def base_url(self) -> str: ...

    def open_account(self) -> Credentials: ...


class RowStore(FakeAccountStore):
    """One account, kept as the item that the real store writes: decoded at every load and encoded at every save."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._now = clock.now
        self.item: dict[str, Any]

    def item_of(self, account: Account) -> dict[str, Any]:
        return account_item(account, self._now())

    def load(self, tenant_id: str, account_id: str) -> Account:
        self.loads += 1
        return account_of(self.item, tenant_id)

    def save(self, account: Account) -> Account:
        self.saves += 1
        if int(self.item["version"]["N"]) != account.version:
            raise Conflict("VERSION_CONFLICT", "the account has changed since it was read")
        self.item = self.item_of(account)
        return stored_account(account, 1)


@dataclass(slots=True, kw_only=True)
class Executor:
    """The use case, with a count of its clients' requests to the venue."""

    execute: ExecuteOrder
    template: Any
    queue: FakeReconcileQueue
    _forgotten: int = 0

    def consume(self, body: str) -> Account:
        """Execute a record's body, as the function does."""
        return self.execute(message_from_json(TradeOrder, body))

    @property
    def requests(self) -> int:
        """How many the venue was asked since they were forgotten."""
        return self._pool.num_requests - self._forgotten

    @property
    def connections(self) -> int:
        """How many were ever opened to the venue; one, as long as they are kept alive."""
        return self._pool.num_connections

    def forget(self) -> None:
        """Begin to count anew."""
        self._forgotten = self._pool.num_requests

    @property
    def _pool(self) -> HTTPConnectionPool:
        session: VenueSession = self.template.session
        return session.manager.connection_from_url(self.template.urls["api"]["fapiPrivate"])


@dataclass(slots=True, kw_only=True)
class MemoryExecutor(Executor):
    """Above a store in memory, which counts what it is asked."""

    accounts: RowStore
    gate: FakeGate

    def begin_with(self, account: Account) -> None:
        """Let this be what the store holds."""
        self.restore(self.accounts.item_of(account))

    def kept(self) -> dict[str, Any]:
        """The store's content, to be restored."""
        return self.accounts.item

    def restore(self, kept: dict[str, Any]) -> None:
        self.accounts.item = kept

    def forget(self) -> None:
        """Begin to count anew."""
        Executor.forget(self)
        self.accounts.loads = self.accounts.saves = self.gate.reads = self.gate.writes = 0
        self.gate.weights.leases = 0


@dataclass(slots=True, kw_only=True)
class TableExecutor(Executor):
    """Above the real adapters and the SDK."""

    cloud: AnsweredTable
    secrets: CountedSecrets

    def begin_with(self, account: Account) -> None:
        """Let this be what the table holds."""
        now = account.balance.as_of if account.balance else NOW
        self.cloud.hold(account_item(account, now))

    def kept(self) -> dict[Any, Any]:
        """The table's content, to be restored."""
        return dict(self.cloud.items)

    def restore(self, kept: dict[Any, Any]) -> None:
        self.cloud.written.clear()
        self.cloud.items.update(kept)

    def forget(self) -> None:
        """Begin to count anew."""
        Executor.forget(self)
        self.secrets.reads = 0
        self.queue.sent.clear()
        self.cloud.forget()


class CountedSecrets:
    """One account's keys as Secrets Manager gives them; `reads` counts requests."""

    def __init__(self, value: Mapping[str, str]) -> None:
        self._value = json.dumps(value)
        self.reads = 0

    def get_secret_value(self, **_: str) -> dict[str, str]:
        self.reads += 1
        return {"SecretString": self._value}


def in_memory(paper: AtVenue, clock: Clock) -> MemoryExecutor:
    """The executor above fakes, with an account of its own at the venue."""
    vault, accounts, gate, templates = FakeVault(), RowStore(clock), FakeGate(), templates_at(paper)
    vault.write(TENANT, ACCOUNT, paper.open_account(), KEYS_VERSION)
    metrics, queue = RecordingMetrics(), FakeReconcileQueue()
    watch, spend = WatchVenue(gate, clock, metrics), SpendWeight(gate.weights, EGRESS, clock, metrics)
    checks = CheckGate(gate, watch, spend, clock, metrics)
    execute = composed(templates, accounts, vault, checks, queue, clock)
    return MemoryExecutor(execute=execute, template=templates.of(VENUE), queue=queue, accounts=accounts, gate=gate)


def on_table(paper: AtVenue, clock: Clock) -> TableExecutor:
    """The executor as `runtime.compose.order_executor` builds it, above requests that are answered at once."""
    cloud, templates, metrics, queue = AnsweredTable(), templates_at(paper), RecordingMetrics(), FakeReconcileQueue()
    table = cloud.table()
    keys = paper.open_account()
    secrets = CountedSecrets({"api_key": keys.api_key, "api_secret": keys.api_secret})
    gate = DynamoGate(table)
    spend = SpendWeight(DynamoWeights(table), EGRESS, clock, metrics)
    checks = CheckGate(gate, WatchVenue(gate, clock, metrics), spend, clock, metrics)
    vault = SecretsManagerVault(cast("SecretsManagerClient", secrets), "candlecast/bench")
    execute = composed(templates, DynamoAccountStore(table, clock), vault, checks, queue, clock)
    return TableExecutor(
        execute=execute,
        template=templates.of(VENUE),
        queue=queue,
        cloud=cloud,
        secrets=secrets,
    )


def templates_at(paper: AtVenue) -> Templates:
    """ccxt's class of Binance, pointed at the process."""
    market = a_market()
    catalogue = {market.symbol: market}
    return Templates({VENUE: ("binanceusdm", paper.base_url)}, lambda _venue: catalogue)


def bare_client(at: AtVenue) -> Any:
    """ccxt as it comes, with an account at the process and the market known: the least cost for any user of ccxt."""
    template, keys = templates_at(at).of(VENUE), at.open_account()
    client = ccxt.binanceusdm({"apiKey": keys.api_key, "secret": keys.api_secret, "enableRateLimit": False})
    client.set_markets([template.markets[BTC]])
    client.urls = {**client.urls, "api": template.urls["api"]}
    return client


def composed(
    templates: Templates,
    accounts: AccountStore,
    vault: CredentialVault,
    checks: CheckGate,
    queue: FakeReconcileQueue,
    clock: Clock,
) -> ExecuteOrder:
    """The use case of these parts."""
    markets, metrics = FakeMarkets(a_market()), RecordingMetrics()
    place = PlaceOrders(markets, checks, clock, metrics)
    return ExecuteOrder(
        accounts=accounts,
        markets=markets,
        vault=vault,
        venues=GuardedVenues(CcxtVenues(templates), checks.watch, checks.spend),
        place=place,
        exit_resting=ExitResting(StopResting(place, clock, metrics), clock),
        reserve_pool=reserve_pool(clock),
        reconcile_queue=queue,
        clock=clock,
        metrics=metrics,
    )


def an_account_now(now: datetime, *, settled_market: bool) -> Account:
    """An account without a position; with leverage and margin mode in force if it has traded the market before."""
    in_force = {BTC: MarketSettings(Decimal(10), MarginMode.CROSS)} if settled_market else {}
    money = Balance(equity=Decimal(1_000_000), available=Decimal(1_000_000), as_of=now)
    return an_account(credential_version=KEYS_VERSION, created_at=NOW, balance=money, market_settings=in_force)


def bracket() -> dict[str, Any]:
    """Fields of a signal with a stop and one target."""
    return {"stop_loss": PRICE - 1_000, "take_profits": (TakeProfit(PRICE + 2_000),)}


def order_body(action: Action, now: datetime, number: str, **changes: Any) -> str:
    """A record's body: the signal's id follows from action and number."""
    signal = a_signal(action, signal_id=f"signal-{action.value}-{number}", issued_at=now, price=PRICE, **changes)
    return to_json(a_trade_order(signal))
