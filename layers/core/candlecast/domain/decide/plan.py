"""What a subscriber's share of a signal comes to: the order legs to place and the decisions not to place one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from candlecast.domain.account.account import MAX_OPEN_INTENTS, Account, AccountStatus
from candlecast.domain.decide.receipt import Receipt
from candlecast.domain.decide.risk.entry import Entry
from candlecast.domain.decide.risk.evaluate import Evaluation, evaluate, first_denial
from candlecast.domain.limits.limits import EffectiveLimits, Scope, acted_on, tighten_further
from candlecast.domain.market.market import Market
from candlecast.domain.orders.bracket import ORDER_TYPE_OF_ENTRY, asked_order, bracket, expected_price, first_stop, stop_rules
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.position import Position, position_key
from candlecast.domain.orders.sizing import entry_quantity, stop_price, take_profits
from candlecast.domain.signals.entry_order import EntryType
from candlecast.domain.signals.signal import MAX_SIGNAL_AGE_SECONDS
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.ids import intent_id
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import OrderType, PositionSide
from candlecast.domain.venue.reports import MarketSettings
from candlecast.domain.venue.rules import rules_of

UNRESOLVED_WAIT_SECONDS = 10.0  # about half the settle window: the reconciler resolves what stands in the way meanwhile
FULL_WAIT_SECONDS = 30.0
LOOK_WAIT_SECONDS = 3.0  # so soon a look that was asked for may have made a stale state fresh


@dataclass(frozen=True)
class Plan:
    """Intents in the order in which they are sent (state SUBMITTING), decided ones that are not sent (terminal states), and exits
    that the account keeps until an earlier order has ended (PENDING). `comes_again`: an entry could not be decided yet.
    `receipt` says how it was decided; it is None while that has not ended.
    """

    legs: tuple[Intent, ...] = ()
    decided: tuple[Intent, ...] = ()
    waiting: tuple[Intent, ...] = ()
    comes_again: bool = False
    receipt: Receipt | None = None

    @property
    def intents(self) -> tuple[Intent, ...]:
        return self.legs + self.decided + self.waiting


def plan_orders(account: Account, order: TradeOrder, market: Market | None, now: datetime) -> Plan:
    """Decide everything that `order` leads to, from the account's state alone.

    Legs that the account knows already are left out, so a repeat of a message plans nothing. While an earlier order of the same
    position has not ended, nobody knows what is held: an exit is then kept by the account, and an entry raises `RetryLater`.
    """
    known_exit = account.knows(_id(order, LegKind.EXIT))
    known_entry = account.knows(_id(order, LegKind.ENTRY))
    if known_entry or (known_exit and not order.signal.action.is_entry):
        return Plan()
    if _is_undecidable(account, order):
        return _wait(account, order, now, known_exit=known_exit)
    held = account.position(order.subscription_id, order.signal.market)
    closing = held if held is not None and order.signal.closes(held.side) else None
    exits = () if known_exit else _exit_intents(account, order, closing, now)
    if not order.signal.action.is_entry:
        return _split(exits, Receipt.of(account, order, exits, None, (), now))
    try:
        decision = _decide_entry(account, order, market, closing, now)
    except RetryLater:
        if not exits:
            raise
        return replace(_split(exits), comes_again=True)  # an exit waits for nobody
    intents = (*exits, *decision.intents)
    return _split(intents, Receipt.of(account, order, intents, decision.limits, decision.evaluations, now))


def _exit_intents(account: Account, order: TradeOrder, closing: Position | None, now: datetime) -> tuple[Intent, ...]:
    """The exit of what is held, capped to it; or the decision that there is nothing to close."""
    if closing is None:
        if order.signal.action.is_entry:
            return ()
        if account.status is AccountStatus.DISABLED and account.under_way(order.subscription_id, order.signal.market):
            denial = Denial(Reason.ACCOUNT_DISABLED)  # what is under way may still turn out to be held
            return (_intent(order, account, LegKind.EXIT, now, IntentState.DENIED, denial=denial),)
        reason = Reason.NO_CREDENTIALS if account.status is AccountStatus.NO_CREDENTIALS else Reason.NOTHING_HELD
        return (_intent(order, account, LegKind.EXIT, now, IntentState.SKIPPED, denial=Denial(reason)),)
    if order.signal.issued_at < closing.signal_issued_at:
        return (_intent(order, account, LegKind.EXIT, now, IntentState.SKIPPED, denial=Denial(Reason.POSITION_IS_NEWER)),)
    if account.status is not AccountStatus.ACTIVE:
        denial = Denial(Reason.ACCOUNT_DISABLED)
        return (_intent(order, account, LegKind.EXIT, now, IntentState.DENIED, side=closing.side, denial=denial),)
    return (_intent(order, account, LegKind.EXIT, now, side=closing.side, quantity=closing.quantity),)


@dataclass(frozen=True)
class _Decision:
    """What an entry came to, and by which limits."""

    intents: tuple[Intent, ...]
    limits: EffectiveLimits
    evaluations: tuple[Evaluation, ...] = ()


def _decide_entry(
    account: Account, order: TradeOrder, market: Market | None, closing: Position | None, now: datetime
) -> _Decision:
    """The entry with its protective legs; or the decision not to enter.

    Raises `RetryLater` while it cannot be decided and would still be fresh later: TOO_MANY_RECENT_ORDERS, STATE_STALE.
    """
    limits = tighten_further(order.limits, ((Scope.ACCOUNT, account.limits), (Scope.SUBSCRIPTION, order.settings.layer())))
    side = order.signal.entry_side
    refused = _refusal(account, order, market, max_signal_age(limits), now)
    if refused is not None:
        state, denial = refused
        return _Decision((_intent(order, account, LegKind.ENTRY, now, state, side=side, denial=denial),), limits)
    if account.is_full(now):
        raise RetryLater("TOO_MANY_RECENT_ORDERS", "the account remembers its most", after_seconds=FULL_WAIT_SECONDS)
    if market is None:
        raise ValueError("refused above")
    entry = _sized(account, order, market, closing, limits, now)
    if isinstance(entry, Denial):
        return _Decision((_intent(order, account, LegKind.ENTRY, now, IntentState.DENIED, side=side, denial=entry),), limits)
    evaluations = evaluate(account, entry)
    denied = first_denial(account, entry, evaluations)
    if denied is None:
        return _Decision(_legs(account, order, entry, now), limits, evaluations)
    if denied.reason is Reason.STATE_STALE and now + timedelta(seconds=LOOK_WAIT_SECONDS) <= _expiry(entry):
        raise RetryLater("STATE_STALE", "the account has to be looked at first", after_seconds=LOOK_WAIT_SECONDS)
    stopped = _intent(order, account, LegKind.ENTRY, now, IntentState.DENIED, side=side, quantity=entry.quantity, denial=denied)
    return _Decision((stopped,), limits, evaluations)


def _sized(
    account: Account, order: TradeOrder, market: Market, closing: Position | None, limits: EffectiveLimits, now: datetime
) -> Entry | Denial:
    """The entry as it would be placed; a Denial if its size cannot be computed."""
    signal, settings = order.signal, order.settings
    side = signal.entry_side
    if side is None or signal.price is None:
        raise ValueError("only an entry with a price is sized")
    asked = asked_order(signal, settings, signal.price, side, market)
    if ORDER_TYPE_OF_ENTRY[asked.type] not in rules_of(account.venue).order_types:
        return Denial(Reason.ORDER_TYPE_NOT_SUPPORTED)
    price = expected_price(asked, signal.price)
    stop = stop_price(signal, side, price, settings, market)
    stop = first_stop(stop, stop_rules(settings, signal.atr), price, side, market)
    equity = account.balance.equity if account.balance is not None else None
    quantity = entry_quantity(settings, price, stop, market, equity=equity, atr=signal.atr)
    if isinstance(quantity, Denial):
        return quantity
    return Entry(
        subscription_id=order.subscription_id,
        strategy_id=signal.strategy_id,
        market=market,
        side=side,
        settings=settings,
        limits=limits,
        price=price,
        quantity=quantity,
        order=asked,
        stop=stop,
        targets=take_profits(signal, side, price, settings, market),
        now=now,
        issued_at=signal.issued_at,
        confidence=signal.confidence,
        quote=order.quote,
        closing_key=closing.key if closing else None,
    )


def max_signal_age(limits: EffectiveLimits) -> int:
    """Seconds for which an entry is fresh; a subscription's settings always name them."""
    age = limits.limits.max_signal_age_seconds
    return MAX_SIGNAL_AGE_SECONDS if age is None else age


