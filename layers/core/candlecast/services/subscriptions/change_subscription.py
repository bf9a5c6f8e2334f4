"""Change a subscription while it lives: its settings, and whether it takes entries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from candlecast.domain.account.account import Account
from candlecast.domain.limits.lock import bounded, lock_end, refuse_locked, require_bounded, unlocked
from candlecast.domain.subscriptions.locked_settings import loosened_settings
from candlecast.domain.subscriptions.subscription import Settings, Subscription, SubscriptionStatus
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict
from candlecast.ports.clock import Clock
from candlecast.ports.store import AccountStore, SubscriptionStore
from candlecast.services.expectation import Expectation, anything
from candlecast.services.retry_conflict import retry_conflict


@dataclass(frozen=True, slots=True)
class ChangeSubscription:
    """Updates, pauses and resumes. A status lands in the subscription and in its account in one transaction (invariant 7)."""

    subscriptions: SubscriptionStore
    accounts: AccountStore
    clock: Clock

    def update(
        self,
        tenant_id: str,
        subscription_id: str,
        change: Callable[[Settings], Settings],
        *,
        expect: Expectation[Subscription] = anything,
    ) -> Subscription:
        """Apply `change` to the settings in force; the next signal uses the result, open positions keep their stops.

        A locked subscription is not loosened by any setting. Raises `NotFound`, `InvalidValue` (LOCK_TOO_LONG, TOO_MANY_ENTRIES,
        TEXT_INVALID), `Conflict` (SUBSCRIPTION_CANCELLED, LIMITS_LOCKED, VERSION_CONFLICT), and every error of `change` and
        `expect`.
        """

        def attempt() -> Subscription:
            subscription = alive(self.subscriptions, tenant_id, subscription_id)
            expect(subscription)
            held, set_at, now = subscription.settings, subscription.settings_set_at, self.clock.now()
            known = replace(held, limits=bounded(held.limits, set_at))
            wanted = change(known).require_settable()
            if wanted == known:
                return subscription
            require_bounded(wanted.limits, now)
            refuse_locked(loosened_settings(known, wanted), lock_end(held.limits, set_at), now)
            return self._write(replace(subscription, settings=wanted, settings_set_at=now), None)

        return retry_conflict(attempt)

    def lift_lock(self, tenant_id: str, subscription_id: str, until: datetime) -> Subscription:
        """Take the lock until `until` away. `services/people/lift_lock.py` asks who may.

        Raises `NotFound`, `Conflict` (APPROVAL_OUTDATED for another lock; SUBSCRIPTION_CANCELLED, VERSION_CONFLICT).
        """

        def attempt() -> Subscription:
            subscription = alive(self.subscriptions, tenant_id, subscription_id)
            settings = subscription.settings
            lifted = replace(settings, limits=unlocked(settings.limits, until))
            return self._write(replace(subscription, settings=lifted, settings_set_at=self.clock.now()), None)

        return retry_conflict(attempt)

    def pause(self, tenant_id: str, subscription_id: str) -> Subscription:
        """Take no entries from now on; exits still close what is held. A repeat changes nothing. Raises as `update` does."""
        return self._switch(tenant_id, subscription_id, SubscriptionStatus.PAUSED)

    def resume(self, tenant_id: str, subscription_id: str) -> Subscription:
        """Take entries again. A repeat changes nothing. Raises as `update` does."""
        return self._switch(tenant_id, subscription_id, SubscriptionStatus.ACTIVE)

    def _switch(self, tenant_id: str, subscription_id: str, status: SubscriptionStatus) -> Subscription:
        def attempt() -> Subscription:
            subscription = alive(self.subscriptions, tenant_id, subscription_id)
            if subscription.status is status:
                return subscription
            return self._write(replace(subscription, status=status), self._account(subscription, status))

        return retry_conflict(attempt)

    def _account(self, subscription: Subscription, status: SubscriptionStatus) -> Account | None:
        if subscription.account_id is None:
            return None
        account = self.accounts.load(subscription.tenant_id, subscription.account_id)
        return replace(account, subscriptions={**account.subscriptions, subscription.subscription_id: status})

    def _write(self, subscription: Subscription, account: Account | None) -> Subscription:
        self.subscriptions.write(subscription, account, follower_change=0)
        return replace(subscription, version=subscription.version + 1)


def alive(subscriptions: SubscriptionStore, tenant_id: str, subscription_id: str) -> Subscription:
    """A subscription that can be changed; raises `NotFound`, `Conflict` (SUBSCRIPTION_CANCELLED)."""
    subscription = subscriptions.get_subscription(tenant_id, subscription_id)
    if subscription.status is SubscriptionStatus.CANCELLED:
        raise Conflict("SUBSCRIPTION_CANCELLED", "a cancelled subscription stays cancelled: make a new one")
    return subscription
