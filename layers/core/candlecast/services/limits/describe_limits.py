"""Show every limit in force for one subscription, and the level that it comes from."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.limits.limits import EffectiveLimits, Scope, tighten_further
from candlecast.domain.subscriptions.subscription import Subscription
from candlecast.ports.store import AccountStore, SubscriptionStore
from candlecast.services.limits.read_limits import ReadLimits, TenantLimits


@dataclass(frozen=True, slots=True)
class DescribeLimits:
    """The limits that the next signal of a subscription will be held against."""

    read: ReadLimits
    subscriptions: SubscriptionStore
    accounts: AccountStore

    def __call__(self, tenant_id: str, subscription_id: str) -> EffectiveLimits:
        """Raises `NotFound` for a subscription that is not the tenant's."""
        subscription = self.subscriptions.get_subscription(tenant_id, subscription_id)
        return self.of(subscription, self.read([tenant_id])[tenant_id])

    def of(self, subscription: Subscription, above: TenantLimits) -> EffectiveLimits:
        """The limits of a subscription under those that stand above its tenant."""
        layers = [(Scope.SUBSCRIPTION, subscription.settings.layer())]
        if subscription.account_id is not None:
            account = self.accounts.load(subscription.tenant_id, subscription.account_id)
            layers.append((Scope.ACCOUNT, account.limits))
        return tighten_further(above.effective, layers)
