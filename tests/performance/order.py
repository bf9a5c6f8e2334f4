"""What one order costs: the executor's whole way for a message, against ccxt's `create_order` alone.

Real are the codec, the use case, ccxt's own class with its signing and parsing, and HTTP over a connection that is kept alive.
In memory are the store (a row of JSON, as DynamoDB holds it), the keys and the queue: AWS's clients are not in the figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any

from candlecast.adapters.ccxt_clients import Templates, clone_for
from candlecast.adapters.ccxt_venue import CcxtVenues
from candlecast.adapters.codec import from_json, message_from_json, to_json
from candlecast.adapters.dynamodb.accounts import AccountRow, account_row, stored_account
from candlecast.adapters.system import SystemClock
from candlecast.domain.account import Account, Balance
from candlecast.domain.errors import Conflict
from candlecast.domain.messages import TradeOrder
from candlecast.domain.order import MarketSettings
from candlecast.domain.signal import Action, TakeProfit
from candlecast.domain.subscription import MarginMode
from candlecast.ports.venue import Credentials
from candlecast.services.execute_order import ExecuteOrder
from candlecast.services.guard_venue import GuardedVenues
from candlecast.services.place_orders import PlaceOrders
from tests.builders import ACCOUNT, BTC, NOW, TENANT, VENUE, a_market, a_signal, a_trade_order, an_account
from tests.contract.store.test_requests import stubbed_table
from tests.fakes.accounts import FakeAccountStore
from tests.fakes.clock import RecordingMetrics
from tests.fakes.gate import FakeGate, check_gate
from tests.fakes.market_data import FakeMarkets
from tests.fakes.pools import reserve_pool
from tests.fakes.queues import FakeReconcileQueue
from tests.fakes.vault import FakeVault
from tests.performance.measuring import Figure, Subject, compare, counted
from tests.performance.paper_process import PaperProcess, paper_process

PRICE = Decimal(50_000)
QUANTITY = "0.020"  # what the subscriber's 1,000 of notional buys
ROUND_TRIP = 2  # orders: an entry and its exit, so that nothing piles up at the venue
ALONE = "order: ccxt create_order alone"
REQUEST_ALONE = "requests of ccxt create_order alone"
PLACEHOLDER = "<number>"
KEYS_VERSION = "credential-version-1"


class RowStore(FakeAccountStore):
    """One account, kept as the row that the real store writes: decoded at every load and encoded at every save."""

    def __init__(self, clock: SystemClock) -> None:
        super().__init__()
        self._now = clock.now
        self._rows = stubbed_table().rows(AccountRow)
        self._row: AccountRow | None = None

    def begin_with(self, row: AccountRow) -> None:
        """Forget what was written since."""
        self._row = row

    def row_of(self, account: Account) -> AccountRow:
        return account_row(self._rows, account, self._now())

    def load(self, tenant_id: str, account_id: str) -> Account:
        assert self._row is not None
        self.loads += 1
        return replace(from_json(Account, self._row.body), version=int(self._row.version))

    def save(self, account: Account) -> Account:
        assert self._row is not None
        self.saves += 1
        if int(self._row.version) != account.version:
            raise Conflict("VERSION_CONFLICT", "the account has changed since it was read")
        self._row = self.row_of(account)
        return stored_account(account)


@dataclass(slots=True)
class Executor:
    """The use case with its store, and a count of what its clients asked of the venue."""

    execute: ExecuteOrder
    accounts: RowStore
    gate: FakeGate
    template: Any
    requests: int = 0

    def __post_init__(self) -> None:
        self.template.session.hooks["response"].append(self._answered)

    def begin_with(self, account: Account) -> None:
        """Let this be what the store holds."""
        self.accounts.begin_with(self.accounts.row_of(account))

    def consume(self, body: str) -> Account:
        """What the function does with a record's body."""
        return self.execute(message_from_json(TradeOrder, body))

    @property
    def connections(self) -> int:
        """How many were ever opened to the venue; one, as long as they are kept alive."""
        pools = self.template.session.get_adapter(self.template.urls["api"]["fapiPrivate"]).poolmanager.pools
        return sum(pools[key].num_connections for key in pools.keys())  # noqa: SIM118 - urllib3's container is no dictionary

    def _answered(self, _response: Any, **_: Any) -> None:
        self.requests += 1


