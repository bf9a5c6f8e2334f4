"""Decide a subscriber's share of a signal: the order legs to place, and the decisions not to place one.

From top to bottom: the plan, the wait for an undecided order, the exit over an entry that rests, the exit. Then come the entry,
its size and legs, and the draft that makes every intent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from candlecast.domain.account.account import MAX_OPEN_INTENTS, Account, AccountStatus
from candlecast.domain.account.suspension import suspended_by
from candlecast.domain.decide.receipt import Receipt
from candlecast.domain.decide.risk.entry import Entry
from candlecast.domain.decide.risk.evaluate import Evaluation, evaluate, first_denial
from candlecast.domain.limits.limits import Authority, EffectiveLimits, Scope, acted_on, tighten_further
from candlecast.domain.limits.record import PRICE_LIMITS
from candlecast.domain.market.market import Market
from candlecast.domain.orders.bracket import (
    ORDER_TYPE_OF_ENTRY,
    asked_order,
    bracket,
    expected_price,
    first_stop,
    in_parts,
    stop_rules,
    stop_trigger,
)
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.position import Position, position_key, unattributed
from candlecast.domain.orders.sizing import entry_quantity, stop_price, take_profits
from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.signals.levels import misplaced_stop, misplaced_target, opening_prices
from candlecast.domain.signals.reduction import Reduction
from candlecast.domain.signals.signal import MAX_SIGNAL_AGE_SECONDS, Signal, TakeProfit
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.ids import intent_id
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import OrderType, PositionSide
from candlecast.domain.venue.reports import MarketSettings
from candlecast.domain.venue.rules import rules_of

UNRESOLVED_WAIT_SECONDS = 10.0  # about half the settle window: the reconciler resolves what stands in the way meanwhile
UNDECIDED_BOUND_SECONDS = 45.0  # a settle window (25 s), two looks, their messages: later the venue does not answer at all
FULL_WAIT_SECONDS = 10.0  # a message comes back four times at most, and its account's group waits behind it
LOOK_WAIT_SECONDS = 3.0  # so soon a look that was asked for may have made a stale state fresh
_HELD_ALREADY = frozenset({Reason.POSITION_ALREADY_OPEN, Reason.MAX_ADDS})  # an entry's sender wants a position that is held
UNKNOWN_LIMITS = EffectiveLimits(authority=Authority.LOST)  # of a message without limits: nobody said that there are none


@dataclass(frozen=True)
class Plan:
    """Everything that one order message leads to."""

    legs: tuple[Intent, ...] = ()
    """Intents to send, in the order in which they are sent (SUBMITTING)."""
    decided: tuple[Intent, ...] = ()
    """Intents that are not sent (a terminal state)."""
    waiting: tuple[Intent, ...] = ()
    """Exits that the account keeps until an earlier order has ended (PENDING)."""
    comes_again: bool = False
    """Whether the message must be redelivered, because an entry could not be decided yet."""
    over_resting: bool = False
    """Whether the waiting exit is behind entries that rest: each is cancelled, then the exit closes what they have filled."""
    receipt: Receipt | None = None
    """How everything was decided; None while a decision is missing."""

    @property
    def intents(self) -> tuple[Intent, ...]:
        return self.legs + self.decided + self.waiting

    @staticmethod
    def of(
        intents: tuple[Intent, ...],
        receipt: Receipt | None = None,
        *,
        comes_again: bool = False,
        over_resting: bool = False,
    ) -> Plan:
        """Sort the intents by their states."""
        return Plan(
            legs=tuple(i for i in intents if i.state is IntentState.SUBMITTING),
            decided=tuple(i for i in intents if i.state.is_terminal),
            waiting=tuple(i for i in intents if i.state is IntentState.PENDING),
            comes_again=comes_again,
            over_resting=over_resting,
            receipt=receipt,
        )


def plan_orders(account: Account, order: TradeOrder, market: Market | None, now: datetime, generation: int = 1) -> Plan:
    """Decide everything that `order` leads to, from the account's state alone.

    Legs that the account knows already are left out, so a repeat of a message plans nothing. While an earlier order of the same
    position is undecided, nobody knows what is held. An exit is then kept by the account, and an entry raises `RetryLater` for a
    bounded time (OUTCOME_UNKNOWN). An entry that rests is decided: an exit cancels it, and a second entry is denied. An exit that
    the venue refuses is in nobody's way: it gives way to a newer order of its position. An exit of a part
    waits behind it. `generation` is the table's: an
    account that was not reconciled in it opens nothing (invariant 14).
    """
    draft = _Draft(account, order, now, generation)
    refused = [i for i in draft.under_way if i.is_refused_exit and i.issued_at < order.signal.issued_at]
    gives_way = refused and order.signal.reduction is None
    return _over_refused(draft, market, refused) if gives_way else _planned(draft, market)


def _over_refused(draft: _Draft, market: Market | None, refused: Sequence[Intent]) -> Plan:
    """The plan where the venue refuses earlier exits of the position.

    A newer exit is sent at once and takes over their attempts. A newer entry ends them too, if the entry is sent or the position
    is all that its sender may hold. An entry that is refused for another reason ends nothing.
    """
    left = {key: intent for key, intent in draft.account.intents.items() if intent not in refused}
    plan = _planned(replace(draft, account=replace(draft.account, intents=left)), market)
    if not plan.legs and not any(each.reason in _HELD_ALREADY for each in plan.decided):
        return plan
    attempts = max(each.attempts for each in refused)
    legs = tuple(replace(leg, attempts=attempts) if leg.kind is LegKind.EXIT else leg for leg in plan.legs)
    superseded = Denial(Reason.SIGNAL_SUPERSEDED)
    ended = (replace(each, state=IntentState.EXPIRED, denial=superseded) for each in refused)
    return replace(plan, legs=legs, decided=(*ended, *plan.decided))


def _planned(draft: _Draft, market: Market | None) -> Plan:
    """The plan for the account as the draft has it."""
    account, signal = draft.account, draft.order.signal
    known_exit, known_entry = draft.is_known(LegKind.EXIT), draft.is_known(LegKind.ENTRY)
    if known_entry or (known_exit and not signal.action.is_entry):
        return Plan()
    impossible = _impossible_levels(draft, market)
    if impossible is not None:  # half a reversal is worse than none: its exit does not go either
        denied = (draft.entry(IntentState.DENIED, impossible),)
        return Plan.of(denied, draft.receipt(denied))
    if account.status is AccountStatus.ACTIVE:  # an account that sends nothing needs to know nothing
        if draft.undecided:
            return _wait(draft, market, known_exit=known_exit)
        if draft.resting and not known_exit and _may_close(draft):
            return _over_resting(draft)
    closing = draft.closing
    exits = () if known_exit else _exits(draft, closing, market)
    if not signal.action.is_entry:
        return Plan.of(exits, draft.receipt(exits))
    try:
        decision = _decide_entry(draft, market, closing)
    except RetryLater:
        if not exits:
            raise
        return Plan.of(exits, comes_again=True)  # an exit waits for nobody
    intents = (*exits, *decision.intents)
    return Plan.of(intents, draft.receipt(intents, decision.limits, decision.evaluations))


# -- an earlier order of the position is undecided ---------------------------------------------------------------------------


def _wait(draft: _Draft, market: Market | None, *, known_exit: bool) -> Plan:
    """Keep the exit as a wish of the account, which the reconciler grants, so that the message need not wait for it.

    Raises `RetryLater` (OUTCOME_UNKNOWN) for an entry while the entry stays fresh and the order ahead is young.
    """
    exits = () if known_exit else _exit_behind(draft)
    if not draft.order.signal.action.is_entry:
        return Plan.of(exits, draft.receipt(exits))
    limits, left = draft.limits, _seconds_to_wait(draft)
    refused = _refusal(draft, market, max_signal_age(limits))
    if refused is None and left <= 0:
        refused = draft.entry(IntentState.DENIED, Denial(Reason.OUTCOME_UNKNOWN))
    if refused is not None:
        intents = (*exits, refused)
        return Plan.of(intents, draft.receipt(intents, limits))
    if exits:
        return Plan.of(exits, comes_again=True)
    raise _later(left)


def _exit_behind(draft: _Draft) -> tuple[Intent, ...]:
    """The wish to close what the earlier orders leave; for an exit that closes none of it, the decision that it does not."""
    if _may_close(draft):
        return (_wish(draft),)
    return () if draft.order.signal.action.is_entry else _exits(draft, None, None)


def _wish(draft: _Draft) -> Intent:
    if len(draft.account.intents) >= MAX_OPEN_INTENTS:
        raise _later(UNRESOLVED_WAIT_SECONDS)
    return draft.exit(IntentState.PENDING, side=_only_side(draft.order.signal))


def _later(left_seconds: float) -> RetryLater:
    """The message is redelivered, at the latest when an entry is decided without knowing more."""
    return RetryLater(
        "OUTCOME_UNKNOWN",
        "an earlier order is unresolved",
        after_seconds=UNRESOLVED_WAIT_SECONDS,
        at_most_seconds=left_seconds,
    )


def _seconds_to_wait(draft: _Draft) -> float:
    """For how long an entry may wait: until the orders ahead are old, or the entry is. 0 or less: no longer."""
    first = min(intent.created_at for intent in draft.undecided) + timedelta(seconds=UNDECIDED_BOUND_SECONDS)
    stale = draft.order.signal.issued_at + timedelta(seconds=max_signal_age(draft.limits))
    return (min(first, stale) - draft.now).total_seconds()


def _may_close(draft: _Draft) -> bool:
    """Whether the signal closes what is held now, or what may be held once the earlier orders have ended."""
    signal, held = draft.order.signal, draft.held
    if held is not None and signal.closes(held.side) and signal.issued_at >= held.signal_issued_at:
        return True
    return any(_concerns(signal, intent) for intent in draft.under_way)


def _concerns(signal: Signal, order: Intent) -> bool:
    """Whether the signal closes what an earlier order opens or closes; an exit closes no position of a newer entry."""
    newer = order.kind is LegKind.ENTRY and order.issued_at > signal.issued_at
    return order.position_side is not None and signal.closes(order.position_side) and not newer


def _only_side(signal: Signal) -> PositionSide | None:
    """The side that an exit closes; None if the exit closes either side."""
    sides = [side for side in PositionSide if signal.closes(side)]
    return sides[0] if len(sides) == 1 else None


# -- the exit over an entry that rests ---------------------------------------------------------------------------------------


def _over_resting(draft: _Draft) -> Plan:
    """The wish to close what the entry has filled by its end; written first, the wish is also the reason to cancel the entry."""
    wish = (_wish(draft),)
    if draft.order.signal.action.is_entry:
        return Plan.of(wish, comes_again=True, over_resting=True)
    return Plan.of(wish, draft.receipt(wish), over_resting=True)


# -- the exit ----------------------------------------------------------------------------------------------------------------


def _exits(draft: _Draft, closing: Position | None, market: Market | None) -> tuple[Intent, ...]:
    """The exit of `closing` or of a part of it, in parts if its market demands parts; or the decision that nothing is closed."""
    status, signal = draft.account.status, draft.order.signal
    if closing is None:
        if signal.action.is_entry:
            return ()
        if status is AccountStatus.DISABLED and draft.under_way:  # an order that is under way may still turn out to be held
            return (draft.exit(IntentState.DENIED, Reason.ACCOUNT_DISABLED),)
        if status is AccountStatus.NO_CREDENTIALS:
            return (draft.exit(IntentState.SKIPPED, Reason.NO_CREDENTIALS),)
        newer = any(i.position_side is not None and signal.closes(i.position_side) for i in draft.under_way)
        return (draft.exit(IntentState.SKIPPED, Reason.POSITION_IS_NEWER if newer else Reason.NOTHING_HELD),)
    if signal.issued_at < closing.signal_issued_at:
        return (draft.exit(IntentState.SKIPPED, Reason.POSITION_IS_NEWER),)
    if draft.account.waits_for_keys and not any(i.kind is LegKind.EXIT for i in draft.under_way):
        return (replace(_wish(draft), subscription_id=closing.subscription_id),)
    if status is not AccountStatus.ACTIVE:
        return (draft.exit(IntentState.DENIED, Reason.ACCOUNT_DISABLED, side=closing.side),)
    quantity, reduction = closing.quantity, signal.reduction
    if reduction is not None:
        quantity = reduction.of(closing.quantity, market)
        reduction = Reduction(quantity=quantity) if ZERO < quantity < closing.quantity else None
    if quantity == ZERO:
        return (draft.exit(IntentState.SKIPPED, Reason.QUANTITY_TOO_SMALL, side=closing.side),)
    leave = draft.exit(IntentState.SUBMITTING, side=closing.side, quantity=quantity)
    return in_parts(replace(leave, subscription_id=closing.subscription_id, reduction=reduction), market)


# -- the entry ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Decision:
    """The outcome of an entry: its intents, with the limits and evaluations behind them."""

    intents: tuple[Intent, ...]
    limits: EffectiveLimits
    evaluations: tuple[Evaluation, ...] = ()


def _decide_entry(draft: _Draft, market: Market | None, closing: Position | None) -> _Decision:
    """The entry with its protective legs; or the decision not to enter.

    Raises `RetryLater` while the entry cannot be decided and would still be fresh later: TOO_MANY_RECENT_ORDERS, STATE_STALE.
    """
    account, now, limits = draft.account, draft.now, draft.limits
    refused = _refusal(draft, market, max_signal_age(limits))
    if refused is not None:
        return _Decision((refused,), limits)
    if account.is_full(now):
        wait = FULL_WAIT_SECONDS
        raise RetryLater("TOO_MANY_RECENT_ORDERS", "the account remembers its most", after_seconds=wait, at_most_seconds=wait)
    if market is None:
        raise ValueError("refused above")
    entry = _sized(draft, market, closing, limits)
    if isinstance(entry, Denial):
        return _Decision((draft.entry(IntentState.DENIED, entry),), limits)
    evaluations = evaluate(account, entry)
    denied = first_denial(account, entry, evaluations)
    if denied is None:
        return _Decision(_legs(draft, entry), limits, evaluations)
    if denied.reason is Reason.STATE_STALE and now + timedelta(seconds=LOOK_WAIT_SECONDS) <= _expiry(entry):
        raise RetryLater("STATE_STALE", "the account has to be looked at first", after_seconds=LOOK_WAIT_SECONDS)
    return _Decision((draft.entry(IntentState.DENIED, denied, quantity=entry.quantity),), limits, evaluations)


def _refusal(draft: _Draft, market: Market | None, max_age: int) -> Intent | None:
    """The entry that is not considered at all, before any size is known; None if there is no such reason."""
    account, order, signal = draft.account, draft.order, draft.order.signal
    status = account.subscriptions.get(order.subscription_id, SubscriptionStatus.CANCELLED)
    age = Decimal(str((draft.now - signal.issued_at).total_seconds()))
    newest = account.newest_signals.get(draft.position_key)
    elsewhere = order.venue is not None and order.venue != account.venue
    suspended = suspended_by(account, draft.now)
    behind = account.generation < draft.generation
    maybe_executed = account.entries_from is not None and signal.issued_at < account.entries_from
    checks = (
        (behind or maybe_executed, IntentState.DENIED, (Reason.TABLE_RESTORED,)),  # first: it alone is not remembered
        (account.status is AccountStatus.NO_CREDENTIALS, IntentState.SKIPPED, (Reason.NO_CREDENTIALS,)),
        (status is SubscriptionStatus.PAUSED, IntentState.SKIPPED, (Reason.SUBSCRIPTION_PAUSED,)),
        (status is SubscriptionStatus.CANCELLED, IntentState.SKIPPED, (Reason.SUBSCRIPTION_CANCELLED,)),
        (elsewhere, IntentState.SKIPPED, (Reason.VENUE_MISMATCH,)),
        (age > max_age, IntentState.EXPIRED, (Reason.SIGNAL_TOO_OLD, age, Decimal(max_age))),
        (newest is not None and newest > signal.issued_at, IntentState.EXPIRED, (Reason.SIGNAL_SUPERSEDED,)),
        (account.status is AccountStatus.DISABLED, IntentState.DENIED, (Reason.ACCOUNT_DISABLED,)),
        (suspended is not None, IntentState.DENIED, (suspended,)),
        (market is None, IntentState.DENIED, (Reason.UNKNOWN_MARKET,)),
        (market is not None and not market.takes_entries, IntentState.DENIED, (Reason.MARKET_DELISTED,)),
        (signal.price is None, IntentState.DENIED, (Reason.REFERENCE_PRICE_MISSING,)),
        (order.quote is None, IntentState.DENIED, (Reason.QUOTE_MISSING,)),
    )
    return next((draft.entry(state, Denial(*why)) for broken, state, why in checks if broken), None)


def max_signal_age(limits: EffectiveLimits) -> int:
    """Seconds for which an entry is fresh; a subscription's settings always name them."""
    age = limits.limits.max_signal_age_seconds
    return MAX_SIGNAL_AGE_SECONDS if age is None else age


