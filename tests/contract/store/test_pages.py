"""One page of a listing is one request to the table, by any filter and of any length."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from candlecast.adapters.dynamodb.backtests import DynamoBacktestStore
from candlecast.adapters.dynamodb.decisions import DynamoDecisions
from candlecast.adapters.dynamodb.single_table.listing import ROWS_OF_A_FILTERED_PAGE
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.domain.account.events import EventType
from candlecast.domain.backtests.backtest import time_in_id
from candlecast.domain.orders.intent import LegKind
from candlecast.domain.strategies.versions import StrategyChange
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.ports.filters import (
    BacktestFilter,
    BreachFilter,
    ExecutionFilter,
    OrderFilter,
    SignalFilter,
    SubscriptionFilter,
    TradeFilter,
    VersionFilter,
    Window,
)
from candlecast.ports.store import Page
from candlecast.services.limits.list_receipts import ListReceipts
from candlecast.services.subscriptions.list_trades import ListTrades
from tests.contract.store.conftest import Stores
from tests.contract.store.test_requests import counted
from tests.support.builders import (
    STRATEGY,
    TENANT,
    a_breach,
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

pytestmark = pytest.mark.e2e

MANY = 2 * ROWS_OF_A_FILTERED_PAGE + 5


@pytest.fixture
def history(dynamodb_stores: Stores) -> Stores:
    """More orders than two requests of a filtered page read; those of another account lie at both ends."""
    ends = {0, MANY - 1}
    orders = [
        an_intent(
            intent_id=f"intent-{number:04}", created_at=after(number), account_id="account-2" if number in ends else "account-1"
        )
        for number in range(MANY)
    ]
    dynamodb_stores.history.put_skipped(orders)
    for number in range(4):
        dynamodb_stores.history.put_trade(a_trade(f"trade-{number}", closed_at=after(number)), 1)
    return dynamodb_stores


def all_pages(
    table: Table, listing: Callable[..., Page[Any]], where: Any, limit: int, owner: str = TENANT
) -> tuple[list[int], list[list[str]]]:
    """How many items each page has, and the requests of each."""
    sizes, requests = list[int](), list[list[str]]()
    cursor: str | None = None
    while True:
        with counted(table) as operations:
            page = listing(owner, where, cursor, limit)
        sizes.append(len(page.items))
        requests.append(list(operations))
        cursor = page.cursor
        if cursor is None:
            return sizes, requests


@pytest.mark.parametrize("ascending", [False, True])
def test_a_filtered_page_is_one_request_and_may_be_empty(history: Stores, dynamodb_table: Table, *, ascending: bool) -> None:
    where = OrderFilter(account_id="account-2", window=Window(ascending=ascending))
    sizes, requests = all_pages(dynamodb_table, history.history.list_orders, where, 50)
    assert sizes == [1, 0, 1]
    assert requests == [["Query"]] * 3


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_a_page_of_a_window_is_one_request_of_any_size(history: Stores, dynamodb_table: Table, limit: int) -> None:
    where = OrderFilter(window=Window(since=after(10), until=after(24)))
    sizes, requests = all_pages(dynamodb_table, history.history.list_orders, where, limit)
    assert sum(sizes) == 14
    assert requests == [["Query"]] * -(-14 // limit)


def test_a_page_of_a_filter_that_leaves_nothing_out_is_as_full_as_any(history: Stores, dynamodb_table: Table) -> None:
    where = OrderFilter(account_id="account-1", window=Window(until=after(251)))
    sizes, requests = all_pages(dynamodb_table, history.history.list_orders, where, 100)
    assert sizes == [100, 100, 50]
    assert requests == [["Query"]] * 3


def test_trades_are_read_by_one_request(history: Stores, dynamodb_table: Table) -> None:
    for where in (TradeFilter(), TradeFilter(market="ETH/USDT:USDT"), TradeFilter(window=Window(since=after(2)))):
        assert all_pages(dynamodb_table, history.history.list_trades, where, 50)[1] == [["Query"]]


def test_an_answer_that_is_full_ends_its_page(dynamodb_stores: Stores, dynamodb_table: Table) -> None:
    """An answer has at most a megabyte; the page is short then, and is no second request."""
    large = "x" * 30_000
    orders = [an_intent(intent_id=f"intent-{number}", created_at=after(number), venue_message=large) for number in range(60)]
    for order in orders:
        dynamodb_stores.history.put_order(order, 1)
    sizes, requests = all_pages(dynamodb_table, dynamodb_stores.history.list_orders, OrderFilter(), 100)
    assert sum(sizes) == 60
    assert len(sizes) == 2
    assert requests == [["Query"]] * 2


def test_runs_signals_and_breaches_are_read_by_one_request_a_page(dynamodb_stores: Stores, dynamodb_table: Table) -> None:
    decisions = DynamoDecisions(dynamodb_table)
    for number in range(8):
        dynamodb_stores.executions.begin(an_execution(after(60 * number)))
        dynamodb_stores.signals.put_signal(a_signal_record(a_signal(issued_at=after(number)), published_at=after(number)))
        decisions.put_breach(a_breach(breach_id=f"breach-{number}", occurred_at=after(number)))
    window = Window(since=after(1), ascending=True)
    runs = [ExecutionFilter(), ExecutionFilter(window=window), ExecutionFilter(status="RUNNING")]
    signals = [SignalFilter(), SignalFilter(window=window), SignalFilter(action="LONG")]
    breaches = [BreachFilter(), BreachFilter(window=window), BreachFilter(account_id="account-1")]
    own = partial(all_pages, dynamodb_table, owner=STRATEGY)
    for run in runs:
        assert {tuple(each) for each in own(dynamodb_stores.executions.list_executions, run, 3)[1]} == {("Query",)}
    for signal in signals:  # and the reports of the shards, for all signals of the page at once
        assert {tuple(each) for each in own(dynamodb_stores.signals.list_signals, signal, 3)[1]} == {("Query", "BatchGetItem")}
    for breach in breaches:
        sizes, requests = all_pages(dynamodb_table, decisions.list_breaches, breach, 3)
        assert {tuple(each) for each in requests} == {("Query",)}
        assert sum(sizes) >= 7


def test_subscriptions_are_read_by_one_request_a_page(dynamodb_stores: Stores, dynamodb_table: Table) -> None:
    store = dynamodb_stores.subscriptions
    dynamodb_stores.strategies.create_strategy(a_strategy())
    for number in range(7):
        store.write(a_subscription(f"subscription-{number}", account_id=None), None, follower_change=1)
    for where in (SubscriptionFilter(), SubscriptionFilter(strategy_id=STRATEGY), SubscriptionFilter(status="ACTIVE")):
        sizes, requests = all_pages(dynamodb_table, store.page_subscriptions, where, 3)
        assert sizes == [3, 3, 1]
        assert requests == [["Query"]] * 3
    nothing = SubscriptionFilter(status=SubscriptionStatus.CANCELLED)
    assert all_pages(dynamodb_table, store.page_subscriptions, nothing, 3) == ([0], [["Query"]])


def test_backtests_are_read_by_one_request_a_page(dynamodb_table: Table) -> None:
    store = DynamoBacktestStore(dynamodb_table)
    for number in range(7):
        at = after(number)
        asked = a_backtest(f"{time_in_id(at)}-x", tenant_id="tenant-of-pages", asked_at=at)
        store.save_backtest(store.create_backtest(asked).cancelled(at))
    wheres = BacktestFilter(), BacktestFilter(status="CANCELLED"), BacktestFilter(window=Window(until=after(60), ascending=True))
    for where in wheres:
        sizes, requests = all_pages(dynamodb_table, store.list_backtests, where, 3, "tenant-of-pages")
        assert sizes == [3, 3, 1]
        assert requests == [["Query"]] * 3


def test_versions_are_read_by_one_request_a_page(dynamodb_stores: Stores, dynamodb_table: Table) -> None:
    store = dynamodb_stores.strategies
    strategy = an_uploaded_strategy()
    store.create_strategy(strategy, version=a_version())
    for number in range(2, 8):
        change = StrategyChange(
            strategy_id=STRATEGY,
            revision=number - 1,
            type=EventType.STRATEGY_CHANGED,
            changed_by=TENANT,
            changed_at=after(number),
            values={},
        )
        strategy = store.change_strategy(strategy, change, a_version(number, created_at=after(number)))
    for where in (VersionFilter(), VersionFilter(window=Window(until=after(60))), VersionFilter(window=Window(ascending=True))):
        sizes, requests = all_pages(dynamodb_table, store.list_versions, where, 3, STRATEGY)
        assert sizes == [3, 3, 1]
        assert requests == [["Query"]] * 3


@pytest.mark.parametrize("accounts", [1, 50])
def test_accounts_are_read_by_two_requests(dynamodb_stores: Stores, dynamodb_table: Table, accounts: int) -> None:
    for number in range(accounts):
        dynamodb_stores.accounts.create(an_account(f"account-{number:02}"))
    with counted(dynamodb_table) as operations:
        listed = dynamodb_stores.accounts.list_accounts(TENANT)
    assert [it.account_id for it in listed] == [f"account-{number:02}" for number in range(accounts)]
    assert operations == ["Query", "BatchGetItem"]


def test_a_page_of_trades_with_their_runs_is_two_requests(dynamodb_stores: Stores, dynamodb_table: Table) -> None:
    for number in range(30):
        signal = a_signal(issued_at=after(number), candle_close=after(60 * number))
        dynamodb_stores.signals.put_signal(a_signal_record(signal))
        trade = a_trade(f"trade-{number}", closed_at=after(number), signal_id=signal.signal_id)
        dynamodb_stores.history.put_trade(trade, 1)
    listing = ListTrades(dynamodb_stores.history, dynamodb_stores.signals)
    for where in (TradeFilter(), TradeFilter(side="LONG")):
        sizes, requests = all_pages(dynamodb_table, listing, where, 20)
        assert sizes == [20, 10]
        assert requests == [["Query", "BatchGetItem"]] * 2


def test_a_page_of_receipts_is_two_requests(dynamodb_stores: Stores, dynamodb_table: Table) -> None:
    decisions = DynamoDecisions(dynamodb_table)
    for number in range(30):
        for kind in (LegKind.ENTRY, LegKind.STOP_LOSS):
            order = an_intent(kind, signal_id=f"signal-{number}", created_at=after(number))
            dynamodb_stores.history.put_order(order, 1)
        decisions.put_receipt(TENANT, f"signal-{number}", order.subscription_id, "{}", after(number))
    listing = ListReceipts(dynamodb_stores.history, decisions)
    sizes, requests = all_pages(dynamodb_table, listing, OrderFilter(is_of_signal=True), 20)
    assert sizes == [20, 10]
    assert requests == [["Query", "BatchGetItem"]] * 2
