"""Follow a version of a strategy, or its latest; and strategies that not everybody may follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from candlecast.domain.strategies.definition import StrategyDefinition, Visibility
from candlecast.domain.strategies.versions import MAX_PINNED_VERSIONS, Release
from candlecast.domain.subscriptions.subscription import Subscription, SubscriptionStatus
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, InvalidValue, NotFound
from candlecast.services.subscriptions.pin_version import PinVersion
from candlecast.services.subscriptions.subscribe import Subscribe
from tests.support.builders import NOW, STRATEGY, TENANT, a_strategy, a_version, an_uploaded_strategy, settings
from tests.support.fakes.accounts import FakeAccountStore
from tests.support.fakes.clock import FakeClock, SequentialIdentifiers
from tests.support.fakes.store import FakeDatabase
from tests.support.fakes.strategies import FakeStrategyStore
from tests.support.fakes.subscriptions import FakeSubscriptionStore

STRANGER = "tenant-2"


@dataclass
class Followers:
    """Tenants before one strategy."""

    database: FakeDatabase = field(default_factory=FakeDatabase)

    def __post_init__(self) -> None:
        clock = FakeClock()
        self.strategies = FakeStrategyStore(self.database)
        self.subscriptions = FakeSubscriptionStore(self.database, clock)
        accounts = FakeAccountStore(self.database, clock)
        self._subscribe = Subscribe(self.subscriptions, self.strategies, accounts, clock, SequentialIdentifiers())
        self.pin = PinVersion(self.subscriptions, self.strategies)

    def create(self, strategy: StrategyDefinition, versions: int = 2) -> None:
        self.strategies.create_strategy(strategy)
        for number in range(1, versions + 1):
            self.database.versions[STRATEGY, number] = a_version(number)

    def follow(self, tenant: str = TENANT, **changes: Any) -> Subscription:
        return self._subscribe(tenant, STRATEGY, None, settings(), **changes)

    @property
    def pins(self) -> dict[int, int]:
        return dict(self.strategies.pinned_versions(STRATEGY))


@pytest.fixture
def followers() -> Followers:
    return Followers()


def test_a_follower_pins_a_version_and_lets_it_go(followers: Followers) -> None:
    followers.create(an_uploaded_strategy(visibility=Visibility.PUBLIC))
    followed = followers.follow(pinned_version=1)
    assert (followed.pinned_version, followers.pins) == (1, {1: 1})
    again = followers.pin(TENANT, followed.subscription_id, 2)
    assert (again.pinned_version, again.version, followers.pins) == (2, 2, {2: 1})
    assert followers.pin(TENANT, followed.subscription_id, 2) == again
    assert followers.pin(TENANT, followed.subscription_id, None).pinned_version is None
    assert followers.pins == {}


def test_only_a_version_that_exists_is_pinned(followers: Followers) -> None:
    followers.create(an_uploaded_strategy())
    followed = followers.follow()
    for number in (0, 3, -1):
        with pytest.raises(InvalidValue, match="VERSION_UNKNOWN"):
            followers.pin(TENANT, followed.subscription_id, number)
        with pytest.raises(InvalidValue, match="VERSION_UNKNOWN"):
            followers.follow(pinned_version=number)
    assert (followers.pins, len(followers.database.subscriptions)) == ({}, 1)


def test_strangers_pin_what_is_released_and_authors_anything(followers: Followers) -> None:
    release = Release(stable=3, previous=2, candidate=4, share_percent=10, released_by=TENANT, released_at=NOW)
    strategy = an_uploaded_strategy(visibility=Visibility.PUBLIC, release=release, collaborators=("tenant-friend",))
    followers.create(strategy, versions=MAX_PINNED_VERSIONS)
    followed = followers.follow(STRANGER)
    for number in (2, 3, 4):
        assert followers.follow(STRANGER, pinned_version=number).pinned_version == number
        assert followers.pin(STRANGER, followed.subscription_id, number).pinned_version == number
    for number in (1, 5, MAX_PINNED_VERSIONS):
        with pytest.raises(InvalidValue, match="VERSION_UNKNOWN"):
            followers.pin(STRANGER, followed.subscription_id, number)
        with pytest.raises(InvalidValue, match="VERSION_UNKNOWN"):
            followers.follow(STRANGER, pinned_version=number)
        for author in (TENANT, "tenant-friend"):
            assert followers.follow(author, pinned_version=number).pinned_version == number


def test_a_pin_outlives_the_release_of_its_version(followers: Followers) -> None:
    followers.create(an_uploaded_strategy(visibility=Visibility.PUBLIC))
    followed = followers.follow(STRANGER, pinned_version=1)
    held = followers.database.strategies[STRATEGY]
    assert held.release is not None
    later = held.release.to_share(2, 100, TENANT, NOW).to_share(3, 100, TENANT, NOW)
    followers.database.strategies[STRATEGY] = replace(held, release=later)
    assert followers.pin(STRANGER, followed.subscription_id, 1) == followed


def test_a_strategy_without_versions_has_none_to_pin(followers: Followers) -> None:
    followers.create(a_strategy(), versions=0)
    with pytest.raises(InvalidValue, match="VERSION_UNKNOWN"):
        followers.follow(pinned_version=1)


def test_so_many_versions_are_pinned_and_no_more(followers: Followers) -> None:
    followers.create(an_uploaded_strategy(), versions=MAX_PINNED_VERSIONS + 1)
    for number in range(1, MAX_PINNED_VERSIONS + 1):
        followers.follow(pinned_version=number)
    one_more = followers.follow()
    with pytest.raises(Conflict, match="TOO_MANY_PINNED_VERSIONS"):
        followers.pin(TENANT, one_more.subscription_id, MAX_PINNED_VERSIONS + 1)
    assert followers.pin(TENANT, one_more.subscription_id, 1).pinned_version == 1


def test_a_cancelled_subscription_and_one_of_others_pin_nothing(followers: Followers) -> None:
    followers.create(an_uploaded_strategy())
    followed = followers.follow()
    with pytest.raises(NotFound):
        followers.pin(STRANGER, followed.subscription_id, 1)
    followers.subscriptions.write(replace(followed, status=SubscriptionStatus.CANCELLED), None, -1)
    with pytest.raises(Conflict, match="SUBSCRIPTION_CANCELLED"):
        followers.pin(TENANT, followed.subscription_id, 1)


def test_a_repeat_with_another_version_is_refused(followers: Followers) -> None:
    followers.create(an_uploaded_strategy())
    first = followers.follow(idempotency_key="key", pinned_version=1)
    assert followers.follow(idempotency_key="key", pinned_version=1) == first
    with pytest.raises(InvalidValue, match="IDEMPOTENCY_KEY_REUSED"):
        followers.follow(idempotency_key="key", pinned_version=2)


def test_a_private_strategy_does_not_exist_for_others(followers: Followers) -> None:
    followers.create(an_uploaded_strategy(visibility=Visibility.PRIVATE, collaborators=("tenant-friend",)))
    with pytest.raises(NotFound):
        followers.follow(STRANGER)
    for tenant in (TENANT, "tenant-friend"):
        assert followers.follow(tenant).status is SubscriptionStatus.ACTIVE


def test_a_strategy_with_a_link_is_followed_by_its_key_alone(followers: Followers) -> None:
    followers.create(an_uploaded_strategy(visibility=Visibility.LINK, link_key="key-1"))
    for key in (None, "", "key-2", "key-1 ", "kéy"):
        with pytest.raises(NotFound):
            followers.follow(STRANGER, link_key=key)
    assert followers.follow(STRANGER, link_key="key-1").tenant_id == STRANGER


@pytest.mark.parametrize(("tenant", "visibility"), [(STRANGER, Visibility.PUBLIC), (TENANT, Visibility.PRIVATE)])
def test_a_retired_strategy_takes_no_followers(followers: Followers, tenant: str, visibility: Visibility) -> None:
    followers.create(an_uploaded_strategy(visibility=visibility, retired_at=NOW))
    with pytest.raises(Conflict, match="STRATEGY_RETIRED"):
        followers.follow(tenant)


def test_a_private_strategy_that_is_retired_does_not_exist_either(followers: Followers) -> None:
    followers.create(an_uploaded_strategy(visibility=Visibility.PRIVATE, retired_at=NOW))
    with pytest.raises(NotFound):
        followers.follow(STRANGER)