def _expiry(entry: Entry) -> datetime:
    return entry.issued_at + timedelta(seconds=max_signal_age(entry.limits))


# -- the entry's size and its legs -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Levels:
    """An entry's order, price, stop and targets, before any size is known."""

    side: PositionSide
    order: EntryOrder
    price: Decimal
    stop: Decimal | None
    targets: tuple[TakeProfit, ...]


def _levels(draft: _Draft, market: Market) -> _Levels | None:
    """The levels by the signal and its subscriber's settings; None for an exit, and for an entry without a price."""
    signal, settings, side = draft.order.signal, draft.order.settings, draft.order.signal.entry_side
    if side is None or signal.price is None:
        return None
    asked = asked_order(signal, settings, signal.price, side, market)
    price = expected_price(asked, signal.price)
    stop = first_stop(stop_price(signal, side, price, settings, market), stop_rules(settings, signal.atr), price, side, market)
    return _Levels(side, asked, price, stop, take_profits(signal, side, price, settings, market))


def _impossible_levels(draft: _Draft, market: Market | None) -> Denial | None:
    """A stop or target of an entry on the wrong side of a price at which its position may open, the venue's mark included."""
    levels = None if market is None else _levels(draft, market)
    if levels is None or draft.account.status is not AccountStatus.ACTIVE:
        return None
    mark = levels.price if draft.order.quote is None else draft.order.quote.mark_price
    prices = opening_prices(levels.order, levels.price, mark, levels.side)
    return misplaced_stop(levels.stop, prices, levels.side) or misplaced_target(levels.targets, prices, levels.side)


