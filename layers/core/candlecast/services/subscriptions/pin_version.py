"""Pin a subscription to a version of its strategy, or let it follow the latest."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.subscriptions.subscription import Subscription
from candlecast.domain.values.copying import replace
from candlecast.ports.store import StrategyStore, SubscriptionStore
from candlecast.services.expectation import Expectation, anything
from candlecast.services.retry_conflict import retry_conflict
from candlecast.services.subscriptions.change_subscription import alive
from candlecast.services.subscriptions.subscribe import require_version


@dataclass(frozen=True, slots=True)
class PinVersion:
    """Pins and unpins. Open positions keep the levels and the version that opened them."""

    subscriptions: SubscriptionStore
    strategies: StrategyStore

    def __call__(
        self, tenant_id: str, subscription_id: str, version: int | None, *, expect: Expectation[Subscription] = anything
    ) -> Subscription:
        """Stay with a version, or with None follow the latest, from the next candle on; a repeat changes nothing.

        Raises `NotFound`, `InvalidValue` (VERSION_UNKNOWN), `Conflict` (SUBSCRIPTION_CANCELLED, TOO_MANY_PINNED_VERSIONS;
        VERSION_CONFLICT), and the errors of `expect`.
        """

        def attempt() -> Subscription:
            subscription = alive(self.subscriptions, tenant_id, subscription_id)
            expect(subscription)
            if subscription.pinned_version == version:
                return subscription
            pinned = replace(subscription, pinned_version=version)
            require_version(self.strategies, self.strategies.get_strategy(pinned.strategy_id), pinned)
            self.subscriptions.write(pinned, None, follower_change=0)
            return replace(pinned, version=pinned.version + 1)

        return retry_conflict(attempt)
