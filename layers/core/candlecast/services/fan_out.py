"""Fan a signal out to one shard of its subscribers: one order message each, or a skip with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from candlecast.domain.execution import ShardReport
from candlecast.domain.ids import intent_id
from candlecast.domain.messages import SignalShard, TradeOrder
from candlecast.domain.order import Intent, IntentState, LegKind
from candlecast.domain.reasons import Denial, Reason
from candlecast.domain.signal import Signal
from candlecast.domain.subscription import Subscription
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.queue import TradeQueue
from candlecast.ports.store import History, SignalStore, SubscriptionStore

LastPriceOf = Callable[[str, str], Decimal]  # (venue, market), as `ports.venue.MarketData.last_price`


@dataclass(frozen=True, slots=True)
class FanOut:
    """Sends each subscriber's share of a signal to the account it belongs to. Risk is decided there, not here."""

    subscriptions: SubscriptionStore
    signals: SignalStore
    history: History
    queue: TradeQueue
    last_price: LastPriceOf
    clock: Clock
    metrics: Metrics

    def __call__(self, message: SignalShard) -> ShardReport:
        """Process one shard; a repeat sends the same messages, which the accounts know already."""
        signal = self._priced(message)
        orders: list[TradeOrder] = []
        skipped: list[Intent] = []
        now = self.clock.now()
        for subscription in self.subscriptions.followers(signal.strategy_id, message.start, message.end):
            if subscription.account_id is None:
                skipped.append(_skip(subscription, signal, Reason.NO_ACCOUNT, now))
            else:  # a paused one too: any signal may be the exit of what it holds, and only its account knows
                orders.append(_order(subscription, subscription.account_id, signal))
        self.queue.send_orders(orders)
        self.history.put_skipped(skipped)
        report = ShardReport(shard=message.shard, orders=len(orders), skipped=_counts(skipped))
        self.signals.report_shard(signal.signal_id, report)
        self.metrics.count("SubscriptionsSkipped", len(skipped))
        return report

    def _priced(self, message: SignalShard) -> Signal:
        """The signal with a reference price; a sender that named none gets the venue's last price, asked for once per shard."""
        signal = message.signal
        if signal.price is not None or not signal.action.is_entry:
            return signal
        return replace(signal, price=self.last_price(message.venue, signal.market))


def _order(subscription: Subscription, account_id: str, signal: Signal) -> TradeOrder:
    return TradeOrder(
        signal=signal,
        tenant_id=subscription.tenant_id,
        account_id=account_id,
        subscription_id=subscription.subscription_id,
        settings=subscription.settings,
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
