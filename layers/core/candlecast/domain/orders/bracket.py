"""The orders of a position: the entry with its stop, targets and trailing stop, and later the orders that repair or end it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from candlecast.domain.market.market import Market
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.position import Position, StopRules, tighter
from candlecast.domain.orders.sizing import ladder_quantities, parts
from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.signals.reduction import Reduction
from candlecast.domain.signals.signal import Signal, TakeProfit
from candlecast.domain.subscriptions.subscription import Settings
from candlecast.domain.values.copying import replace
from candlecast.domain.values.ids import intent_id
from candlecast.domain.values.terms import OrderType, PositionSide
from candlecast.domain.venue.reports import StopTrigger
from candlecast.domain.venue.rules import VenueRules

ORDER_TYPE_OF_ENTRY = {
    EntryType.MARKET: OrderType.MARKET,
    EntryType.LIMIT: OrderType.LIMIT,
    EntryType.STOP: OrderType.STOP_MARKET,
    EntryType.STOP_LIMIT: OrderType.STOP_LIMIT,
}
ORDER_TYPE_OF_LEG = {
    LegKind.STOP_LOSS: OrderType.STOP_MARKET,
    LegKind.TAKE_PROFIT: OrderType.TAKE_PROFIT_MARKET,
    LegKind.TRAILING_STOP: OrderType.TRAILING_STOP,
}


def asked_order(signal: Signal, settings: Settings, price: Decimal, side: PositionSide, market: Market) -> EntryOrder:
    """How the entry is to be ordered: as the signal asks, else as the subscription prefers, else at market; on the tick."""
    asked = signal.entry
    if asked is None:
        asked = settings.entry.order_at(price, side.sign) if settings.entry is not None else EntryOrder()
    return replace(
        asked,
        price=None if asked.price is None else market.round_price(asked.price),
        trigger_price=None if asked.trigger_price is None else market.round_price(asked.trigger_price),
    )


def expected_price(asked: EntryOrder, price: Decimal) -> Decimal:
    """The price for an entry's size and limits: its own price, else its trigger price, else the signal's `price`."""
    return asked.price or asked.trigger_price or price


def stop_trigger(settings: Settings) -> StopTrigger | None:
    """The trigger of a new position's stops, by its subscription's settings; None if that is the venue's own way."""
    chosen = StopTrigger(working_type=settings.stop_working_type, price_protect=settings.stop_price_protect)
    return None if chosen == StopTrigger() else chosen


def stop_rules(settings: Settings, atr: Decimal | None) -> StopRules | None:
    """How the stop of a new position follows the market, by its subscription's settings; None if it stays where it is."""
    multiple = settings.trailing_stop_atr_multiplier
    rules = StopRules(
        trail_percent=settings.trailing_stop_percent,
        trail_distance=multiple * atr if multiple is not None and atr is not None else None,
        activation_percent=settings.trailing_activation_percent,
        break_even_after_r=settings.break_even_after_r,
        break_even_after_target=settings.break_even_after_target,
    )
    return rules if rules.trails or rules.break_even_after_r is not None or rules.break_even_after_target else None


def first_stop(
    stop: Decimal | None, rules: StopRules | None, price: Decimal, side: PositionSide, market: Market
) -> Decimal | None:
    """Where the stop stands at first: as decided, else where a trailing stop that begins at once has it."""
    if stop is not None or rules is None or rules.activation_percent is not None:
        return stop
    trailing = rules.behind(price, side)
    return None if trailing is None else market.round_price(trailing)


def bracket(
    opening: Intent,
    targets: tuple[TakeProfit, ...],
    market: Market,
    rules: VenueRules,
    now: datetime,
    *,
    held: Position | None = None,
    limit_targets: bool = False,
) -> tuple[Intent, ...]:
    """The entry and, behind it, its stop, targets and the venue's own trailing stop, each a reduce-only order of its own.

    `held` is the position that the entry adds to: its stop is made anew for all that will be held then, never a looser one.
    Legs above the market's maximum come in parts. An entry that may rest is one order, since one entry of a position rests.
    """
    legs, price = [opening] if opening.order_type.rests else list(in_parts(opening, market)), expected_price_of(opening)
    stop = opening.stop_price if held is None else tighter(held.side, held.stop_price, opening.stop_price)
    if stop is not None:
        covered = opening.quantity + (held.quantity if held is not None else 0)
        whole = protective_intent(opening, LegKind.STOP_LOSS, LegKind.STOP_LOSS.value, covered, stop, now)
        legs.extend(in_parts(whole, market))
    for number, (target, quantity) in enumerate(ladder_quantities(opening.quantity, targets, market), start=1):
        leg = protective_intent(opening, LegKind.TAKE_PROFIT, f"{LegKind.TAKE_PROFIT}_{number}", quantity, target, now)
        whole = replace(leg, order_type=OrderType.TAKE_PROFIT_LIMIT, price=target) if limit_targets else leg
        legs.extend(in_parts(whole, market))
    following = opening.stop_rules
    trails = held is None and following is not None and rules.trails(following.trail_percent)
    if trails and following is not None and opening.position_side is not None and opening.quantity <= market.max_quantity:
        activation = following.activation_percent
        begins = None if activation is None else market.round_price(price * (1 + opening.position_side.sign * activation / 100))
        leg = protective_intent(opening, LegKind.TRAILING_STOP, LegKind.TRAILING_STOP.value, opening.quantity, begins, now)
        legs.append(replace(leg, callback_percent=following.trail_percent))
    return tuple(legs)


