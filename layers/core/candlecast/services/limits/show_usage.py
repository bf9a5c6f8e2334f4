"""Show how much of its limits a subscription and its account use now."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.decide.risk.use import LimitUse, uses_of
from candlecast.domain.values.errors import Conflict
from candlecast.ports.clock import Clock
from candlecast.ports.store import AccountStore, SubscriptionStore
from candlecast.services.limits.describe_limits import DescribeLimits
from candlecast.services.limits.read_limits import ReadLimits


@dataclass(frozen=True, slots=True)
class ShowUsage:
    """Reads only; the shared limits of an organisation are shown with its pool."""

    read: ReadLimits
    subscriptions: SubscriptionStore
    accounts: AccountStore
    clock: Clock

    def __call__(self, tenant_id: str, subscription_id: str) -> tuple[LimitUse, ...]:
        """Raises `NotFound` for a subscription that is not the tenant's, `Conflict` (NO_ACCOUNT) for one that trades nowhere."""
        subscription = self.subscriptions.get_subscription(tenant_id, subscription_id)
        if subscription.account_id is None:
            raise Conflict("NO_ACCOUNT", "the subscription has no account that could use anything")
        above = self.read([tenant_id])[tenant_id]
        effective = DescribeLimits(self.read, self.subscriptions, self.accounts).of(subscription, above)
        account = self.accounts.load(tenant_id, subscription.account_id)
        return uses_of(account, subscription, effective, self.clock.now())
