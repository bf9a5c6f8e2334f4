"""Races on the real store: many at once, and still one winner and no lost count."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest

from candlecast.domain.account.account import Account
from candlecast.domain.strategies.days import DaySums
from candlecast.domain.strategies.execution import LEASE
from candlecast.domain.values.errors import Conflict, PreconditionFailed, RetryLater
from candlecast.domain.values.timeframe import Timeframe
from candlecast.services.account.retire_account import RenameAccount
from tests.contract.store.conftest import Stores
from tests.support.builders import (
    ACCOUNT,
    BTC,
    NOW,
    STRATEGY,
    TENANT,
    VENUE,
    a_strategy,
    a_subscription,
    a_trade,
    after,
    an_account,
    an_execution,
)

pytestmark = pytest.mark.e2e
AT_ONCE = 8
ATTEMPTS = 5_000  # so many only if nobody is let through any more


def all_at_once[T](task: Callable[[int], T]) -> list[T]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(task, range(AT_ONCE)))


def until_taken(write: Callable[[], None]) -> None:
    """Repeat what a service would repeat."""
    for _ in range(ATTEMPTS):
        try:
            return write()
        except (RetryLater, Conflict):
            continue
    pytest.fail("never taken")


def test_one_of_many_holders_gets_the_lock(dynamodb_stores: Stores) -> None:
    taken = all_at_once(lambda number: dynamodb_stores.executions.begin(an_execution(worker=f"worker-{number}")))
    assert len([execution for execution in taken if execution is not None]) == 1


def test_of_many_changes_to_the_state_that_all_have_seen_one_is_made(dynamodb_stores: Stores) -> None:
    seen = dynamodb_stores.accounts.create(an_account(subscriptions={}))
    rename = RenameAccount(dynamodb_stores.accounts)

    def expect(account: Account) -> None:
        if account.label != seen.label:
            raise PreconditionFailed("renamed")

    def attempt(number: int) -> bool:
        try:
            rename(TENANT, ACCOUNT, f"label-{number}", expect=expect)
        except PreconditionFailed:
            return False
        return True

    assert sum(all_at_once(attempt)) == 1


def test_one_of_many_successors_gets_an_expired_lock(dynamodb_stores: Stores) -> None:
    dynamodb_stores.executions.begin(an_execution(worker="dead"))
    late = after(LEASE.total_seconds() + 2)
    taken = all_at_once(lambda number: dynamodb_stores.executions.begin(an_execution(worker=f"worker-{number}", started_at=late)))
    assert len([execution for execution in taken if execution is not None]) == 1


def test_one_of_many_writers_writes_the_next_version(dynamodb_stores: Stores) -> None:
    account = dynamodb_stores.accounts.create(an_account())

    def save(number: int) -> bool:
        try:
            dynamodb_stores.accounts.save(replace(account, label=f"writer-{number}"))
        except Conflict:
            return False
        return True

    assert all_at_once(save).count(True) == 1
    assert dynamodb_stores.accounts.load(TENANT, ACCOUNT).version == 2


def test_no_follower_is_lost_and_the_last_one_to_leave_stops_the_clock(dynamodb_stores: Stores) -> None:
    stores = dynamodb_stores
    stores.strategies.create_strategy(a_strategy())

    def join(number: int) -> None:
        subscription = a_subscription(f"subscription-{number}", account_id=None)
        until_taken(lambda: stores.subscriptions.write(subscription, None, follower_change=1))

    def leave(number: int) -> None:
        subscription = stores.subscriptions.get_subscription(TENANT, f"subscription-{number}")
        until_taken(lambda: stores.subscriptions.write(subscription, None, follower_change=-1))

    all_at_once(join)
    assert stores.strategies.get_strategy(STRATEGY).subscriber_count == AT_ONCE
    assert list(stores.strategies.followed_markets(Timeframe.M1)) == [(VENUE, BTC)]
    all_at_once(leave)
    assert stores.strategies.get_strategy(STRATEGY).subscriber_count == 0
    assert list(stores.strategies.followed_markets(Timeframe.M1)) == []


def test_trades_that_close_at_once_are_all_counted_and_each_once(dynamodb_stores: Stores) -> None:
    stores = dynamodb_stores

    def close(number: int) -> None:
        for _ in range(2):
            until_taken(lambda: stores.history.put_trade(a_trade(f"trade-{number}"), 1))

    all_at_once(close)
    record = stores.strategies.strategy_record(STRATEGY, VENUE)
    assert (record.trades, record.tenants, record.returns) == (AT_ONCE, 1, AT_ONCE * Decimal("0.09916"))
    today = NOW.date()
    days = stores.strategies.strategy_days(STRATEGY, VENUE, today, today)
    assert days == {today: DaySums(tenants=1, trades=AT_ONCE, returns=AT_ONCE * Decimal("0.09916"))}
    assert stores.history.daily_statistics(TENANT, ACCOUNT, today, today).days[today].trades == AT_ONCE
