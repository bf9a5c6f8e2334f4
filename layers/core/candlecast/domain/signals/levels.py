"""The prices at which an entry may open its position, and the sides on which its stop and its targets must stand of them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.signals.signal import TakeProfit
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import PositionSide


def opening_prices(order: EntryOrder, reference: Decimal, mark: Decimal, side: PositionSide) -> tuple[Decimal, ...]:
    """The prices at which the position may open, by the order's terms and the venue's mark.

    A market order opens near the mark, even if its reference is elsewhere. A stop order opens where it triggers. A limit order
    opens at its own price; one that the market has reached already opens near the mark.
    """
    if order.type is EntryType.MARKET:
        return reference, mark
    own = tuple(price for price in (order.trigger_price, order.price) if price is not None)
    if order.type is EntryType.LIMIT and all((mark - price) * side.sign <= 0 for price in own):
        return *own, mark
    return own


def misplaced_stop(stop: Decimal | None, prices: Iterable[Decimal], side: PositionSide) -> Denial | None:
    """A stop that is not on the losing side of each of the prices: it would close the position as soon as that opens."""
    if stop is None:
        return None
    for price in prices:
        if (price - stop) * side.sign <= 0 or stop <= 0:
            return Denial(Reason.STOP_ON_WRONG_SIDE, stop, price)
    return None


def misplaced_target(targets: Iterable[TakeProfit], prices: Iterable[Decimal], side: PositionSide) -> Denial | None:
    """The first target that is not on the winning side of each of the prices."""
    prices = tuple(prices)
    for rung in targets:
        for price in prices:
            if (rung.price - price) * side.sign <= 0:
                return Denial(Reason.TARGET_ON_WRONG_SIDE, rung.price, price)
    return None


def misplaced_trigger(order: EntryOrder, mark: Decimal, side: PositionSide) -> Denial | None:
    """A trigger that the market has passed already: the order would be a market order in disguise."""
    trigger = order.trigger_price
    if trigger is None or (trigger - mark) * side.sign > 0:
        return None
    return Denial(Reason.TRIGGER_ON_WRONG_SIDE, trigger, mark)
