"""Every list of the API in pages to its end, over few items and over many: each page costs the same requests to the table.

The real API on the real adapters, in this process. Each page is followed by the table's own bare requests for the same page, so
that both times are those of one moment. The ratio is told and not judged.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from itertools import batched, count
from statistics import median
from typing import Any

import boto3
import pytest

from candlecast.adapters.dynamodb.accounts import DynamoAccountStore
from candlecast.adapters.dynamodb.backtests import DynamoBacktestStore
from candlecast.adapters.dynamodb.decisions import DynamoDecisions
from candlecast.adapters.dynamodb.executions import DynamoExecutionStore
from candlecast.adapters.dynamodb.history import DynamoHistory
from candlecast.adapters.dynamodb.prices import DynamoPriceStore
from candlecast.adapters.dynamodb.signals import DynamoSignalStore
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.adapters.dynamodb.subscriptions import DynamoSubscriptionStore
from candlecast.adapters.dynamodb.totals import DynamoResultSums
from candlecast.domain.account.events import EventType
from candlecast.domain.backtests.backtest import time_in_id
from candlecast.domain.orders.intent import LegKind
from candlecast.domain.orders.position import Trade
from candlecast.domain.strategies.execution import ExecutionStatus
from candlecast.domain.strategies.versions import StrategyChange
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.terms import PositionSide
from candlecast.ports.store import LastPrice
from candlecast.runtime.compose import api
from candlecast.services.people.admit_requests import AdmitRequests
from tests.api.conftest import MANY_REQUESTS
from tests.contract.store.conftest import REGION, table_of_the_template
from tests.support.builders import (
    BTC,
    ETH,
    VENUE,
    a_breach,
    a_position,
    a_signal,
    a_signal_record,
    a_strategy,
    a_subscription,
    a_trade,
    a_version,
    after,
    an_account,
    an_execution,
    an_intent,
    an_uploaded_strategy,
)
from tests.support.fakes.backtests import a_backtest
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.requests import FakeRequestCounts
from tests.support.fakes.vault import FakeCursorKey
from tests.support.gateway import Client

pytestmark = pytest.mark.e2e

WATCHED = ("user-0000", "user-0001", "user-0002")  # whose lists are read to their end
STRATEGIES = 20
FOLLOWED = "strategy-00"
MINE = "mine"
ACCOUNTS = 20  # of a watched user
MINUTE = 60
A_PAGE = 50
BATCH = 25  # what DynamoDB takes in one BatchWriteItem
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Size:
    """How much the table holds; `deep` is the number of orders of a watched user, and of other things a part of that."""

    users: int
    subscriptions: int
    history_items: int
    deep: int

    @property
    def trades(self) -> int:
        return self.deep // 4

    @property
    def breaches(self) -> int:
        return self.deep // 8

    @property
    def runs(self) -> int:
        return self.deep // 4

    @property
    def followed(self) -> int:
        return self.deep // 16

    @property
    def versions(self) -> int:
        return self.deep // 20

    @property
    def backtests(self) -> int:
        return self.deep // 40


@dataclass(frozen=True, slots=True)
class Listed:
    """A list with a query, the requests of each of its pages, and how many entries it has."""

    path: str
    requests: tuple[str, ...]
    entries: Callable[[Size], int]
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path + "".join(f" {name}={value}" for name, value in self.query.items())


QUERY, MANY, ONE = "Query", "BatchGetItem", "GetItem"
LISTS = (
    Listed("/v1/orders", (QUERY,), lambda size: size.deep),
    Listed("/v1/orders", (QUERY,), lambda size: size.deep // 10, {"market": ETH}),
    Listed("/v1/orders", (QUERY,), lambda _: 60, {"since": "2026-11-20T12:10:00Z", "until": "2026-11-20T13:10:00Z"}),
    Listed("/v1/receipts", (QUERY, MANY), lambda size: size.deep // 2),
    Listed("/v1/trades", (QUERY, MANY), lambda size: size.trades),
    Listed("/v1/trades", (QUERY, MANY), lambda size: size.trades // 5, {"side": "SHORT"}),
    Listed("/v1/limits/breaches", (QUERY,), lambda size: size.breaches),
    Listed("/v1/subscriptions", (QUERY,), lambda size: size.followed),
    Listed("/v1/subscriptions", (QUERY,), lambda size: size.followed // 5, {"status": "CANCELLED"}),
    Listed("/v1/backtests", (QUERY,), lambda size: size.backtests),
    Listed("/v1/backtests", (QUERY,), lambda size: size.backtests, {"status": "CANCELLED"}),
    Listed("/v1/accounts", (QUERY, MANY), lambda _: ACCOUNTS),
    Listed("/v1/positions", (QUERY, QUERY, MANY, QUERY), lambda _: ACCOUNTS),
    Listed("/v1/totals", (QUERY, MANY, QUERY, QUERY, QUERY, QUERY), lambda _: 1),
    Listed("/v1/totals/days", (QUERY, MANY, *[QUERY] * ACCOUNTS), lambda _: 1),
    Listed("/v1/strategies", (QUERY,), lambda _: STRATEGIES),
    Listed(f"/v1/strategies/{FOLLOWED}/executions", (ONE, QUERY, QUERY), lambda size: size.runs),
    Listed(f"/v1/strategies/{FOLLOWED}/executions", (ONE, QUERY, QUERY), lambda size: size.runs // 5, {"status": "NO_SIGNAL"}),
    Listed(f"/v1/strategies/{FOLLOWED}/signals", (ONE, QUERY, QUERY, MANY), lambda size: size.runs),
    Listed("/v1/strategies", (QUERY,), lambda _: 1, {"mine": "true"}),
    Listed(f"/v1/strategies/{MINE}/versions", (ONE, QUERY), lambda size: size.versions),
    Listed(f"/v1/strategies/{MINE}/versions", (ONE, QUERY), lambda size: size.versions - 4, {"since": "2026-11-20T12:00:05Z"}),
    Listed(f"/v1/strategies/{MINE}/changes", (ONE, QUERY), lambda size: size.versions - 1),
)


# -- the table ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filled:
    """A table with everything in it. Its stream is off, since nobody listens and the emulator would keep every record."""

    table: Table
    size: Size
    clock: FakeClock
    history_items: int


def put_all(table: Table, rows: Iterator[Any]) -> int:
    """Write rows of the adapters, 25 by request; how many they were."""
    written = 0
    for batch in batched(rows, BATCH, strict=False):
        puts = [{"PutRequest": {"Item": row.to_dynamodb_dict()}} for row in batch]
        assert not table.client.batch_write_item(RequestItems={table.name: puts})["UnprocessedItems"]
        written += len(puts)
    return written


def fill(table: Table, size: Size) -> Filled:
    """Write what users have, and of `history_items` the rest for users whom nobody watches."""
    clock, written = FakeClock(), 0
    history, strategies = DynamoHistory(table), DynamoStrategyStore(table)
    for number in range(STRATEGIES):
        strategies.create_strategy(a_strategy(f"strategy-{number:02}"))
    users = [f"user-{number:04}" for number in range(size.users)]
    others = [user for user in users if user not in WATCHED]
    put_accounts(DynamoAccountStore(table, clock), others)
    put_subscriptions(DynamoSubscriptionStore(table, clock), others, size)
    put_versions(strategies, size)
    written += put_runs(table, size)
    for user in WATCHED:
        written += put_own(table, user, size)
    rest = size.history_items - written
    written += put_all(table, other_orders(history, others, rest * 4 // 5))
    written += put_all(table, other_trades(history, others, rest - rest * 4 // 5))
    DynamoPriceStore(table).put_price(VENUE, BTC, LastPrice(Decimal(110), after(0)))
    clock.set(after(2 * 86_400))
    return Filled(table, size, clock, written)


def put_accounts(accounts: DynamoAccountStore, others: Sequence[str]) -> None:
    for user in others:
        accounts.create(an_account("account-00", tenant_id=user, subscriptions={}))
    for user in WATCHED:
        for number in range(ACCOUNTS):
            accounts.create(an_account(f"account-{number:02}", tenant_id=user, subscriptions={}))


def put_subscriptions(store: DynamoSubscriptionStore, others: Sequence[str], size: Size) -> None:
    """Of a watched user every fifth is cancelled, and the first follows the strategy whose runs are listed."""
    owners = [user for user in WATCHED for _ in range(size.followed)]
    owners += [others[number % len(others)] for number in range(size.subscriptions - len(owners))]
    for number, user in enumerate(owners):
        place = number % size.followed if user in WATCHED else number
        account = f"account-{place % ACCOUNTS:02}" if user in WATCHED else "account-00"
        own = a_subscription(
            f"subscription-{number:05}",
            tenant_id=user,
            strategy_id=f"strategy-{place % STRATEGIES:02}",
            account_id=account,
        )
        store.write(own, None, follower_change=1)
        if user in WATCHED and place % 5 == 4:
            stored = store.get_subscription(user, own.subscription_id)
            store.write(replace(stored, status=SubscriptionStatus.CANCELLED), None, follower_change=-1)


def put_versions(strategies: DynamoStrategyStore, size: Size) -> None:
    strategy = an_uploaded_strategy(MINE, owner=WATCHED[0])
    strategies.create_strategy(strategy, version=a_version(strategy_id=MINE))
    for number in range(2, size.versions + 1):
        change = StrategyChange(
            strategy_id=MINE,
            revision=number - 1,
            type=EventType.STRATEGY_CHANGED,
            changed_by=WATCHED[0],
            changed_at=after(number),
            values={},
        )
        strategy = strategies.change_strategy(strategy, change, a_version(number, MINE, created_at=after(number)))


def put_runs(table: Table, size: Size) -> int:
    """Runs and signals of a strategy, as many as `size.runs` of each."""
    executions, signals = DynamoExecutionStore(table), DynamoSignalStore(table)
    for number in range(size.runs):
        close = after(number * MINUTE)
        run = an_execution(
            close, strategy_id=FOLLOWED, status=ExecutionStatus.NO_SIGNAL if number % 5 == 0 else ExecutionStatus.RUNNING
        )
        executions.begin(run)
        signals.put_signal(a_signal_record(the_signal(number), published_at=close))
    return 2 * size.runs


def the_signal(number: int) -> Any:
    close = after(number * MINUTE)
    return a_signal(strategy_id=FOLLOWED, issued_at=close, candle_close=close)


def put_own(table: Table, user: str, size: Size) -> int:
    """The history of a watched user. Some trades are counted as the relay counts them, the others written beside."""
    history, decisions, backtests = DynamoHistory(table), DynamoDecisions(table), DynamoBacktestStore(table)
    own = {"tenant_id": user, "account_id": "account-00", "subscription_id": own_subscription(user, size)}
    orders = (
        an_intent(
            LegKind.STOP_LOSS if number % 2 else LegKind.ENTRY,
            **own,
            intent_id=f"order-{user}-{number:05}",
            strategy_id=FOLLOWED,
            signal_id=f"signal-{number // 2:05}",
            created_at=after(number * MINUTE),
            market=ETH if number % 10 == 0 else BTC,
        )
        for number in range(size.deep)
    )
    history.put_skipped(orders)
    for number in range(size.deep // 2):
        decisions.put_receipt(user, f"signal-{number:05}", str(own["subscription_id"]), "{}", after(number))
    trades = [
        a_trade(
            f"trade-{user}-{number:05}",
            **own,
            strategy_id=FOLLOWED,
            signal_id=the_signal(number % size.runs).signal_id,
            side=PositionSide.SHORT if number % 5 == 0 else PositionSide.LONG,
            closed_at=after(number),
        )
        for number in range(size.trades)
    ]
    history.put_trade(trades[0], 1)
    put_all(table, trade_rows(history, trades[1:]))
    for number in range(size.breaches):
        decisions.put_breach(a_breach(**own, breach_id=f"breach-{number:05}", occurred_at=after(number * MINUTE)))
    for number in range(ACCOUNTS):
        history.put_position(a_position(**{**own, "account_id": f"account-{number:02}"}), 1, after(0))
    for number in range(size.backtests):
        asked_at = after(number * 86_400)  # a day has room for a hundred
        asked = a_backtest(f"{time_in_id(asked_at)}-{number}", tenant_id=user, asked_at=asked_at)
        backtests.save_backtest(backtests.create_backtest(asked).cancelled(asked_at))
    return size.deep + size.deep // 2 + size.trades + size.breaches


def own_subscription(user: str, size: Size) -> str:
    return f"subscription-{WATCHED.index(user) * size.followed:05}"


def trade_rows(history: DynamoHistory, trades: Sequence[Trade]) -> Iterator[Any]:
    return (history._trade_row(trade, 1) for trade in trades)


def other_orders(history: DynamoHistory, users: Sequence[str], many: int) -> Iterator[Any]:
    for number in range(many):
        order = an_intent(
            tenant_id=users[number % len(users)],
            account_id="account-00",
            intent_id=f"order-{number:06}",
            signal_id=f"signal-{number:06}",
            created_at=after(number),
        )
        yield history._order_row(order, 1, is_final=False)


def other_trades(history: DynamoHistory, users: Sequence[str], many: int) -> Iterator[Any]:
    for number in range(many):
        trade = a_trade(f"trade-{number:06}", tenant_id=users[number % len(users)], closed_at=after(number))
        yield history._trade_row(trade, 1)


# -- pages -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Page:
    entries: int
    requests: tuple[str, ...]
    seconds: float
    bare_seconds: float

    @property
    def ratio(self) -> float:
        return self.seconds / self.bare_seconds


@contextmanager
def recorded(table: Table) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """The requests that reach the table meanwhile: operation and parameters."""
    requests: list[tuple[str, dict[str, Any]]] = []

    def note(request: Any, **_: Any) -> None:
        name = request.headers["X-Amz-Target"]
        operation = (name if isinstance(name, str) else name.decode()).rpartition(".")[2]
        requests.append((operation, json.loads(request.body)))

    table.client.meta.events.register("before-send.dynamodb", note, unique_id="pages")
    try:
        yield requests
    finally:
        table.client.meta.events.unregister("before-send.dynamodb", unique_id="pages")


def read_to_the_end(filled: Filled, client: Client, listed: Listed) -> list[Page]:
    pages: list[Page] = []
    cursor: str | None = None
    bare: Any = boto3.client("dynamodb", endpoint_url=filled.table.client.meta.endpoint_url, region_name=REGION)
    while True:
        query = {**listed.query, **({} if cursor is None else {"cursor": cursor})}
        with recorded(filled.table) as requests:
            began = time.perf_counter()
            answer = client.get(listed.path, **query)
            seconds = time.perf_counter() - began
        assert answer.status == 200, f"{listed.name}: {answer.text}"
        began = time.perf_counter()
        for operation, parameters in requests:
            bare._make_api_call(operation, parameters)
        bare_seconds = time.perf_counter() - began
        entries = answer.json["items"] if "items" in answer.json else answer.json["days"]
        pages.append(Page(len(entries), tuple(operation for operation, _ in requests), seconds, bare_seconds))
        cursor = answer.json.get("next_cursor")
        if cursor is None:
            return pages


def providers(filled: Filled) -> Mapping[Callable[..., Any], Callable[..., Any]]:
    table, clock = filled.table, filled.clock
    made: dict[Callable[..., Any], object] = {
        api.accounts: DynamoAccountStore(table, clock),
        api.strategies: DynamoStrategyStore(table),
        api.subscriptions: DynamoSubscriptionStore(table, clock),
        api.executions: DynamoExecutionStore(table),
        api.signals: DynamoSignalStore(table),
        api.history: DynamoHistory(table),
        api.result_sums: DynamoResultSums(table),
        api.prices: DynamoPriceStore(table),
        api.decisions: DynamoDecisions(table),
        api.backtests: DynamoBacktestStore(table),
        api.cursor_key: FakeCursorKey(),
        api.clock: clock,
        api.admit_requests: AdmitRequests(FakeRequestCounts(), clock, MANY_REQUESTS),  # its chunks are no requests of a page
        api.identity_claims: api.IdentityClaims(),
        api.code_store: None,
    }
    return {port: giving(store) for port, store in made.items()}


def giving(made: object) -> Callable[[], Coroutine[Any, Any, object]]:
    async def provided() -> object:
        return made

    return provided


@pytest.fixture(scope="module", autouse=True)
def event_loop_of_the_adapter() -> Iterator[None]:
    """The loop that the handler makes once per environment."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def quiet_table(cloud: str) -> Iterator[Table]:
    """A fresh table as the template has it, without its stream."""
    client = boto3.client("dynamodb", endpoint_url=cloud, region_name=REGION)
    name = f"lists-{next(_numbers)}"
    client.create_table(TableName=name, **{**table_of_the_template(), "StreamSpecification": {"StreamEnabled": False}})
    yield Table(name, region=REGION, host=cloud)
    client.delete_table(TableName=name)


