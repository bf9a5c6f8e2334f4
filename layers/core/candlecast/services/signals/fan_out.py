"""Fan a signal out to one shard of its subscribers: one order message each, or a skip with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from candlecast.domain.decide.receipt import Receipt
from candlecast.domain.limits.limits import EffectiveLimits, Scope
from candlecast.domain.market.quote import Quote
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.signals.messages import SignalShard
from candlecast.domain.signals.signal import Signal, reported_age_seconds
from candlecast.domain.strategies.execution import ShardReport
from candlecast.domain.subscriptions.shares import notional_shares
from candlecast.domain.subscriptions.subscription import Subscription
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.copying import replace
from candlecast.domain.values.ids import intent_id, turn
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.decisions import Decisions
from candlecast.ports.queue import TradeQueue
from candlecast.ports.store import History, SignalStore, SubscriptionStore
from candlecast.services.limits.read_limits import ReadLimits, TenantLimits
from candlecast.services.signals.judge_signal import JudgeSignal

OrderOf = Callable[[Subscription], TradeOrder]
Line = Sequence[tuple[str, Subscription]]  # followers with their turns


# Messages between two notes of how far a shard has come: eight rounds of parallel sends, so that waiting for the slowest costs
# little. A thousand subscribers then cost two such writes. A crash repeats at most these messages, within the five minutes in
# which the queue drops repeats.
PROGRESS_EVERY = 640


@dataclass(frozen=True, slots=True)
class FanOut:
    """Sends each subscriber's share of a signal to the account it belongs to. Risk is decided there, not here.

    Nobody is always first: followers are served in an order that is the signal's own, as is that of its shards.
    """

    subscriptions: SubscriptionStore
    signals: SignalStore
    history: History
    decisions: Decisions
    queue: TradeQueue
    limits: ReadLimits
    judge: JudgeSignal
    clock: Clock
    metrics: Metrics

    def __call__(self, message: SignalShard) -> ShardReport:
        """Process one shard; a repeat goes on where the shard has been left, and does nothing once it is complete.

        An entry is judged first, and nobody is sent one that is quarantined. An exit is never judged.
        """
        signal_id = message.signal.signal_id
        report = self.signals.shard_report(signal_id, message.shard) or ShardReport(
            shard=message.shard, orders=0, is_complete=False
        )
        if report.is_complete:
            self.metrics.count("ShardsRepeated")
            return report
        signal, quote = message.signal, None
        if signal.action.is_entry:
            verdict = self.judge(message)
            if verdict.quote is None or verdict.is_quarantined:
                return self._quarantined(signal_id, report)
            signal, quote = replace(signal, price=signal.price or verdict.quote.mark_price), verdict.quote
        followers = self._followers(message)
        shares = {} if message.max_notional is None else notional_shares(message.max_notional, followers)
        line = _line(signal, followers, report.reached)
        order_of = self._order_of(signal, message.venue, quote, [follower for _, follower in line], shares)
        for part in _parts(line):
            report = self._serve(report, signal, part, order_of)
            report = replace(report, is_complete=part[-1:] == line[-1:])
            self.signals.report_shard(signal_id, report)
        self.metrics.seconds("FanOutSeconds", reported_age_seconds(signal, self.clock.now()))
        return report

    def _followers(self, message: SignalShard) -> list[Subscription]:
        """The followers of the shard whom the signal goes to."""
        strategy_id, audience = message.signal.strategy_id, message.audience
        followers = self.subscriptions.followers(strategy_id, message.start, message.end)
        if audience is None:
            return list(followers)
        return [each for each in followers if audience.includes(strategy_id, each.subscription_id, each.pinned_version)]

    def _quarantined(self, signal_id: str, report: ShardReport) -> ShardReport:
        """The shard is complete, and no follower was sent anything."""
        report = replace(report, is_complete=True, quarantined=True)
        self.signals.report_shard(signal_id, report)
        return report

    def _serve(self, report: ShardReport, signal: Signal, part: Line, order_of: OrderOf) -> ShardReport:
        """Send the orders of a part of the line and record its skips; the report with them counted."""
        began_at = report.began_at or self.clock.now()
        orders = [order_of(each) for _, each in part if each.account_id is not None]
        # one without an account is told why; a paused one may hold what this signal closes, and only its account knows
        without_account = [each for _, each in part if each.account_id is None]
        skipped = [_skip(each, signal, Reason.NO_ACCOUNT, began_at) for each in without_account]
        self.queue.send_orders(orders)
        if skipped:
            self.history.put_skipped(skipped)
            told = zip(without_account, skipped, strict=True)
            self.decisions.put_receipts(_receipt(each, signal, skip, began_at) for each, skip in told)
            self.metrics.count("SubscriptionsSkipped", len(skipped))
        return replace(
            report,
            orders=report.orders + len(orders),
            skipped=dict(Counter(report.skipped) + Counter(_reasons(skipped))),
            reached=part[-1][0] if part else report.reached,
            began_at=began_at,
            sent_at=self.clock.now(),
        )

    def _order_of(
        self,
        signal: Signal,
        venue: str,
        quote: Quote | None,
        followers: list[Subscription],
        shares: Mapping[str, Decimal],
    ) -> OrderOf:
        """Makes order messages; the limits above all followers with an account are read together."""
        above = self.limits({each.tenant_id for each in followers if each.account_id is not None})
        return lambda each: _order(each, signal, venue, above[each.tenant_id], quote, shares.get(each.subscription_id))


def _line(signal: Signal, followers: Iterable[Subscription], reached: str) -> list[tuple[str, Subscription]]:
    """The followers still to be served, each with their turn, by turn."""
    line = [(turn(signal.signal_id, each.subscription_id), each) for each in followers]
    return sorted((place for place in line if place[0] > reached), key=lambda place: place[0])


def _order(
    subscription: Subscription,
    signal: Signal,
    venue: str,
    above: TenantLimits,
    quote: Quote | None,
    max_order_notional: Decimal | None,
) -> TradeOrder:
    return TradeOrder(
        signal=signal,
        tenant_id=subscription.tenant_id,
        account_id=subscription.account_id or "",
        subscription_id=subscription.subscription_id,
        settings=subscription.settings,
        organisation_id=above.organisation_id,
        limits=above.effective if max_order_notional is None else _bounded(above.effective, max_order_notional),
        pool=above.pool,
        quote=quote,
        strategy_version=signal.strategy_version,
        venue=venue,
    )


def _bounded(effective: EffectiveLimits, max_order_notional: Decimal) -> EffectiveLimits:
    """The limits above a follower, tightened by the bound of the signal's source: a bound of the platform."""
    if effective.limits.max_order_notional is not None and effective.limits.max_order_notional <= max_order_notional:
        return effective
    return replace(
        effective,
        limits=replace(effective.limits, max_order_notional=max_order_notional),
        origins={**effective.origins, "max_order_notional": Scope.PLATFORM},
    )


