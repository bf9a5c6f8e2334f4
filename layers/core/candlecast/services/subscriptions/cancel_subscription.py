"""Cancel a subscription with the entries that rest for it, and close what it still holds if its owner says so."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.account.account import Account
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.signals.signal import Action, Signal
from candlecast.domain.subscriptions.subscription import Subscription, SubscriptionStatus
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict
from candlecast.domain.values.ids import digest
from candlecast.ports.clock import Clock
from candlecast.ports.queue import TradeQueue
from candlecast.ports.store import AccountStore, SubscriptionStore
from candlecast.services.retry_conflict import retry_conflict


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The cancelled subscription, and the markets in which an exit was ordered."""

    subscription: Subscription
    closing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CancelSubscription:
    """Ends a subscription for good; its orders and trades stay."""

    subscriptions: SubscriptionStore
    accounts: AccountStore
    queue: TradeQueue
    clock: Clock

    def __call__(self, tenant_id: str, subscription_id: str, *, close_position: bool, correlation_id: str) -> Cancelled:
        """Cancel, and send an exit where an entry rests: it cancels the entry, and closes what that has filled by then.

        With `close_position`, an exit is sent for everything that the subscription holds or is about to hold. Cancelled first, so
        that nothing is entered behind the exit. A repeat sends the exits again if they were cut off; the account sends no exit
        twice. Raises `NotFound`, `Conflict` (POSITION_OPEN; ORDER_UNDER_WAY; VERSION_CONFLICT), `RetryLater` (the queue).
        """
        subscription, account = retry_conflict(lambda: self._attempt(tenant_id, subscription_id, close_position))
        if account is None:
            return Cancelled(subscription)
        held = held_markets(account, subscription_id)
        self.queue.send_orders(
            [self._exit(subscription, account, market, entry, correlation_id) for market, entry in held.items()]
        )
        return Cancelled(subscription, tuple(held))

    def _attempt(self, tenant_id: str, subscription_id: str, close_position: bool) -> tuple[Subscription, Account | None]:
        subscription = self.subscriptions.get_subscription(tenant_id, subscription_id)
        account = self.accounts.load(tenant_id, subscription.account_id) if subscription.account_id else None
        if subscription.status is SubscriptionStatus.CANCELLED:
            return subscription, account
        if account is not None:
            if not close_position:
                _require_flat(account, subscription_id)
            left = {key: status for key, status in account.subscriptions.items() if key != subscription_id}
            account = replace(account, subscriptions=left)
        cancelled = replace(subscription, status=SubscriptionStatus.CANCELLED)
        self.subscriptions.write(cancelled, account, follower_change=-1)
        return replace(cancelled, version=cancelled.version + 1), account

    def _exit(self, subscription: Subscription, account: Account, market: str, entry: str, correlation_id: str) -> TradeOrder:
        signal = Signal(
            signal_id=digest("cancel-exit", subscription.subscription_id, entry),
            strategy_id=subscription.strategy_id,
            market=market,
            action=Action.EXIT,
            issued_at=self.clock.now(),
            correlation_id=correlation_id,
        )
        return TradeOrder(
            signal=signal,
            tenant_id=subscription.tenant_id,
            account_id=account.account_id,
            subscription_id=subscription.subscription_id,
            settings=subscription.settings,
        )


def _require_flat(account: Account, subscription_id: str) -> None:
    """Raise `Conflict` if a position is held, or if nobody knows whether an entry has opened one."""
    if any(position.subscription_id == subscription_id for position in account.positions.values()):
        raise Conflict("POSITION_OPEN", "the subscription holds a position: close it, or ask for it to be closed")
    entries = (i for i in account.intents.values() if i.subscription_id == subscription_id and i.kind is LegKind.ENTRY)
    if any(i.state.is_unresolved or (i.state is IntentState.OPEN and not i.order_type.rests) for i in entries):
        raise Conflict("ORDER_UNDER_WAY", "an entry is under way: wait until it is decided, or ask for it to be closed")


def held_markets(account: Account, subscription_id: str) -> dict[str, str]:
    """Markets in which the subscription holds a position or has an entry under way, with the entry's intent id."""
    coming = {
        intent.market: intent.intent_id
        for intent in account.intents.values()
        if intent.subscription_id == subscription_id and intent.kind is LegKind.ENTRY
    }
    held = {p.market: p.entry_intent_id for p in account.positions.values() if p.subscription_id == subscription_id}
    return coming | held