def in_parts(leg: Intent, market: Market | None) -> tuple[Intent, ...]:
    """The leg as the orders that its market takes, each further part with a name and an id of its own.

    Further parts of an entry are filled into the position that the first one opens. A leg of an unknown market stays whole.
    """
    sizes = (leg.quantity,) if market is None else parts(leg.quantity, market)
    if len(sizes) == 1:
        return (leg,)
    bracket_of = leg.bracket_of or (leg.intent_id if leg.kind is LegKind.ENTRY else None)
    made = [_part(leg, sizes[0])]
    for number, size in enumerate(sizes[1:], start=2):
        name = f"{leg.leg}_PART_{number}"
        key = intent_id(leg.signal_id, leg.subscription_id, name)
        made.append(replace(_part(leg, size), intent_id=key, leg=name, part_of=leg.intent_id, bracket_of=bracket_of))
    missing = leg.quantity - sum(sizes)  # beyond the bound of parts: an exit follows the last part
    if leg.reduction is not None:
        made[-1] = replace(made[-1], reduction=Reduction(quantity=sizes[-1] + missing))
    return tuple(made)


def _part(leg: Intent, size: Decimal) -> Intent:
    return replace(leg, quantity=size, reduction=None if leg.reduction is None else Reduction(quantity=size))


def expected_price_of(opening: Intent) -> Decimal:
    """The price that an entry was decided with."""
    if opening.reference_price is None:
        raise ValueError("no entry is decided without a price")
    return opening.reference_price


def protective_intent(
    entry: Intent, kind: LegKind, leg: str, quantity: Decimal, trigger: Decimal | None, now: datetime
) -> Intent:
    """A reduce-only conditional order that is sent behind `entry` and belongs to the position that it opens or adds to."""
    return Intent(
        intent_id=intent_id(entry.signal_id, entry.subscription_id, leg),
        leg=leg,
        kind=kind,
        tenant_id=entry.tenant_id,
        account_id=entry.account_id,
        subscription_id=entry.subscription_id,
        strategy_id=entry.strategy_id,
        signal_id=entry.signal_id,
        correlation_id=entry.correlation_id,
        market=entry.market,
        position_side=entry.position_side,
        state=IntentState.SUBMITTING,
        issued_at=entry.issued_at,
        created_at=now,
        order_type=ORDER_TYPE_OF_LEG[kind],
        quantity=quantity,
        trigger_price=trigger,
        bracket_of=entry.bracket_of or entry.intent_id,
        behind=entry.intent_id if entry.is_add else None,
        stop_trigger=None if kind is LegKind.TAKE_PROFIT else entry.stop_trigger,
        submitted_at=now,
        strategy_version=entry.strategy_version,
    )


def replacement_stop(position: Position, version: int, now: datetime) -> Intent:
    """A new stop for a position that has lost its own, or whose stop must move; the account's version makes its id a new one."""
    return _for_position(position, LegKind.STOP_LOSS, OrderType.STOP_MARKET, version, now)


def forced_exit(position: Position, cause: str, version: int, now: datetime) -> Intent:
    """An exit at market that no signal has ordered; its leg bears the name of the cause."""
    return _for_position(position, LegKind.EXIT, OrderType.MARKET, version, now, cause)


def _for_position(
    position: Position, kind: LegKind, order_type: OrderType, version: int, now: datetime, name: str | None = None
) -> Intent:
    leg = f"{name or kind}_{version}"
    return Intent(
        intent_id=intent_id(position.signal_id, position.subscription_id, leg),
        leg=leg,
        kind=kind,
        tenant_id=position.tenant_id,
        account_id=position.account_id,
        subscription_id=position.subscription_id,
        strategy_id=position.strategy_id,
        signal_id=position.signal_id,
        correlation_id=position.correlation_id,
        market=position.market,
        position_side=position.side,
        state=IntentState.SUBMITTING,
        issued_at=position.signal_issued_at,
        created_at=now,
        order_type=order_type,
        quantity=position.quantity,
        trigger_price=position.stop_price if order_type.is_conditional else None,
        bracket_of=position.entry_intent_id if kind.is_protective else None,
        stop_trigger=position.stop_trigger if kind is LegKind.STOP_LOSS else None,
        submitted_at=now,
        strategy_version=position.strategy_version,
    )