def _sized(draft: _Draft, market: Market, closing: Position | None, limits: EffectiveLimits) -> Entry | Denial:
    """The entry as it would be placed; a Denial if its size cannot be computed."""
    account, order, levels = draft.account, draft.order, _levels(draft, market)
    signal, settings = order.signal, order.settings
    if levels is None or order.quote is None:
        raise ValueError("only an entry with a price and a quote is sized")
    if ORDER_TYPE_OF_ENTRY[levels.order.type] not in rules_of(account.venue).order_types:
        return Denial(Reason.ORDER_TYPE_NOT_SUPPORTED)
    equity, mark = None if account.balance is None else account.balance.of(market.quote), order.quote.mark_price
    quantity = entry_quantity(settings, levels.price, levels.stop, market, mark=mark, equity=equity, atr=signal.atr)
    if isinstance(quantity, Denial):
        return quantity
    return Entry(
        subscription_id=order.subscription_id,
        strategy_id=signal.strategy_id,
        market=market,
        side=levels.side,
        settings=settings,
        limits=limits,
        price=levels.price,
        quantity=quantity,
        order=levels.order,
        stop=levels.stop,
        targets=levels.targets,
        now=draft.now,
        issued_at=signal.issued_at,
        confidence=signal.confidence,
        quote=order.quote,
        closing_key=closing.key if closing is not None and closing.subscription_id == order.subscription_id else None,
    )


