"""Explain a signal to a caller: its steps, and its outcome for the caller's own subscriptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from candlecast.domain.decide.outcome import Outcome, limit_that_denied, outcome_of, told_order
from candlecast.domain.orders.intent import Intent, LegKind
from candlecast.domain.orders.ranks import RETENTION, SignalCounts
from candlecast.domain.signals.signal import MAX_SIGNAL_AGE_SECONDS
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.execution import SignalRecord
from candlecast.domain.subscriptions.subscription import Subscription, SubscriptionStatus
from candlecast.domain.values.errors import NotFound
from candlecast.domain.values.ids import intent_id
from candlecast.domain.values.sentences import OUTCOMES
from candlecast.ports.decisions import KEPT, Decisions
from candlecast.ports.store import History, SignalStore, StrategyStore, SubscriptionStore
from candlecast.services.signals.read_chain import Chain, ReadChain

KINDS = (LegKind.ENTRY, LegKind.EXIT)  # the two that a signal itself asks for


@dataclass(frozen=True, slots=True)
class ToldOrder:
    """An order, with its outcome in a sentence."""

    order: Intent
    sentence: str


@dataclass(frozen=True, slots=True)
class OwnOutcome:
    """The outcome of a signal for one subscription."""

    subscription: Subscription
    outcome: Outcome
    sentence: str
    orders: Sequence[ToldOrder] = ()
    """The entry and the exit that the signal asked for, as far as there are such."""
    receipt_note: str | None = None
    """Why the receipt of the decision is gone; None while it is kept, and without a decision."""


@dataclass(frozen=True, slots=True)
class ExplainedSignal:
    """A signal as one caller may see it."""

    chain: Chain
    strategy: StrategyDefinition
    own: Sequence[OwnOutcome]
    counts: SignalCounts | None
    """How the orders of all followers have ended, for the side of the signal's source; None for everybody else."""
    counts_note: str | None
    """Why there may be no counts any more; None while they are kept."""

    @property
    def is_of_source(self) -> bool:
        """Whether the caller is on the side of the signal's source: its owner, a collaborator or an operator."""
        return self.counts is not None


@dataclass(frozen=True, slots=True)
class ExplainSignal:
    """A caller sees the signals of strategies that the caller follows, or gives, and those that reached a subscription of theirs.

    To everybody else a signal does not exist.
    """

    signals: SignalStore
    strategies: StrategyStore
    subscriptions: SubscriptionStore
    history: History
    decisions: Decisions
    read_chain: ReadChain

    def __call__(self, tenant_id: str, signal_id: str, *, is_operator: bool) -> ExplainedSignal:
        """Raises `NotFound`, also for a signal that the caller may not see.

        At most eight requests, ten on the source's side, however many others follow. That holds for up to fifty subscriptions
        of the caller to the strategy, and a hundred shards of the signal. Each further fifty, or hundred, take one more.
        """
        record = self.signals.get_signal(signal_id)
        strategy = self.strategies.get_strategy(record.signal.strategy_id)
        own = self.subscriptions.subscriptions_to(tenant_id, strategy.strategy_id)
        orders = self._orders(tenant_id, record, own)
        is_of_source = is_operator or strategy.may_change(tenant_id)
        follows = any(each.status is not SubscriptionStatus.CANCELLED for each in own)
        if not (is_of_source or follows or orders):
            raise NotFound("no such signal")
        chain = self.read_chain.of(record)
        decided = {(signal_id, subscription_id) for subscription_id in orders}
        receipts = self.decisions.find_receipts(tenant_id, decided) if decided else {}
        # one that was cancelled and has no order may have been cancelled before the signal
        told = [each for each in own if each.subscription_id in orders or each.status is not SubscriptionStatus.CANCELLED]
        outcomes = [
            _decided(chain, each, found, receipts.get((signal_id, each.subscription_id)))
            if (found := orders.get(each.subscription_id))
            else _undecided(chain, each)
            for each in sorted(told, key=lambda each: (each.created_at, each.subscription_id))
        ]
        counts, note = self._counts(chain) if is_of_source else (None, None)
        return ExplainedSignal(chain, strategy, outcomes, counts, note)

    def _counts(self, chain: Chain) -> tuple[SignalCounts, str | None]:
        signal = chain.signal
        counts = self.history.signal_counts(signal.strategy_id, signal.signal_id, signal.issued_at)
        is_old = chain.now - signal.issued_at > RETENTION
        return counts, OUTCOMES["COUNTS_NOT_KEPT"].format(days=RETENTION.days) if is_old else None

    def _orders(self, tenant_id: str, record: SignalRecord, own: Sequence[Subscription]) -> Mapping[str, Sequence[Intent]]:
        """The orders that the signal itself asked for, by subscription: the entry first.

        Versions of a strategy share the ids of their orders on a candle, so an order may be another version's.
        """
        root, signal_id = record.signal.order_root, record.signal.signal_id
        ids = {each.subscription_id: [intent_id(root, each.subscription_id, kind.value) for kind in KINDS] for each in own}
        wanted = [order_id for of_one in ids.values() for order_id in of_one]
        found = self.history.find_orders(tenant_id, wanted) if wanted else {}
        own_orders = {
            subscription_id: [found[order_id] for order_id in of_one if order_id in found]
            for subscription_id, of_one in ids.items()
        }
        of_signal = {name: [each for each in orders if each.signal_id == signal_id] for name, orders in own_orders.items()}
        return {name: orders for name, orders in of_signal.items() if orders}


def _decided(chain: Chain, subscription: Subscription, orders: Sequence[Intent], receipt: str | None) -> OwnOutcome:
    told = [ToldOrder(order, told_order(order, limit_that_denied(receipt, order.reason))) for order in orders]
    first = told[0]
    is_old = chain.now - first.order.created_at > KEPT
    note = OUTCOMES["RECEIPT_NOT_KEPT"].format(days=KEPT.days) if receipt is None and is_old else None
    return OwnOutcome(subscription, outcome_of(first.order), first.sentence, told, note)


def _undecided(chain: Chain, subscription: Subscription) -> OwnOutcome:
    """Of a subscription without an order of the signal."""
    outcome = _without_order(chain, subscription)
    version = "" if chain.record.audience is None else chain.record.audience.number
    return OwnOutcome(subscription, outcome, OUTCOMES[outcome.value].format(version=version))


def _without_order(chain: Chain, subscription: Subscription) -> Outcome:
    record, audience = chain.record, chain.record.audience
    names = record.signal.strategy_id, subscription.subscription_id, subscription.pinned_version
    if subscription.created_at > record.published_at:
        return Outcome.FOLLOWED_LATER
    if audience is not None and not audience.includes(*names):
        return Outcome.NOT_ADDRESSED
    if chain.is_held_back:
        return Outcome.HELD_BACK
    is_young = (chain.now - record.published_at).total_seconds() <= MAX_SIGNAL_AGE_SECONDS
    return Outcome.AWAITED if is_young else Outcome.UNRECORDED