def _receipt(subscription: Subscription, signal: Signal, skipped: Intent, now: datetime) -> Receipt:
    """The receipt of a subscription without an account: no limit was read for it."""
    order = TradeOrder(
        signal=signal,
        tenant_id=subscription.tenant_id,
        account_id="",
        subscription_id=subscription.subscription_id,
        settings=subscription.settings,
        strategy_version=signal.strategy_version,
    )
    return Receipt.without_account(order, skipped, now)


def _skip(subscription: Subscription, signal: Signal, reason: Reason, now: datetime) -> Intent:
    kind = LegKind.ENTRY if signal.action.is_entry else LegKind.EXIT
    return Intent(
        intent_id=intent_id(signal.order_root, subscription.subscription_id, kind.value),
        leg=kind.value,
        kind=kind,
        tenant_id=subscription.tenant_id,
        account_id=subscription.account_id or "",
        subscription_id=subscription.subscription_id,
        strategy_id=signal.strategy_id,
        strategy_version=signal.strategy_version,
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


def _parts(line: Line) -> Iterator[Line]:
    """The line in parts after which progress is stored; an empty line is one empty part, since it is reported too."""
    return (line[start : start + PROGRESS_EVERY] for start in range(0, max(1, len(line)), PROGRESS_EVERY))


def _reasons(skipped: Iterable[Intent]) -> list[str]:
    return [intent.reason.value for intent in skipped if intent.reason is not None]