def _legs(draft: _Draft, entry: Entry) -> tuple[Intent, ...]:
    """The entry to send, with the protective legs that follow it."""
    account, settings, asked = draft.account, entry.settings, entry.order
    held = account.positions.get(entry.key) if entry.key != entry.closing_key else None
    rests = asked.rests_seconds if asked.type is not EntryType.MARKET else None
    opening = replace(
        draft.entry(IntentState.SUBMITTING, quantity=entry.quantity),
        order_type=ORDER_TYPE_OF_ENTRY[asked.type],
        price=asked.price,
        trigger_price=asked.trigger_price,
        time_in_force=asked.time_in_force,
        post_only=asked.post_only,
        reference_price=entry.price,
        mark_price=entry.mark,
        stop_price=entry.stop,
        stop_rules=stop_rules(settings, draft.order.signal.atr),
        stop_trigger=stop_trigger(settings),
        expires_at=_expiry(entry) if rests is None else entry.issued_at + timedelta(seconds=rests),
        bracket_of=held.entry_intent_id if held is not None else None,
        market_settings=MarketSettings(settings.leverage, settings.margin_mode),
        emergency=entry.limits.emergency,
        capital=settings.capital,
        limits_to_close=acted_on(entry.limits.limits),
    )
    rules = rules_of(account.venue)
    limits = settings.limit_targets and OrderType.TAKE_PROFIT_LIMIT in rules.order_types
    return bracket(opening, entry.targets, entry.market, rules, draft.now, held=held, limit_targets=limits)


