"""Subscriptions: one transaction with account and follower count, and shards that part their followers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from candlecast.domain.account.events import Event, EventType
from candlecast.domain.strategies.statistics import Statistics
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.errors import Conflict, InvalidValue, NotFound
from candlecast.ports.filters import SubscriptionFilter
from candlecast.services.signals.publish_signal import shard_bounds
from tests.contract.store.conftest import Stores
from tests.support.builders import ACCOUNT, NOW, STRATEGY, SUBSCRIPTION, TENANT, a_strategy, a_subscription, an_account, settings


def count(stores: Stores) -> int:
    return stores.strategies.get_strategy(STRATEGY).subscriber_count


def test_a_subscription_is_written_with_its_account_and_its_follower(stores: Stores) -> None:
    stores.strategies.create_strategy(a_strategy())
    account = stores.accounts.create(an_account(subscriptions={}))
    changed = replace(
        account,
        subscriptions={SUBSCRIPTION: SubscriptionStatus.ACTIVE},
        outbox=(Event(type=EventType.ACCOUNT_CHANGED, occurred_at=NOW, code="SUBSCRIBED"),),
    )
    stores.subscriptions.write(a_subscription(), changed, follower_change=1)
    assert stores.subscriptions.get_subscription(TENANT, SUBSCRIPTION) == a_subscription(version=1)
    assert stores.accounts.load(TENANT, ACCOUNT) == replace(changed, version=2, outbox=())
    assert count(stores) == 1
    assert [(event.version, event.event.code) for event in stores.events()] == [(2, "SUBSCRIBED")]


def test_nothing_is_written_if_the_account_has_changed(stores: Stores) -> None:
    stores.strategies.create_strategy(a_strategy())
    stale = stores.accounts.create(an_account())
    stores.accounts.save(replace(stale, label="changed"))
    with pytest.raises(Conflict) as conflict:
        stores.subscriptions.write(a_subscription(), stale, follower_change=1)
    assert conflict.value.code == "VERSION_CONFLICT"
    with pytest.raises(NotFound):
        stores.subscriptions.get_subscription(TENANT, SUBSCRIPTION)
    assert (count(stores), stores.accounts.load(TENANT, ACCOUNT).label) == (0, "changed")


@pytest.mark.parametrize("version", [0, 2])
def test_nothing_is_written_if_the_subscription_has_changed(stores: Stores, version: int) -> None:
    stores.strategies.create_strategy(a_strategy())
    account = stores.accounts.create(an_account())
    stores.subscriptions.write(a_subscription(), None, follower_change=1)
    with pytest.raises(Conflict):
        stores.subscriptions.write(a_subscription(version=version), replace(account, label="changed"), follower_change=1)
    assert (count(stores), stores.accounts.load(TENANT, ACCOUNT)) == (1, account)


def test_a_subscription_to_an_unknown_strategy_is_refused(stores: Stores) -> None:
    with pytest.raises(NotFound):
        stores.subscriptions.write(a_subscription(), None, follower_change=1)
    assert list(stores.subscriptions.list_subscriptions(TENANT)) == []


def test_a_strategy_never_has_less_than_no_follower(stores: Stores) -> None:
    stores.strategies.create_strategy(a_strategy())
    with pytest.raises(Conflict):
        stores.subscriptions.write(a_subscription(), None, follower_change=-1)
    assert count(stores) == 0


def test_a_subscription_and_an_account_of_two_tenants_are_refused(stores: Stores) -> None:
    stores.strategies.create_strategy(a_strategy())
    foreign = stores.accounts.create(an_account(tenant_id="tenant-2"))
    with pytest.raises(InvalidValue):
        stores.subscriptions.write(a_subscription(), foreign, follower_change=1)


def test_a_tenant_follows_by_a_subscription_until_that_is_cancelled(stores: Stores) -> None:
    for name in (STRATEGY, f"{STRATEGY}-2"):
        stores.strategies.create_strategy(a_strategy(name))
    assert not stores.subscriptions.follows(TENANT, STRATEGY)
    for name in ("subscription-1", "subscription-2"):
        stores.subscriptions.write(a_subscription(name, account_id=None), None, follower_change=1)
    assert stores.subscriptions.follows(TENANT, STRATEGY)
    assert not stores.subscriptions.follows("tenant-2", STRATEGY)
    assert not stores.subscriptions.follows(TENANT, f"{STRATEGY}-2")
    for name, follows in (("subscription-1", True), ("subscription-2", False)):
        alive = stores.subscriptions.get_subscription(TENANT, name)
        stores.subscriptions.write(replace(alive, status=SubscriptionStatus.CANCELLED), None, follower_change=-1)
        assert stores.subscriptions.follows(TENANT, STRATEGY) is follows


def test_settings_change_without_touching_the_count(stores: Stores) -> None:
    stores.strategies.create_strategy(a_strategy())
    stores.subscriptions.write(a_subscription(), None, follower_change=1)
    written = stores.subscriptions.get_subscription(TENANT, SUBSCRIPTION)
    stores.subscriptions.write(replace(written, settings=settings(max_positions=3)), None, follower_change=0)
    changed = stores.subscriptions.get_subscription(TENANT, SUBSCRIPTION)
    assert (changed.version, changed.settings.max_positions, count(stores)) == (2, 3, 1)


def test_subscriptions_of_a_tenant_are_listed_and_no_others(stores: Stores) -> None:
    stores.strategies.create_strategy(a_strategy())
    for name, tenant in (("subscription-2", TENANT), ("subscription-1", TENANT), ("subscription-3", "tenant-2")):
        stores.subscriptions.write(a_subscription(name, tenant_id=tenant, account_id=None), None, follower_change=1)
    listed = stores.subscriptions.list_subscriptions(TENANT)
    assert [subscription.subscription_id for subscription in listed] == ["subscription-1", "subscription-2"]
    first = stores.subscriptions.page_subscriptions(TENANT, SubscriptionFilter(), limit=1)
    second = stores.subscriptions.page_subscriptions(TENANT, SubscriptionFilter(), first.cursor, 1)
    assert [*first.items, *second.items] == list(listed)
    assert (first.cursor is None, second.cursor) == (False, None)
    with pytest.raises(InvalidValue):
        stores.subscriptions.page_subscriptions("tenant-2", SubscriptionFilter(), first.cursor)
    with pytest.raises(NotFound):
        stores.subscriptions.get_subscription(TENANT, "subscription-3")
    assert stores.subscriptions.subscription_statistics(TENANT, "subscription-3") == Statistics()


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        (SubscriptionFilter(strategy_id="strategy-2"), [3, 4]),
        (SubscriptionFilter(account_id=ACCOUNT), [2]),
        (SubscriptionFilter(status=SubscriptionStatus.CANCELLED), [4]),
        (SubscriptionFilter(strategy_id=STRATEGY, status=SubscriptionStatus.ACTIVE), [1, 2]),
        (SubscriptionFilter(strategy_id="strategy-3"), []),
    ],
)
def test_subscriptions_are_listed_by_strategy_account_and_status(
    stores: Stores, where: SubscriptionFilter, numbers: list[int]
) -> None:
    stores.strategies.create_strategy(a_strategy())
    stores.strategies.create_strategy(a_strategy("strategy-2"))
    for number in range(1, 5):
        followed, account = STRATEGY if number < 3 else "strategy-2", ACCOUNT if number == 2 else None
        one = a_subscription(f"subscription-{number}", strategy_id=followed, account_id=account)
        stores.subscriptions.write(one, None, follower_change=1)
    last = stores.subscriptions.get_subscription(TENANT, "subscription-4")
    stores.subscriptions.write(replace(last, status=SubscriptionStatus.CANCELLED), None, follower_change=-1)
    found = stores.subscriptions.page_subscriptions(TENANT, where).items
    assert [it.subscription_id for it in found] == [f"subscription-{number}" for number in numbers]


@pytest.mark.parametrize("followers", [1, 101, 350])
def test_shards_part_all_followers_exactly_once(stores: Stores, followers: int) -> None:
    wanted = min(followers, 40)  # the bounds are those of `followers`, the ring is as full as it need be
    stores.strategies.create_strategy(a_strategy())
    for number in range(wanted):
        follower = a_subscription(f"subscription-{number}", tenant_id=f"tenant-{number}", account_id=None)
        stores.subscriptions.write(follower, None, follower_change=1)
    found = [
        subscription.subscription_id
        for start, end in shard_bounds(followers)
        for subscription in stores.subscriptions.followers(STRATEGY, start, end)
    ]
    assert sorted(found) == sorted(f"subscription-{number}" for number in range(wanted))


def test_a_paused_subscription_follows_and_a_cancelled_one_does_not(stores: Stores) -> None:
    stores.strategies.create_strategy(a_strategy())
    for name, status in (("subscription-1", SubscriptionStatus.PAUSED), ("subscription-2", SubscriptionStatus.ACTIVE)):
        stores.subscriptions.write(a_subscription(name, status=status), None, follower_change=1)
    second = stores.subscriptions.get_subscription(TENANT, "subscription-2")
    stores.subscriptions.write(replace(second, status=SubscriptionStatus.CANCELLED), None, follower_change=-1)
    found = list(stores.subscriptions.followers(STRATEGY, "0000", "g"))
    assert [subscription.subscription_id for subscription in found] == ["subscription-1"]
    assert stores.subscriptions.get_subscription(TENANT, "subscription-2").status is SubscriptionStatus.CANCELLED