def figures() -> Iterator[Figure]:
    """CPU of an order, then requests: counts are the same on every machine."""
    clock = SystemClock()
    with paper_process() as paper:
        paper.stand_at(str(PRICE))
        executor = executor_at(paper, clock)
        with closing(executor.template.session):
            round_trip = _round_trip(executor, clock.now())
            alone = _round_trip_alone(clone_for(executor.template, paper.open_account()))
            yield from compare(
                Subject(ALONE, alone, "order", ROUND_TRIP),
                Subject("order: message to account written", round_trip, "order", ROUND_TRIP),
            )
            yield from _counts(executor, clock.now())


def executor_at(paper: PaperProcess, clock: SystemClock) -> Executor:
    """The executor as `runtime.bootstrap` composes it, with an account of its own at the venue."""
    market, metrics, vault, accounts, gate = a_market(), RecordingMetrics(), FakeVault(), RowStore(clock), FakeGate()
    markets, catalogue = FakeMarkets(market), {market.symbol: market}
    templates = Templates({VENUE: ("binanceusdm", paper.base_url)}, lambda _venue: catalogue)
    keys: Credentials = paper.open_account()
    vault.write(TENANT, ACCOUNT, keys, KEYS_VERSION)
    checks = check_gate(gate, clock, metrics)
    execute = ExecuteOrder(
        accounts=accounts,
        markets=markets,
        vault=vault,
        venues=GuardedVenues(CcxtVenues(templates), checks.watch, checks.spend),
        place=PlaceOrders(markets, checks, clock, metrics),
        reserve_pool=reserve_pool(clock),
        reconcile_queue=FakeReconcileQueue(),
        clock=clock,
        metrics=metrics,
    )
    return Executor(execute, accounts, gate, templates.of(VENUE))


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


def _round_trip(executor: Executor, now: datetime) -> Callable[[], None]:
    """An entry and its exit, each time from the same account; ids must be new, since a known one sends nothing."""
    begin = executor.accounts.row_of(an_account_now(now, settled_market=True))
    entry, leave = (order_body(action, now, PLACEHOLDER) for action in (Action.LONG, Action.EXIT_LONG))
    numbers = count()

    def round_trip() -> None:
        executor.accounts.begin_with(begin)
        executor.consume(entry.replace(PLACEHOLDER, str(next(numbers)), 1))
        closed = executor.consume(leave.replace(PLACEHOLDER, str(next(numbers)), 1))
        assert not closed.intents
        assert not closed.positions

    return round_trip


def _round_trip_alone(client: Any) -> Callable[[], None]:
    numbers = count()

    def round_trip() -> None:
        for side, more in (("buy", {}), ("sell", {"reduceOnly": True})):
            answer = client.create_order(BTC, "market", side, QUANTITY, None, {"clientOrderId": f"alone-{next(numbers)}", **more})
            assert answer["status"] == "closed"

    return round_trip


def _counts(executor: Executor, now: datetime) -> Iterator[Figure]:
    """Requests of a plain entry, and of an account's first entry in a market with a stop and a target, and of its exit."""
    executor.begin_with(an_account_now(now, settled_market=True))
    executor.accounts.loads = executor.accounts.saves = executor.gate.reads = executor.gate.writes = 0
    entry = _asked(executor, order_body(Action.LONG, now, "plain"))
    yield counted("order: venue requests, entry", "requests", entry, REQUEST_ALONE, 1)
    yield counted("order: reads of the account", "requests", executor.accounts.loads)
    yield counted("order: reads of the gate", "requests", executor.gate.reads)
    yield counted("order: writes of the account", "requests", executor.accounts.saves)
    yield counted("order: connections to the venue, all orders of the run", "connections", executor.connections)
    _asked(executor, order_body(Action.EXIT_LONG, now, "plain"))

    executor.begin_with(an_account_now(now, settled_market=False))
    first = _asked(executor, order_body(Action.LONG, now, "bracket", **bracket()))
    yield counted("order: venue requests, first entry in a market, stop, target", "requests", first, REQUEST_ALONE, 1)
    leaving = _asked(executor, order_body(Action.EXIT_LONG, now, "bracket"))
    yield counted("order: venue requests, exit that cancels stop and target", "requests", leaving, REQUEST_ALONE, 1)


def _asked(executor: Executor, body: str) -> int:
    executor.requests = 0
    executor.consume(body)
    return executor.requests