# -- every intent is made here -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Draft:
    """The three things that every leg has in common; a leg adds its state, its reason, its side and its size."""

    account: Account
    order: TradeOrder
    now: datetime
    generation: int

    @property
    def position_key(self) -> str:
        """Key of the position that the order is about."""
        return position_key(self.order.subscription_id, self.order.signal.market)

    @property
    def held(self) -> Position | None:
        return self.account.positions.get(self.position_key)

    @property
    def closing(self) -> Position | None:
        """The position that the signal closes: the subscription's own, or else one that nobody knows the subscription of."""
        signal, held = self.order.signal, self.held
        if held is not None:
            return held if signal.closes(held.side) else None
        keys = [position_key(unattributed(side), signal.market) for side in PositionSide if signal.closes(side)]
        found = (self.account.positions[key] for key in keys if key in self.account.positions)
        return next((it for it in found if not self.account.under_way(it.subscription_id, it.market)), None)

    @property
    def under_way(self) -> tuple[Intent, ...]:
        """The earlier orders of the position that have not ended."""
        return self.account.under_way(self.order.subscription_id, self.order.signal.market)

    @property
    def undecided(self) -> tuple[Intent, ...]:
        """Those with an open outcome."""
        return self.account.undecided(self.order.subscription_id, self.order.signal.market)

    @property
    def resting(self) -> tuple[Intent, ...]:
        """The entries of the position that the venue has in its book."""
        return self.account.resting(self.order.subscription_id, self.order.signal.market)

    @property
    def limits(self) -> EffectiveLimits:
        """All limits in force for the order."""
        own = (Scope.ACCOUNT, self.account.limits), (Scope.SUBSCRIPTION, self.order.settings.layer())
        return tighten_further(self.order.limits or UNKNOWN_LIMITS, ((Scope.PLATFORM, PRICE_LIMITS), *own))

    def is_known(self, kind: LegKind) -> bool:
        """Whether this leg was decided before."""
        return self.account.knows(self._id(kind))

    def exit(
        self,
        state: IntentState,
        reason: Reason | None = None,
        *,
        side: PositionSide | None = None,
        quantity: Decimal = ZERO,
    ) -> Intent:
        return self._leg(LegKind.EXIT, state, None if reason is None else Denial(reason), side, quantity)

    def entry(self, state: IntentState, denial: Denial | None = None, *, quantity: Decimal = ZERO) -> Intent:
        return self._leg(LegKind.ENTRY, state, denial, self.order.signal.entry_side, quantity)

    def receipt(
        self, intents: tuple[Intent, ...], limits: EffectiveLimits | None = None, evaluations: tuple[Evaluation, ...] = ()
    ) -> Receipt:
        """The receipt of a decision; exits pass no limits."""
        return Receipt.of(self.account, self.order, intents, limits, evaluations, self.now)

    def _leg(
        self, kind: LegKind, state: IntentState, denial: Denial | None, side: PositionSide | None, quantity: Decimal
    ) -> Intent:
        signal = self.order.signal
        return Intent(
            intent_id=self._id(kind),
            leg=kind.value,
            kind=kind,
            tenant_id=self.account.tenant_id,
            account_id=self.account.account_id,
            subscription_id=self.order.subscription_id,
            strategy_id=signal.strategy_id,
            signal_id=signal.signal_id,
            correlation_id=signal.correlation_id,
            market=signal.market,
            position_side=side,
            state=state,
            issued_at=signal.issued_at,
            created_at=self.now,
            quantity=quantity,
            reference_price=signal.price,
            submitted_at=self.now if state is IntentState.SUBMITTING else None,
            denial=denial,
            strategy_version=self.order.strategy_version,
            reduction=signal.reduction,
        )

    def _id(self, kind: LegKind) -> str:
        return intent_id(self.order.signal.order_root, self.order.subscription_id, kind.value)