def _expiry(entry: Entry) -> datetime:
    return entry.issued_at + timedelta(seconds=max_signal_age(entry.limits))


def _refusal(
    account: Account, order: TradeOrder, market: Market | None, max_age: int, now: datetime
) -> tuple[IntentState, Denial] | None:
    """Why no entry is considered at all, before any size is known."""
    status = account.subscriptions.get(order.subscription_id, SubscriptionStatus.CANCELLED)
    age = Decimal(str((now - order.signal.issued_at).total_seconds()))
    newest = account.newest_signals.get(position_key(order.subscription_id, order.signal.market))
    checks = (
        (account.status is AccountStatus.NO_CREDENTIALS, IntentState.SKIPPED, (Reason.NO_CREDENTIALS,)),
        (status is SubscriptionStatus.PAUSED, IntentState.SKIPPED, (Reason.SUBSCRIPTION_PAUSED,)),
        (status is SubscriptionStatus.CANCELLED, IntentState.SKIPPED, (Reason.SUBSCRIPTION_CANCELLED,)),
        (age > max_age, IntentState.EXPIRED, (Reason.SIGNAL_TOO_OLD, age, Decimal(max_age))),
        (newest is not None and newest > order.signal.issued_at, IntentState.EXPIRED, (Reason.SIGNAL_SUPERSEDED,)),
        (account.status is AccountStatus.DISABLED, IntentState.DENIED, (Reason.ACCOUNT_DISABLED,)),
        (market is None, IntentState.DENIED, (Reason.UNKNOWN_MARKET,)),
        (order.signal.price is None, IntentState.DENIED, (Reason.REFERENCE_PRICE_MISSING,)),
    )
    return next(((state, Denial(*why)) for broken, state, why in checks if broken), None)


