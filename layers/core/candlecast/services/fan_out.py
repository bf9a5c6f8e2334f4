"""Fan a signal out to one shard of its subscribers: one order message each, or a skip with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from candlecast.domain.errors import DomainError
from candlecast.domain.execution import ShardReport
from candlecast.domain.ids import intent_id
from candlecast.domain.messages import SignalShard, TradeOrder
from candlecast.domain.order import Intent, IntentState, LegKind
from candlecast.domain.quote import Quote, needs_quote
from candlecast.domain.reasons import Denial, Reason
from candlecast.domain.signal import Signal
from candlecast.domain.subscription import Subscription
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.queue import TradeQueue
from candlecast.ports.store import History, SignalStore, SubscriptionStore
from candlecast.services.read_limits import ReadLimits, TenantLimits

LastPriceOf = Callable[[str, str], Decimal]  # (venue, market), as `ports.venue.MarketData.last_price`
QuoteOf = Callable[[str, str, datetime], Quote]  # (venue, market, now), as `ports.venue.MarketData.quote`


@dataclass(frozen=True, slots=True)
class FanOut:
    """Sends each subscriber's share of a signal to the account it belongs to. Risk is decided there, not here."""

    subscriptions: SubscriptionStore
    signals: SignalStore
    history: History
    queue: TradeQueue
    limits: ReadLimits
    last_price: LastPriceOf
    quote: QuoteOf
    clock: Clock
    metrics: Metrics

    def __call__(self, message: SignalShard) -> ShardReport:
        """Process one shard; a repeat sends the same messages, which the accounts know already."""
        signal = self._priced(message)
        now = self.clock.now()
        followers = list(self.subscriptions.followers(signal.strategy_id, message.start, message.end))
        # one without an account is told why; a paused one may hold what this signal closes, and only its account knows
        skipped = [_skip(each, signal, Reason.NO_ACCOUNT, now) for each in followers if each.account_id is None]
        orders = self._orders(signal, message.venue, [each for each in followers if each.account_id is not None])
        self.queue.send_orders(orders)
        self.history.put_skipped(skipped)
        report = ShardReport(shard=message.shard, orders=len(orders), skipped=_counts(skipped))
        self.signals.report_shard(signal.signal_id, report)
        self.metrics.count("SubscriptionsSkipped", len(skipped))
        return report

    def _orders(self, signal: Signal, venue: str, followers: list[Subscription]) -> list[TradeOrder]:
        """The order messages; the limits above all followers are read together, a quote only if one of them needs it."""
        above = self.limits({each.tenant_id for each in followers})
        layers = [*(found.effective.limits for found in above.values()), *(each.settings.limits for each in followers)]
        wanted = signal.action.is_entry and any(map(needs_quote, layers))
        quote = self._quote(venue, signal.market) if wanted else None
        return [_order(each, signal, above[each.tenant_id], quote) for each in followers]

    def _quote(self, venue: str, market: str) -> Quote | None:
        """The market's present prices; without them, entries that need them are denied, and nobody else waits."""
        try:
            return self.quote(venue, market, self.clock.now())
        except DomainError:
            self.metrics.count("QuotesMissing")
            return None

    def _priced(self, message: SignalShard) -> Signal:
        """The signal with a reference price; a sender that named none gets the venue's last price, asked for once per shard."""
        signal = message.signal
        if signal.price is not None or not signal.action.is_entry:
            return signal
        return replace(signal, price=self.last_price(message.venue, signal.market))


def _order(subscription: Subscription, signal: Signal, above: TenantLimits, quote: Quote | None) -> TradeOrder:
    return TradeOrder(
        signal=signal,
        tenant_id=subscription.tenant_id,
        account_id=subscription.account_id or "",
        subscription_id=subscription.subscription_id,
        settings=subscription.settings,
        organisation_id=above.organisation_id,
        limits=above.effective,
        pool=above.pool,
        quote=quote,
    )


def _skip(subscription: Subscription, signal: Signal, reason: Reason, now: datetime) -> Intent:
    kind = LegKind.ENTRY if signal.action.is_entry else LegKind.EXIT
    return Intent(
        intent_id=intent_id(signal.signal_id, subscription.subscription_id, kind.value),
        leg=kind.value,
        kind=kind,
        tenant_id=subscription.tenant_id,
        account_id=subscription.account_id or "",
        subscription_id=subscription.subscription_id,
        strategy_id=signal.strategy_id,
        signal_id=signal.signal_id,
        correlation_id=signal.correlation_id,
        market=signal.market,
        position_side=signal.entry_side,
        state=IntentState.SKIPPED,
        issued_at=signal.issued_at,
        created_at=now,
        settled_at=now,
        reference_price=signal.price,
        denial=Denial(reason),
    )


def _counts(skipped: Iterable[Intent]) -> dict[str, int]:
    return dict(Counter(intent.reason.value for intent in skipped if intent.reason is not None))