@pytest.mark.parametrize(
    "size",
    [
        Size(users=12, subscriptions=120, history_items=3_000, deep=320),
        pytest.param(Size(users=1_000, subscriptions=5_000, history_items=200_000, deep=2_000), marks=pytest.mark.prove),
    ],
    ids=["few", "many"],
)
def test_each_page_of_each_list_costs_the_same_requests(
    quiet_table: Table, size: Size, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.perf_counter()
    filled = fill(quiet_table, size)
    assert filled.history_items == size.history_items
    lines = [f"{size}: written in {timedelta(seconds=round(time.perf_counter() - began))}"]
    clients = [Client(providers(filled), tenant=user) for user in WATCHED]
    for listed in LISTS:
        readers = clients[:1] if MINE in listed.name else clients
        clients[0].get(listed.path, **listed.query)  # the first request for a resource loads its routes
        of_readers = [read_to_the_end(filled, client, listed) for client in readers]
        pages = [page for of_reader in of_readers for page in of_reader]
        lines.append(told(listed, pages))
        assert {page.requests for page in pages if page.entries} == {listed.requests}, listed.name
        assert all(len(page.requests) <= len(listed.requests) for page in pages), listed.name
        assert [sum(page.entries for page in of_reader) for of_reader in of_readers] == [listed.entries(size)] * len(readers)
    with capsys.disabled():
        sys.stdout.write("\n".join(["", *lines, ""]))


def told(listed: Listed, pages: Sequence[Page]) -> str:
    """A row of the table in docs/guides/performance.md."""
    milliseconds = 1_000 * median(page.seconds for page in pages)
    ratio, worst = median(page.ratio for page in pages), max(page.ratio for page in pages)
    entries = sum(page.entries for page in pages)
    return (
        f"| {listed.name} | {len(pages)} | {entries} | {len(listed.requests)} | {milliseconds:.1f} | {ratio:.2f} | {worst:.2f} |"
    )
