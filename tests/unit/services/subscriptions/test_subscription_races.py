"""Subscriptions while others write: the executor to the account, the owner's second window to the subscription."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from candlecast.domain.account.account import Account
from candlecast.domain.subscriptions.subscription import Settings, Subscription, SubscriptionStatus
from candlecast.domain.values.errors import Conflict
from candlecast.services.retry_conflict import ATTEMPTS
from candlecast.services.subscriptions.cancel_subscription import CancelSubscription
from candlecast.services.subscriptions.change_subscription import ChangeSubscription
from candlecast.services.subscriptions.subscribe import Subscribe
from tests.support.builders import (
    ACCOUNT,
    STRATEGY,
    SUBSCRIPTION,
    TENANT,
    a_position,
    a_strategy,
    a_subscription,
    an_account,
    settings,
)
from tests.support.fakes.accounts import FakeAccountStore
from tests.support.fakes.clock import FakeClock, SequentialIdentifiers
from tests.support.fakes.queues import FakeTradeQueue
from tests.support.fakes.store import FakeDatabase
from tests.support.fakes.strategies import FakeStrategyStore
from tests.support.fakes.subscriptions import FakeSubscriptionStore


class ContestedSubscriptions(FakeSubscriptionStore):
    """Somebody else writes just before each of the next `times` writes."""

    def __init__(self, database: FakeDatabase) -> None:
        super().__init__(database)
        self.times = 0
        self.meanwhile: Callable[[], None] = lambda: None

    def write(self, subscription: Subscription, account: Account | None, follower_change: int) -> None:
        if self.times:
            self.times -= 1
            self.meanwhile()
        super().write(subscription, account, follower_change)


class World:
    def __init__(self) -> None:
        self.database = FakeDatabase()
        self.clock = FakeClock()
        self.accounts = FakeAccountStore(self.database)
        self.subscriptions = ContestedSubscriptions(self.database)
        self.queue = FakeTradeQueue()
        strategies = FakeStrategyStore(self.database)
        strategies.create_strategy(a_strategy())
        self.accounts.create(an_account(subscriptions={}))
        self.subscribe = Subscribe(self.subscriptions, strategies, self.accounts, self.clock, SequentialIdentifiers())
        self.change = ChangeSubscription(self.subscriptions, self.accounts, self.clock)
        self.cancel = CancelSubscription(self.subscriptions, self.accounts, self.queue, self.clock)
        following = replace(self.account, subscriptions={SUBSCRIPTION: SubscriptionStatus.ACTIVE})
        self.subscriptions.write(a_subscription(), following, 1)
        self.subscriptions.meanwhile = self.executor_writes

    @property
    def account(self) -> Account:
        return self.database.accounts[TENANT, ACCOUNT]

    def executor_writes(self) -> None:
        """An order is decided and a position opened, by somebody who has read the account afresh."""
        self.accounts.save(replace(self.account, positions={a_position().key: a_position()}))


@pytest.fixture
def world() -> World:
    return World()


def test_a_pause_wins_after_losing_to_the_executor_and_keeps_what_it_wrote(world: World) -> None:
    world.subscriptions.times = ATTEMPTS - 1
    paused = world.change.pause(TENANT, SUBSCRIPTION)
    assert paused == world.database.subscriptions[TENANT, SUBSCRIPTION]
    assert world.account.subscriptions == {SUBSCRIPTION: SubscriptionStatus.PAUSED}
    assert world.account.positions


def test_a_pause_gives_up_after_its_attempts_and_changes_nothing(world: World) -> None:
    world.subscriptions.times = ATTEMPTS
    with pytest.raises(Conflict, match="VERSION_CONFLICT"):
        world.change.pause(TENANT, SUBSCRIPTION)
    assert world.account.subscriptions == {SUBSCRIPTION: SubscriptionStatus.ACTIVE}
    assert world.database.subscriptions[TENANT, SUBSCRIPTION].status is SubscriptionStatus.ACTIVE


def test_a_cancel_that_races_with_an_entry_sees_its_position(world: World) -> None:
    world.subscriptions.times = 1
    with pytest.raises(Conflict, match="POSITION_OPEN"):
        world.cancel(TENANT, SUBSCRIPTION, close_position=False, correlation_id="c1")
    assert world.account.subscriptions == {SUBSCRIPTION: SubscriptionStatus.ACTIVE}


def test_a_cancel_that_closes_sends_the_exit_of_what_it_found_last(world: World) -> None:
    world.subscriptions.times = 1
    cancelled = world.cancel(TENANT, SUBSCRIPTION, close_position=True, correlation_id="c1")
    assert cancelled.closing == (a_position().market,)
    assert [order.signal.market for order in world.queue.sent] == [a_position().market]


def test_two_changes_of_settings_at_once_both_count(world: World) -> None:
    def other_window() -> None:
        stored = world.database.subscriptions[TENANT, SUBSCRIPTION]
        world.subscriptions.write(replace(stored, settings=replace(stored.settings, leverage=Decimal(3))), None, 0)

    def tighten(current: Settings) -> Settings:
        return replace(current, max_daily_loss_percent=Decimal(2))

    world.subscriptions.times, world.subscriptions.meanwhile = 1, other_window
    changed = world.change.update(TENANT, SUBSCRIPTION, tighten).settings
    assert (changed.leverage, changed.max_daily_loss_percent) == (Decimal(3), Decimal(2))


def test_a_subscription_that_races_with_its_own_repeat_is_made_once(world: World) -> None:
    def same_request_elsewhere() -> None:
        world.subscribe(TENANT, STRATEGY, ACCOUNT, settings(), "k1")

    world.subscriptions.times, world.subscriptions.meanwhile = 1, same_request_elsewhere
    subscription = world.subscribe(TENANT, STRATEGY, ACCOUNT, settings(), "k1")
    assert set(world.database.subscriptions) == {(TENANT, SUBSCRIPTION), (TENANT, subscription.subscription_id)}
    assert set(world.account.subscriptions) == {SUBSCRIPTION, subscription.subscription_id}
    assert world.database.strategies[STRATEGY].subscriber_count == 2


def test_what_a_service_returns_is_what_is_stored(world: World) -> None:
    made = world.subscribe(TENANT, STRATEGY, ACCOUNT, settings())
    assert made == world.database.subscriptions[TENANT, made.subscription_id]
    cancelled = world.cancel(TENANT, made.subscription_id, close_position=False, correlation_id="c1")
    assert cancelled.subscription == world.database.subscriptions[TENANT, made.subscription_id]
