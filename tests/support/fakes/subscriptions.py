"""Subscriptions in memory; a write checks everything before it changes anything, as a transaction does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from candlecast.domain.account.account import Account
from candlecast.domain.strategies.statistics import Statistics
from candlecast.domain.strategies.versions import require_few_pins
from candlecast.domain.subscriptions.subscription import Subscription, SubscriptionStatus
from candlecast.domain.values.errors import Conflict, InvalidValue, NotFound
from candlecast.domain.values.ids import shard_position
from candlecast.ports.clock import Clock
from candlecast.ports.filters import SubscriptionFilter
from candlecast.ports.store import Page
from tests.support.fakes.accounts import check_version, put_account
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.store import FakeDatabase, page_of


class FakeSubscriptionStore:
    def __init__(self, database: FakeDatabase | None = None, clock: Clock | None = None) -> None:
        self.database = database or FakeDatabase()
        self._clock = clock or FakeClock()

    def get_subscription(self, tenant_id: str, subscription_id: str) -> Subscription:
        try:
            return self.database.subscriptions[tenant_id, subscription_id]
        except KeyError:
            raise NotFound("no such subscription") from None

    def list_subscriptions(self, tenant_id: str) -> Sequence[Subscription]:
        owned = [subscription for (tenant, _), subscription in self.database.subscriptions.items() if tenant == tenant_id]
        return sorted(owned, key=lambda subscription: subscription.subscription_id)

    def page_subscriptions(
        self, tenant_id: str, where: SubscriptionFilter, cursor: str | None = None, limit: int = 50
    ) -> Page[Subscription]:
        fitting = [subscription for subscription in self.list_subscriptions(tenant_id) if where.fits(subscription)]
        return page_of(f"{tenant_id} SUBSCRIPTIONS", fitting, cursor, limit)

    def write(self, subscription: Subscription, account: Account | None, follower_change: int) -> None:
        key = (subscription.tenant_id, subscription.subscription_id)
        if follower_change not in (-1, 0, 1):
            raise InvalidValue("one subscription changes the count by one at most")
        if account is not None and account.tenant_id != subscription.tenant_id:
            raise InvalidValue("subscription and account have different tenants")
        strategy = self.database.strategies.get(subscription.strategy_id)
        if strategy is None:
            raise NotFound("no such strategy")
        stored = self.database.subscriptions.get(key)
        if (stored.version if stored else 0) != subscription.version:
            raise Conflict("VERSION_CONFLICT", "the subscription has changed since it was read")
        if account is not None:
            check_version(self.database, account)
        count = strategy.subscriber_count + follower_change
        if count < 0:
            raise Conflict("VERSION_CONFLICT", "the strategy has no follower to lose")
        pins = self._pins(subscription)
        if subscription.pinned_version is not None:
            require_few_pins(pins)
        if account is not None:
            put_account(self.database, account, self._clock.now())
        self.database.subscriptions[key] = replace(subscription, version=subscription.version + 1)
        self.database.strategies[strategy.strategy_id] = replace(strategy, subscriber_count=count, pinned_count=pins.total())

    def _pins(self, written: Subscription) -> Counter[int]:
        """Subscriptions of its strategy by pinned version, once the subscription is written."""
        others = {**self.database.subscriptions, (written.tenant_id, written.subscription_id): written}
        return Counter(
            each.pinned_version
            for each in others.values()
            if each.strategy_id == written.strategy_id
            and each.pinned_version is not None
            and each.status is not SubscriptionStatus.CANCELLED
        )

    def followers(self, strategy_id: str, start: str, end: str) -> Iterator[Subscription]:
        assert start, "the table takes no empty key"
        found = [
            subscription
            for subscription in self.database.subscriptions.values()
            if subscription.strategy_id == strategy_id
            and subscription.status is not SubscriptionStatus.CANCELLED
            and start <= shard_position(subscription.subscription_id) < end
        ]
        return iter(sorted(found, key=lambda subscription: shard_position(subscription.subscription_id)))

    def follows(self, tenant_id: str, strategy_id: str) -> bool:
        return any(
            each.strategy_id == strategy_id and each.status is not SubscriptionStatus.CANCELLED
            for each in self.list_subscriptions(tenant_id)
        )

    def subscriptions_to(self, tenant_id: str, strategy_id: str) -> Sequence[Subscription]:
        return [each for each in self.list_subscriptions(tenant_id) if each.strategy_id == strategy_id]

    def subscription_statistics(self, tenant_id: str, subscription_id: str) -> Statistics:
        return self.database.subscription_statistics.get((tenant_id, subscription_id), Statistics())