def _legs(account: Account, order: TradeOrder, entry: Entry, now: datetime) -> tuple[Intent, ...]:
    """The entry as it is sent, with what is sent behind it."""
    asked, held = entry.order, account.positions.get(entry.key) if entry.key != entry.closing_key else None
    rests = asked.rests_seconds if asked.type is not EntryType.MARKET else None
    opening = replace(
        _intent(order, account, LegKind.ENTRY, now, side=entry.side, quantity=entry.quantity),
        order_type=ORDER_TYPE_OF_ENTRY[asked.type],
        price=asked.price,
        trigger_price=asked.trigger_price,
        time_in_force=asked.time_in_force,
        post_only=asked.post_only,
        reference_price=entry.price,
        stop_price=entry.stop,
        stop_rules=stop_rules(entry.settings, order.signal.atr),
        expires_at=_expiry(entry) if rests is None else entry.issued_at + timedelta(seconds=rests),
        bracket_of=held.entry_intent_id if held is not None else None,
        market_settings=MarketSettings(order.settings.leverage, order.settings.margin_mode),
        emergency=entry.limits.emergency,
        limits_to_close=acted_on(entry.limits.limits),
    )
    rules = rules_of(account.venue)
    limits = entry.settings.limit_targets and OrderType.TAKE_PROFIT_LIMIT in rules.order_types
    return bracket(opening, entry.targets, entry.market, rules, now, held=held, limit_targets=limits)


def _is_undecidable(account: Account, order: TradeOrder) -> bool:
    """Whether an earlier order of the position has not ended; for an account that sends nothing, nothing has to be known."""
    return account.status is AccountStatus.ACTIVE and account.under_way(order.subscription_id, order.signal.market)


def _wait(account: Account, order: TradeOrder, now: datetime, *, known_exit: bool) -> Plan:
    """The exit as a wish of the account's, which its reconciler grants; the message need not outlive what it waits for."""
    later = RetryLater("OUTCOME_UNKNOWN", "an earlier order is unresolved", after_seconds=UNRESOLVED_WAIT_SECONDS)
    if known_exit or len(account.intents) >= MAX_OPEN_INTENTS:
        raise later
    if _may_close(account, order):
        wish = _intent(order, account, LegKind.EXIT, now, IntentState.PENDING, side=_only_side(order))
        if order.signal.action.is_entry:
            return Plan(waiting=(wish,), comes_again=True)
        return Plan(waiting=(wish,), receipt=Receipt.of(account, order, (wish,), None, (), now))
    if order.signal.action.is_entry:
        raise later
    exits = _exit_intents(account, order, None, now)
    return _split(exits, Receipt.of(account, order, exits, None, (), now))


def _may_close(account: Account, order: TradeOrder) -> bool:
    """Whether what is held, or what will be once the earlier orders have ended, is what the signal closes."""
    about = (order.subscription_id, order.signal.market)
    held = account.position(*about)
    earlier = (i for i in account.intents.values() if (i.subscription_id, i.market) == about)
    sides = {*(i.position_side for i in earlier), held.side if held else None}
    return any(side is not None and order.signal.closes(side) for side in sides)


def _only_side(order: TradeOrder) -> PositionSide | None:
    """The side that an exit is about; None if it closes whatever is held."""
    sides = [side for side in PositionSide if order.signal.closes(side)]
    return sides[0] if len(sides) == 1 else None


def _split(intents: tuple[Intent, ...], receipt: Receipt | None = None) -> Plan:
    return Plan(
        receipt=receipt,
        legs=tuple(i for i in intents if not i.state.is_terminal),
        decided=tuple(i for i in intents if i.state.is_terminal),
    )


def _id(order: TradeOrder, kind: LegKind) -> str:
    return intent_id(order.signal.signal_id, order.subscription_id, kind.value)


def _intent(
    order: TradeOrder,
    account: Account,
    kind: LegKind,
    now: datetime,
    state: IntentState = IntentState.SUBMITTING,
    *,
    side: PositionSide | None = None,
    quantity: Decimal = Decimal(0),
    denial: Denial | None = None,
) -> Intent:
    return Intent(
        intent_id=_id(order, kind),
        leg=kind.value,
        kind=kind,
        tenant_id=account.tenant_id,
        account_id=account.account_id,
        subscription_id=order.subscription_id,
        strategy_id=order.signal.strategy_id,
        signal_id=order.signal.signal_id,
        correlation_id=order.signal.correlation_id,
        market=order.signal.market,
        position_side=side,
        state=state,
        issued_at=order.signal.issued_at,
        created_at=now,
        quantity=quantity,
        reference_price=order.signal.price,
        submitted_at=now if state is IntentState.SUBMITTING else None,
        denial=denial,
    )
