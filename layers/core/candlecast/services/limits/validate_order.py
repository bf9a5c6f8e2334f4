"""Say what an entry would come to, without placing it: every limit, its value and its bound.

It is decided by the very function that decides orders, on the account and the limits as they are now.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import reduce
from operator import add

from candlecast.domain.decide.plan import UNRESOLVED_WAIT_SECONDS, Plan, plan_orders
from candlecast.domain.decide.pooled_plan import deny_entry, entries_of
from candlecast.domain.decide.receipt import Receipt
from candlecast.domain.limits.pool_bounds import PoolLimits
from candlecast.domain.market.quote import Quote
from candlecast.domain.pools.pool import needed_by
from candlecast.domain.signals.signal import Action, Signal, TakeProfit
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.errors import Conflict, DomainError, RetryLater
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.pool import PoolStore
from candlecast.ports.store import AccountStore, StrategyStore, SubscriptionStore
from candlecast.ports.venue import Markets, Quotes
from candlecast.services.limits.read_limits import ReadLimits

DRY_RUN = "dry-run"  # where an order has its signal's ids


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedEntry:
    """An entry that somebody thinks of; `price` in quote units."""

    action: Action
    market: str
    price: Decimal
    stop_loss: Decimal | None = None
    take_profits: tuple[TakeProfit, ...] = ()
    atr: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ValidateOrder:
    """Writes nothing, reserves nothing, asks the venue for nothing but a quote."""

    read: ReadLimits
    subscriptions: SubscriptionStore
    strategies: StrategyStore
    accounts: AccountStore
    pools: PoolStore
    markets: Markets
    quotes: Quotes
    clock: Clock
    metrics: Metrics
    generation: int
    """The generation of the table that the functions use."""

    def __call__(self, tenant_id: str, subscription_id: str, wanted: WantedEntry) -> Receipt:
        """The receipt that the entry would get now.

        Raises `NotFound`, `Conflict` (NO_ACCOUNT), and `RetryLater` for a decision that has to wait (OUTCOME_UNKNOWN,
        STATE_STALE, TOO_MANY_RECENT_ORDERS).
        """
        subscription = self.subscriptions.get_subscription(tenant_id, subscription_id)
        if subscription.account_id is None:
            raise Conflict("NO_ACCOUNT", "the subscription has no account to decide on")
        account = self.accounts.load(tenant_id, subscription.account_id)
        venue = self.strategies.get_strategy(subscription.strategy_id).venue
        above, quote = self.read([tenant_id])[tenant_id], self._quote(venue, wanted.market)
        now = self.clock.now()  # after the quote, as an order is decided after its own
        signal = Signal(
            signal_id=DRY_RUN,
            strategy_id=subscription.strategy_id,
            market=wanted.market,
            action=wanted.action,
            issued_at=now,
            correlation_id=DRY_RUN,
            price=wanted.price,
            stop_loss=wanted.stop_loss,
            take_profits=wanted.take_profits,
            atr=wanted.atr,
        )
        order = TradeOrder(
            signal=signal,
            tenant_id=tenant_id,
            account_id=account.account_id,
            subscription_id=subscription_id,
            settings=subscription.settings,
            organisation_id=above.organisation_id,
            limits=above.effective,
            quote=quote,
            venue=venue,
        )
        plan = plan_orders(account, order, self.markets.find(account.venue, wanted.market), now, self.generation)
        plan = self._in_its_pool(plan, above.pool, now)
        if plan.receipt is None:  # a real order would close the held position first
            raise RetryLater("OUTCOME_UNKNOWN", "an earlier order is unresolved", after_seconds=UNRESOLVED_WAIT_SECONDS)
        return plan.receipt

    def _quote(self, venue: str, market: str) -> Quote | None:
        """The market's present prices; without them an entry that needs them is denied, as an order would be."""
        try:
            return self.quotes.quote(venue, market, self.clock.now())
        except DomainError:
            self.metrics.count("QuotesMissing")
            return None

    def _in_its_pool(self, plan: Plan, limits: PoolLimits | None, now: datetime) -> Plan:
        """The plan, its entry denied if the pool has no room now; nothing is reserved."""
        entries = entries_of(plan)
        if limits is None or not entries:
            return plan
        pool = self.pools.read_pool(limits.organisation_id).shared_out(limits, now.date())
        denial = pool.denial(reduce(add, map(needed_by, entries)))
        return plan if denial is None else deny_entry(plan, denial)
