"""Stops and targets: from distances to prices, and on which side of the price they must stand."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal

from candlecast.domain.signals.signal import MAX_TAKE_PROFITS, TakeProfit
from candlecast.domain.values.money import percent_of
from candlecast.domain.values.terms import PositionSide
from candlecast.signals.fields import positive_number, present
from candlecast.signals.refusal import Refusal, RefusedMessage

SHARE_STEP = Decimal("0.0001")  # even shares are cut to this; the last target takes what is left, so together they close all


def level(
    fields: Mapping[str, object], absolute: str, side: PositionSide, price: Decimal | None, refusal: Refusal, *, winning: bool
) -> Decimal:
    """The price of a level given as one of `absolute`, `percent` or `amount` (a distance from `price` in its own units).

    Raises `refusal` unless exactly one is given and the level is a price above zero, PRICE_REQUIRED for a distance from nothing.
    """
    given = [name for name in (absolute, "percent", "amount") if present(fields, name)]
    if len(given) != 1:
        raise RefusedMessage(refusal, f"give exactly one of {absolute}, percent and amount")
    value = positive_number(fields, given[0])
    if value is None:
        raise RefusedMessage(refusal, f"{given[0]} is empty")
    if given[0] == absolute:
        return value
    if price is None:
        raise RefusedMessage(Refusal.PRICE_REQUIRED, f"{given[0]} is a distance from the signal's price, which was not sent")
    distance = percent_of(price, value) if given[0] == "percent" else value
    found = price + distance * side.sign * (1 if winning else -1)
    if found <= 0:
        raise RefusedMessage(refusal, "the distance leaves no price above zero")
    return found


def even_shares(prices: list[Decimal]) -> tuple[TakeProfit, ...]:
    """A ladder that closes the position in equal parts."""
    if not prices:
        return ()
    share = (1 / Decimal(len(prices))).quantize(SHARE_STEP, rounding=ROUND_DOWN)
    last = 1 - share * (len(prices) - 1)
    return (*(TakeProfit(price, share) for price in prices[:-1]), TakeProfit(prices[-1], last))


def check_levels(side: PositionSide, price: Decimal | None, stop: Decimal | None, targets: tuple[TakeProfit, ...]) -> None:
    """Raise TOO_MANY_TARGETS, STOP_ON_WRONG_SIDE or TARGET_ON_WRONG_SIDE; without a price, stop and targets are compared."""
    if len(targets) > MAX_TAKE_PROFITS:
        raise RefusedMessage(Refusal.TOO_MANY_TARGETS, f"at most {MAX_TAKE_PROFITS} targets")
    if price is not None and stop is not None and (price - stop) * side.sign <= 0:
        raise RefusedMessage(Refusal.STOP_ON_WRONG_SIDE, "the stop is not on the losing side of the price")
    reference = price if price is not None else stop
    if reference is not None and any((rung.price - reference) * side.sign <= 0 for rung in targets):
        raise RefusedMessage(Refusal.TARGET_ON_WRONG_SIDE, "a target is not on the winning side of price or stop")
