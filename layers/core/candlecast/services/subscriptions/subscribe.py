"""Subscribe: let one account follow a strategy with settings of its own."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.account.account import MAX_SUBSCRIPTIONS_PER_ACCOUNT, Account
from candlecast.domain.limits.lock import require_bounded
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.subscriptions.subscription import Settings, Subscription, SubscriptionStatus
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, InvalidValue, NotFound
from candlecast.domain.values.ids import digest
from candlecast.ports.clock import Clock, Identifiers
from candlecast.ports.store import AccountStore, StrategyStore, SubscriptionStore
from candlecast.services.retry_conflict import retry_conflict

MAX_SUBSCRIPTIONS = 500  # per tenant, cancelled ones included since they own their trades: a listing reads them all


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Creates subscriptions: the subscription, its account's knowledge of it and the follower count in one transaction."""

    subscriptions: SubscriptionStore
    strategies: StrategyStore
    accounts: AccountStore
    clock: Clock
    identifiers: Identifiers

    def __call__(
        self,
        tenant_id: str,
        strategy_id: str,
        account_id: str | None,
        settings: Settings,
        idempotency_key: str | None = None,
        *,
        pinned_version: int | None = None,
        link_key: str | None = None,
    ) -> Subscription:
        """Create an active subscription; a repeat with the same idempotency key returns the first one as it is now.

        Without an account it is skipped at every signal, with the reason. `link_key` opens a strategy that is found by its link
        alone. Raises `NotFound` (strategy or account), `Conflict` (VENUE_MISMATCH, STRATEGY_RETIRED, TOO_MANY_SUBSCRIPTIONS,
        TOO_MANY_PINNED_VERSIONS; VERSION_CONFLICT), `InvalidValue` (IDEMPOTENCY_KEY_REUSED, VERSION_UNKNOWN, LOCK_TOO_LONG,
        TOO_MANY_ENTRIES, TEXT_INVALID).
        """
        now = self.clock.now()
        require_bounded(settings.limits, now)
        wanted = Subscription(
            tenant_id=tenant_id,
            subscription_id=digest("subscription", tenant_id, idempotency_key) if idempotency_key else self.identifiers.new(),
            strategy_id=strategy_id,
            account_id=account_id,
            settings=settings.require_settable(),
            status=SubscriptionStatus.ACTIVE,
            created_at=now,
            settings_set_at=now,
            pinned_version=pinned_version,
        )
        return retry_conflict(lambda: self._attempt(wanted, link_key))

    def _attempt(self, wanted: Subscription, link_key: str | None) -> Subscription:
        """One try; after a lost race with its own repeat it finds what the other has made."""
        first = self._first(wanted)
        if first is not None:
            return first
        strategy = self.strategies.get_strategy(wanted.strategy_id)
        if not strategy.may_find(wanted.tenant_id, link_key):
            raise NotFound("no such strategy")
        if not strategy.may_follow(wanted.tenant_id, link_key):
            raise Conflict("STRATEGY_RETIRED", "a retired strategy takes no more followers")
        require_version(self.strategies, strategy, wanted)
        account = self._account(wanted, strategy.venue)
        if len(self.subscriptions.list_subscriptions(wanted.tenant_id)) >= MAX_SUBSCRIPTIONS:
            raise Conflict("TOO_MANY_SUBSCRIPTIONS", f"at most {MAX_SUBSCRIPTIONS} subscriptions, cancelled ones included")
        self.subscriptions.write(wanted, account, follower_change=1)
        return replace(wanted, version=wanted.version + 1)

    def _account(self, wanted: Subscription, venue: str) -> Account | None:
        if wanted.account_id is None:
            return None
        account = self.accounts.load(wanted.tenant_id, wanted.account_id)
        account.require_in_service()
        if account.venue != venue:  # real money would follow what was decided on paper, or a record would mix the two
            raise Conflict("VENUE_MISMATCH", f"the account is on {account.venue}, the strategy on {venue}")
        if len(account.subscriptions) >= MAX_SUBSCRIPTIONS_PER_ACCOUNT:
            raise Conflict("TOO_MANY_SUBSCRIPTIONS", f"at most {MAX_SUBSCRIPTIONS_PER_ACCOUNT} live subscriptions on one account")
        return replace(account, subscriptions={**account.subscriptions, wanted.subscription_id: wanted.status})

    def _first(self, wanted: Subscription) -> Subscription | None:
        """The subscription of an earlier request with the same key; its settings count only while nobody has changed them."""
        try:
            first = self.subscriptions.get_subscription(wanted.tenant_id, wanted.subscription_id)
        except NotFound:
            return None
        same = (first.strategy_id, first.account_id) == (wanted.strategy_id, wanted.account_id)
        unchanged = first.version == wanted.version + 1
        is_repeat = (first.settings, first.pinned_version) == (wanted.settings, wanted.pinned_version)
        if not same or (unchanged and not is_repeat):
            raise InvalidValue("the key was used for another subscription", code="IDEMPOTENCY_KEY_REUSED")
        return first


def require_version(strategies: StrategyStore, strategy: StrategyDefinition, subscription: Subscription) -> None:
    """Raise `InvalidValue` (VERSION_UNKNOWN) for a pin to a version that the tenant may not pin.

    Authors pin any version of theirs, others one that is released. So nobody else gets a draft. Each pinned version is a run on
    each candle, which strangers cannot multiply.
    """
    number = subscription.pinned_version
    if number is None:
        return
    try:
        if number not in strategy.released and not strategy.may_change(subscription.tenant_id):
            raise NotFound("not released")
        strategies.get_version(subscription.strategy_id, number)
    except NotFound:
        raise InvalidValue("the strategy has no such version that is released", code="VERSION_UNKNOWN") from None
