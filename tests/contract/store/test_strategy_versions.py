"""Versions, changes, releases and pins of strategies; strategies of tenants."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from candlecast.domain.account.events import EventType
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.versions import (
    MAX_OWNED_STRATEGIES,
    MAX_PINNED_VERSIONS,
    MAX_UPLOADS_A_DAY,
    UPLOAD_LEASE,
    StrategyChange,
)
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.errors import Conflict, InvalidValue, NotFound
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.filters import VersionFilter, Window
from tests.contract.store.conftest import Stores
from tests.support.builders import (
    BTC,
    NOW,
    STRATEGY,
    TENANT,
    VENUE,
    a_strategy,
    a_subscription,
    a_version,
    after,
    an_uploaded_strategy,
)


def create(stores: Stores) -> StrategyDefinition:
    stores.strategies.create_strategy(an_uploaded_strategy(), version=a_version())
    return an_uploaded_strategy()


def a_change(revision: int = 1, event: EventType = EventType.STRATEGY_CHANGED, **values: str) -> StrategyChange:
    return StrategyChange(strategy_id=STRATEGY, revision=revision, type=event, changed_by=TENANT, changed_at=NOW, values=values)


def follow(stores: Stores, subscription_id: str, pinned: int | None = None) -> None:
    follower = a_subscription(subscription_id, account_id=None, pinned_version=pinned)
    stores.subscriptions.write(follower, None, follower_change=1)


def change(stores: Stores, subscription_id: str, follower_change: int = 0, **changes: object) -> None:
    held = stores.subscriptions.get_subscription(TENANT, subscription_id)
    stores.subscriptions.write(replace(held, **changes), None, follower_change)  # type: ignore[arg-type]


def pins(stores: Stores) -> dict[int, int]:
    found = dict(stores.strategies.pinned_versions(STRATEGY))
    assert stores.strategies.get_strategy(STRATEGY).pinned_count == sum(found.values())
    return found


def test_an_uploaded_strategy_is_read_with_its_first_version(stores: Stores) -> None:
    version = a_version(note="first", parameters={"period": 10, "factor": 1.5, "strict": True, "side": "long"})
    strategy = an_uploaded_strategy(tags=("trend", "btc"), collaborators=("tenant-2",), description="mine")
    stores.strategies.create_strategy(strategy, version=version)
    assert stores.strategies.get_strategy(STRATEGY) == strategy
    assert stores.strategies.get_version(STRATEGY, 1) == version
    with pytest.raises(NotFound):
        stores.strategies.get_version(STRATEGY, 2)
    with pytest.raises(NotFound):
        stores.strategies.get_version("strategy-9", 1)


def test_a_taken_name_leaves_no_version_behind(stores: Stores) -> None:
    stores.strategies.create_strategy(a_strategy())
    with pytest.raises(Conflict, match="ALREADY_EXISTS"):
        stores.strategies.create_strategy(an_uploaded_strategy(), version=a_version())
    with pytest.raises(NotFound):
        stores.strategies.get_version(STRATEGY, 1)
    assert stores.strategies.get_strategy(STRATEGY) == a_strategy()
    assert list(stores.strategies.owned_strategies(TENANT).items) == []


def test_strategies_of_a_tenant_are_listed_for_their_owner_alone(stores: Stores) -> None:
    stores.strategies.create_strategy(a_strategy("strategy-1"))
    for strategy_id, owner in (("strategy-4", TENANT), ("strategy-2", TENANT), ("strategy-3", "tenant-2")):
        stores.strategies.create_strategy(an_uploaded_strategy(strategy_id, owner=owner), version=a_version(1, strategy_id))
    first = stores.strategies.owned_strategies(TENANT, limit=1)
    second = stores.strategies.owned_strategies(TENANT, first.cursor, 1)
    assert [strategy.strategy_id for strategy in (*first.items, *second.items)] == ["strategy-2", "strategy-4"]
    assert [strategy.strategy_id for strategy in stores.strategies.list_strategies().items] == ["strategy-1"]
    with pytest.raises(InvalidValue, match="CURSOR_INVALID"):
        stores.strategies.owned_strategies("tenant-2", first.cursor)


def test_a_tenant_owns_a_bounded_number_of_strategies(stores: Stores) -> None:
    for number in range(MAX_OWNED_STRATEGIES):
        name = f"strategy-{number}"
        stores.strategies.create_strategy(an_uploaded_strategy(name), version=a_version(1, name))
    with pytest.raises(Conflict, match="TOO_MANY_STRATEGIES"):
        stores.strategies.create_strategy(an_uploaded_strategy("one-more"), version=a_version(1, "one-more"))
    with pytest.raises(NotFound):
        stores.strategies.get_strategy("one-more")
    with pytest.raises(NotFound):
        stores.strategies.get_version("one-more", 1)
    with pytest.raises(Conflict, match="ALREADY_EXISTS"):
        stores.strategies.create_strategy(an_uploaded_strategy("strategy-0"), version=a_version(1, "strategy-0"))
    stores.strategies.create_strategy(an_uploaded_strategy("one-more", owner="tenant-2"), version=a_version(1, "one-more"))


def test_a_tenant_uploads_a_bounded_number_of_times_a_day(stores: Stores) -> None:
    for _ in range(MAX_UPLOADS_A_DAY):
        stores.strategies.begin_upload(TENANT, NOW)
        stores.strategies.end_upload(TENANT, NOW)
    with pytest.raises(Conflict, match="TOO_MANY_UPLOADS"):
        stores.strategies.begin_upload(TENANT, NOW + timedelta(minutes=1))
    stores.strategies.begin_upload("tenant-2", NOW)
    stores.strategies.begin_upload(TENANT, NOW + timedelta(days=1))


def test_one_upload_of_a_tenant_is_checked_at_a_time(stores: Stores) -> None:
    stores.strategies.begin_upload(TENANT, NOW)
    stores.strategies.begin_upload("tenant-2", NOW)
    for _ in range(MAX_UPLOADS_A_DAY):  # refusals that do not count
        with pytest.raises(Conflict, match="UPLOAD_IN_PROGRESS"):
            stores.strategies.begin_upload(TENANT, NOW + UPLOAD_LEASE - timedelta(milliseconds=1))
    stores.strategies.end_upload(TENANT, NOW)
    stores.strategies.begin_upload(TENANT, NOW + timedelta(seconds=1))
    stores.strategies.begin_upload(TENANT, NOW + timedelta(seconds=1) + UPLOAD_LEASE)  # the one before has never ended


def test_a_change_is_stored_with_its_version_and_told_once(stores: Stores) -> None:
    strategy = create(stores)
    follow(stores, "subscription-1")
    assert strategy.release is not None
    released = replace(strategy, latest_version=2, release=strategy.release.to_share(2, 20, TENANT, NOW))
    told = a_change(1, EventType.STRATEGY_VERSION_RELEASED, version="2", share_percent="20")
    stored = stores.strategies.change_strategy(released, told, a_version(2))
    assert stored == replace(released, revision=1)
    assert stores.strategies.get_strategy(STRATEGY) == replace(released, revision=1, subscriber_count=1)
    assert stores.strategies.get_version(STRATEGY, 2) == a_version(2)
    (event,) = stores.events()
    assert (event.tenant_id, event.account_id, event.version) == (TENANT, f"STRATEGY-{STRATEGY}", 1)
    assert (event.event.type, event.event.strategy_change) == (EventType.STRATEGY_VERSION_RELEASED, told)


def test_a_change_over_another_change_leaves_nothing(stores: Stores) -> None:
    strategy = create(stores)
    stored = stores.strategies.change_strategy(replace(strategy, name="first"), a_change(name="first"))
    with pytest.raises(Conflict, match="VERSION_CONFLICT"):
        stores.strategies.change_strategy(replace(strategy, name="second", latest_version=2), a_change(), a_version(2))
    with pytest.raises(NotFound):
        stores.strategies.get_version(STRATEGY, 2)
    stores.strategies.change_strategy(replace(stored, name="third"), a_change(2, name="third"))
    assert stores.strategies.get_strategy(STRATEGY).name == "third"
    assert [found.values["name"] for found in stores.strategies.list_changes(STRATEGY).items] == ["third", "first"]
    assert len(stores.events()) == 2


def test_a_number_is_given_to_one_version(stores: Stores) -> None:
    strategy = create(stores)
    with pytest.raises(Conflict, match="VERSION_CONFLICT"):
        stores.strategies.change_strategy(strategy, a_change(), a_version(1, note="another"))
    assert stores.strategies.get_version(STRATEGY, 1) == a_version()
    assert (stores.strategies.get_strategy(STRATEGY).revision, stores.events()) == (0, [])


def test_a_change_of_an_unknown_strategy_is_not_found(stores: Stores) -> None:
    with pytest.raises(NotFound):
        stores.strategies.change_strategy(an_uploaded_strategy(), a_change())
    assert list(stores.strategies.list_changes(STRATEGY).items) == []


def test_a_change_names_the_revision_that_it_makes(stores: Stores) -> None:
    strategy = create(stores)
    with pytest.raises(InvalidValue):
        stores.strategies.change_strategy(strategy, a_change(2))


def test_a_strategy_of_the_platform_gets_versions_too(stores: Stores) -> None:
    stores.strategies.create_strategy(a_strategy())
    follow(stores, "subscription-1")
    stores.strategies.change_strategy(a_strategy(latest_version=1), a_change(), a_version(source_hash=None))
    found = stores.strategies.get_strategy(STRATEGY)
    assert (found.latest_version, found.revision, found.subscriber_count) == (1, 1, 1)
    assert list(stores.strategies.followed_markets(Timeframe.M1)) == [(VENUE, BTC)]
    assert [event.tenant_id for event in stores.events()] == ["PLATFORM"]


def test_versions_are_listed_newest_first(stores: Stores) -> None:
    strategy = create(stores)
    for number in range(2, 12):
        strategy = stores.strategies.change_strategy(strategy, a_change(number - 1), a_version(number))
    first = stores.strategies.list_versions(STRATEGY, VersionFilter(), limit=6)
    second = stores.strategies.list_versions(STRATEGY, VersionFilter(), first.cursor, 6)
    assert [version.number for version in (*first.items, *second.items)] == list(range(11, 0, -1))
    assert second.cursor is None
    assert list(stores.strategies.list_versions("strategy-9", VersionFilter()).items) == []
    assert [found.revision for found in stores.strategies.list_changes(STRATEGY).items] == list(range(10, 0, -1))


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        (VersionFilter(window=Window(since=after(3))), [5, 4, 3]),
        (VersionFilter(window=Window(since=after(2), until=after(4), ascending=True)), [2, 3]),
        (VersionFilter(window=Window(ascending=True)), [1, 2, 3, 4, 5]),
        (VersionFilter(source_hash="b" * 64), [4, 2]),
        (VersionFilter(digest="digest-3"), [3]),
        (VersionFilter(digest="digest-3", source_hash="b" * 64), []),
    ],
)
def test_versions_are_listed_by_time_and_by_code(stores: Stores, where: VersionFilter, numbers: list[int]) -> None:
    strategy = create(stores)
    for number in range(2, 6):
        text = "b" * 64 if number % 2 == 0 else "c" * 64
        version = a_version(number, created_at=after(number), source_hash=text, digest=f"digest-{number}")
        strategy = stores.strategies.change_strategy(strategy, a_change(number - 1), version)
    assert [version.number for version in stores.strategies.list_versions(STRATEGY, where).items] == numbers


def test_pins_are_counted_from_follow_to_cancel(stores: Stores) -> None:
    create(stores)
    follow(stores, "subscription-1", pinned=1)
    follow(stores, "subscription-2", pinned=1)
    follow(stores, "subscription-3")
    assert pins(stores) == {1: 2}
    change(stores, "subscription-3", pinned_version=2)
    assert pins(stores) == {1: 2, 2: 1}
    change(stores, "subscription-1", pinned_version=2)
    assert pins(stores) == {1: 1, 2: 2}
    change(stores, "subscription-1", status=SubscriptionStatus.PAUSED)
    assert pins(stores) == {1: 1, 2: 2}
    change(stores, "subscription-2", pinned_version=None)
    assert pins(stores) == {2: 2}
    change(stores, "subscription-1", follower_change=-1, status=SubscriptionStatus.CANCELLED)
    assert pins(stores) == {2: 1}
    change(stores, "subscription-3", follower_change=-1, status=SubscriptionStatus.CANCELLED)
    assert pins(stores) == {}
    assert stores.strategies.get_strategy(STRATEGY).subscriber_count == 1
    assert stores.subscriptions.get_subscription(TENANT, "subscription-3").pinned_version == 2


def test_a_change_of_the_strategy_leaves_its_pins(stores: Stores) -> None:
    strategy = create(stores)
    follow(stores, "subscription-1", pinned=1)
    stores.strategies.change_strategy(replace(strategy, name="other"), a_change())
    assert pins(stores) == {1: 1}


def test_a_bounded_number_of_versions_is_pinned(stores: Stores) -> None:
    create(stores)
    for number in range(1, MAX_PINNED_VERSIONS + 1):
        follow(stores, f"subscription-{number}", pinned=number)
    with pytest.raises(Conflict, match="TOO_MANY_PINNED_VERSIONS"):
        follow(stores, "one-more", pinned=MAX_PINNED_VERSIONS + 1)
    with pytest.raises(NotFound):
        stores.subscriptions.get_subscription(TENANT, "one-more")
    with pytest.raises(Conflict, match="TOO_MANY_PINNED_VERSIONS"):
        follow(stores, "another", pinned=None)
        change(stores, "another", pinned_version=MAX_PINNED_VERSIONS + 1)
    follow(stores, "one-more", pinned=MAX_PINNED_VERSIONS)
    change(stores, "subscription-1", pinned_version=MAX_PINNED_VERSIONS + 1)  # in the place of the version that it leaves
    assert sorted(pins(stores)) == list(range(2, MAX_PINNED_VERSIONS + 2))


def test_pins_of_an_unknown_strategy_are_not_found(stores: Stores) -> None:
    with pytest.raises(NotFound):
        stores.strategies.pinned_versions("strategy-9")


def test_followed_uploads_stand_apart_from_what_the_platform_runs(stores: Stores) -> None:
    stores.strategies.create_strategy(a_strategy("strategy-2"))
    create(stores)
    assert list(stores.strategies.followed_uploads(Timeframe.M1)) == []
    follow(stores, "subscription-1")
    stores.subscriptions.write(a_subscription("subscription-2", strategy_id="strategy-2", account_id=None), None, 1)
    assert list(stores.strategies.followed_uploads(Timeframe.M1)) == [(VENUE, BTC, STRATEGY)]
    assert list(stores.strategies.followed_uploads(Timeframe.H1)) == []
    followed = stores.strategies.followed_strategies(Timeframe.M1, VENUE, BTC)
    assert [strategy.strategy_id for strategy in followed] == ["strategy-2"]
    change(stores, "subscription-1", follower_change=-1, status=SubscriptionStatus.CANCELLED)
    assert list(stores.strategies.followed_uploads(Timeframe.M1)) == []
