"""Sums of closed trades with their currencies: the parts of totals over all accounts."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from candlecast.adapters.dynamodb.accounts import DynamoAccountStore
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.domain.strategies.statistics import QuotedStatistics, Statistics
from candlecast.ports.store import LastPrice
from candlecast.services.reconcile.sum_accounts import SumAccounts
from candlecast.services.reconcile.value_positions import ValuePositions
from tests.contract.store.conftest import Stores
from tests.contract.store.test_requests import counted
from tests.support.builders import (
    ACCOUNT,
    BTC,
    NOW,
    SUBSCRIPTION,
    TENANT,
    a_position,
    a_strategy,
    a_subscription,
    a_trade,
    after,
    an_account,
)

BTC_IN_USDC = "BTC/USDC:USDC"
A_DAY = 86_400
TODAY, TOMORROW = NOW.date(), NOW.date() + timedelta(days=1)
OF_TRADE = Statistics.of(a_trade().pnl, a_trade().fees)


def test_a_subscription_has_the_currency_of_its_trades(stores: Stores) -> None:
    for number in range(2):
        stores.history.put_trade(a_trade(f"trade-{number}"), 1)
    stores.history.put_trade(a_trade("other", subscription_id="subscription-2", market=BTC_IN_USDC), 1)
    stores.history.put_trade(a_trade("foreign", tenant_id="tenant-2", subscription_id="subscription-3"), 1)
    assert stores.sums.of_subscriptions(TENANT) == {
        SUBSCRIPTION: QuotedStatistics(statistics=OF_TRADE + OF_TRADE, quotes=frozenset({"USDT"})),
        "subscription-2": QuotedStatistics(statistics=OF_TRADE, quotes=frozenset({"USDC"})),
    }
    assert stores.sums.of_subscriptions("tenant-3") == {}


def test_a_subscription_with_several_currencies_has_none(stores: Stores) -> None:
    stores.history.put_trade(a_trade("one"), 1)
    stores.history.put_trade(a_trade("two", market=BTC_IN_USDC), 2)
    [found] = stores.sums.of_subscriptions(TENANT).values()
    assert (found.quotes, found.quote, found.statistics.trades) == (frozenset({"USDT", "USDC"}), "", 2)


def test_a_correction_leaves_the_currency(stores: Stores) -> None:
    stores.history.put_trade(a_trade(), 1)
    stores.history.put_trade(a_trade(fees=Decimal(2)), 2)
    [found] = stores.sums.of_subscriptions(TENANT).values()
    assert (found.quote, found.statistics.trades, found.statistics.fees) == ("USDT", 1, Decimal(2))


def test_days_are_summed_by_currency(stores: Stores) -> None:
    trades = [
        a_trade("one"),
        a_trade("neighbour", subscription_id="subscription-2"),
        a_trade("dollar", subscription_id="subscription-3", market=BTC_IN_USDC),
        a_trade("tomorrow", closed_at=after(A_DAY)),
        a_trade("later", closed_at=after(2 * A_DAY)),
        a_trade("elsewhere", account_id="account-2"),
    ]
    for trade in trades:
        stores.history.put_trade(trade, 1)
    found = stores.sums.of_days(TENANT, ACCOUNT, TODAY, TOMORROW)
    assert found.sums == {(TODAY, "USDT"): OF_TRADE + OF_TRADE, (TODAY, "USDC"): OF_TRADE, (TOMORROW, "USDT"): OF_TRADE}
    assert found.next_day is None
    assert list(found.sums)[-1] == (TOMORROW, "USDT")


def test_an_answer_ends_with_a_whole_day_and_names_the_next_one(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("candlecast.adapters.dynamodb.totals", "tests.support.fakes.history"):
        monkeypatch.setattr(f"{module}.MAX_DAY_ROWS", 3)
    for number in range(4):
        day, subscription = divmod(number, 2)
        trade = a_trade(f"trade-{number}", closed_at=after(day * A_DAY), subscription_id=f"subscription-{subscription}")
        stores.history.put_trade(trade, 1)
    found = stores.sums.of_days(TENANT, ACCOUNT, TODAY, TOMORROW)
    assert (list(found.sums), found.next_day) == ([(TODAY, "USDT")], TOMORROW)


@pytest.mark.e2e
@pytest.mark.parametrize("accounts", [1, 12])
def test_totals_cost_six_requests_and_days_one_for_each_account(
    dynamodb_stores: Stores, dynamodb_table: Table, accounts: int
) -> None:
    stores = dynamodb_stores
    stores.strategies.create_strategy(a_strategy())
    for number in range(accounts):
        account, subscription = f"account-{number:02}", f"subscription-{number:02}"
        stores.accounts.create(an_account(account, subscriptions={}))
        stores.subscriptions.write(a_subscription(subscription, account_id=account), None, follower_change=1)
        stores.history.put_trade(a_trade(f"trade-{number}", account_id=account, subscription_id=subscription), 1)
        stores.history.put_position(a_position(account_id=account, subscription_id=subscription), 1, NOW)
    value = ValuePositions(stores.history, stores.accounts, stores.strategies, stores.prices)
    sums = SumAccounts(
        DynamoAccountStore(dynamodb_table, stores.clock), stores.subscriptions, stores.history, stores.sums, value, stores.clock
    )
    stores.prices.put_price("paper", BTC, LastPrice(Decimal(110), NOW))
    with counted(dynamodb_table) as operations:
        [total] = sums(TENANT)
    assert operations == ["Query", "BatchGetItem", "Query", "Query", "Query", "Query"]
    assert (total.accounts, total.open_positions, total.unpriced_positions, total.closed.trades) == (
        accounts,
        accounts,
        0,
        accounts,
    )
    with counted(dynamodb_table) as operations:
        [day] = sums.by_day(TENANT, TODAY, TODAY).days
    assert operations == ["Query", "BatchGetItem", *["Query"] * accounts]
    assert day.statistics.trades == accounts
