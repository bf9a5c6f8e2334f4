"""The rules that an entry keeps under any limits: accepted by the venue, within the account's reach, netting with nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from candlecast.domain.account.account import MAX_OPEN_INTENTS, Account
from candlecast.domain.decide.risk.entry import Entry, Situation
from candlecast.domain.limits.limits import Authority
from candlecast.domain.orders.intent import LegKind
from candlecast.domain.orders.position import Position
from candlecast.domain.orders.sizing import most_of_an_entry, parts
from candlecast.domain.signals.entry_order import EntryType
from candlecast.domain.signals.levels import misplaced_stop, misplaced_target
from candlecast.domain.signals.signal import MAX_TAKE_PROFITS
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import PositionMode

LEVERAGE_CAP_BELIEVED_FOR = timedelta(days=2)  # read once a day while the market is traded
LEGS_OF_AN_ENTRY = 2 + MAX_TAKE_PROFITS  # entry, stop and every target


def structural_denial(account: Account, entry: Entry) -> Denial | None:
    """The first rule that the entry breaks, or None."""
    return next((denial for rule in RULES if (denial := rule(account, entry)) is not None), None)


def _known_limits(_: Account, entry: Entry) -> Denial | None:
    return Denial(Reason.LIMITS_UNAVAILABLE) if entry.limits.authority is Authority.LOST else None


def _own_entry_rests(account: Account, entry: Entry) -> Denial | None:
    """One entry of a position at a time: of two that rest, nobody could say what will be held."""
    rests = bool(account.resting(entry.subscription_id, entry.market.symbol))
    return Denial(Reason.ENTRY_RESTS) if rests else None


def _same_market(account: Account, entry: Entry) -> Denial | None:
    """One subscription in a market, since the venue nets what is held there; in hedge mode one on each side of it."""
    if account.holds_foreign(entry.market.symbol):  # a look at the venue has found more there than ours
        return Denial(Reason.MARKET_IN_USE)
    both_sides = account.position_mode is PositionMode.HEDGE
    for position in account.positions.values():
        if position.market != entry.market.symbol or position.key == entry.closing_key:
            continue
        if position.subscription_id == entry.subscription_id:
            return _add(position, entry)
        # the venue nets them: the exit of one whose stop has just triggered unseen would close the other's
        if position.side is entry.side or not both_sides:
            return Denial(Reason.MARKET_IN_USE)
    coming = (i for i in account.intents.values() if i.kind is LegKind.ENTRY and i.filled_quantity == 0)
    meets = (i for i in coming if i.market == entry.market.symbol and (i.position_side is entry.side or not both_sides))
    return Denial(Reason.MARKET_IN_USE) if any(meets) else None


def _add(position: Position, entry: Entry) -> Denial | None:
    """Whether an entry may add to the position that its subscription holds: never unless a limit says how often."""
    adds = entry.limits.limits.max_adds
    if adds is None:
        return Denial(Reason.POSITION_ALREADY_OPEN)
    return None if position.adds < adds else Denial(Reason.MAX_ADDS, Decimal(position.adds + 1), Decimal(adds))


def _levels(_: Account, entry: Entry) -> Denial | None:
    """A stop or target on the wrong side of a price at which the position may open; the venue's mark is one."""
    prices = entry.opening_prices
    return misplaced_stop(entry.stop, prices, entry.side) or misplaced_target(entry.targets, prices, entry.side)


def _price_band(_: Account, entry: Entry) -> Denial | None:
    """A limit price that the venue would refuse: too far from the trigger of a stop-limit (-4183, -4184), else from the mark."""
    price = entry.order.price
    furthest = entry.market.furthest_price(entry.order.trigger_price or entry.mark, entry.side)
    if price is None or furthest is None or (price - furthest) * entry.side.sign <= 0:
        return None
    return Denial(Reason.OUTSIDE_PRICE_BAND, price, furthest)


def _quantity(account: Account, entry: Entry) -> Denial | None:
    lowest = max(entry.market.min_quantity, entry.market.quantity_step)
    if entry.quantity < lowest:
        return Denial(Reason.QUANTITY_TOO_SMALL, entry.quantity, lowest)
    most = most_of_an_entry(_held(account, entry), entry.market, rests=entry.order.type is not EntryType.MARKET)
    if entry.quantity > most:
        return Denial(Reason.QUANTITY_TOO_LARGE, entry.quantity, most)
    if entry.least_notional < entry.market.min_notional:
        return Denial(Reason.NOTIONAL_TOO_SMALL, entry.least_notional, entry.market.min_notional)
    return None


def _leverage_cap(account: Account, entry: Entry) -> Denial | None:
    """A position that the venue would refuse at this leverage (-2027): a higher leverage never allows a larger position.

    An old cap refuses nothing, since only a trade makes a look read the cap again.
    """
    known = account.leverage_caps.get(entry.market.symbol)
    if known is None or known.notional is None or entry.settings.leverage < known.leverage:
        return None
    if entry.now - known.as_of > LEVERAGE_CAP_BELIEVED_FOR:
        return None
    exposures = Situation(account, entry).exposures
    wanted = sum((e.notional for e in exposures if (e.market, e.side) == (entry.market.symbol, entry.side)), ZERO)
    return Denial(Reason.POSITION_LIMIT, wanted, known.notional) if wanted > known.notional else None


def _room_for_legs(account: Account, entry: Entry) -> Denial | None:
    opening, closing = entry.quantity, entry.quantity + _held(account, entry)
    further = sum(len(parts(quantity, entry.market)) - 1 for quantity in (opening, opening, closing))  # of entry, targets, stop
    after = len(account.intents) + LEGS_OF_AN_ENTRY + further
    return None if after <= MAX_OPEN_INTENTS else Denial(Reason.TOO_MANY_OPEN_ORDERS, Decimal(after), Decimal(MAX_OPEN_INTENTS))


def _held(account: Account, entry: Entry) -> Decimal:
    """The quantity of the position that the entry adds to."""
    position = None if entry.key == entry.closing_key else account.positions.get(entry.key)
    return ZERO if position is None else position.quantity


RULES: tuple[Callable[[Account, Entry], Denial | None], ...] = (
    _known_limits,
    _own_entry_rests,
    _same_market,
    _levels,
    _price_band,
    _quantity,
    _leverage_cap,
    _room_for_legs,
)
