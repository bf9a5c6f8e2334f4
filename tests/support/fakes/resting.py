"""When orders that rest at a venue are reached by the price: limits, triggers, trailing stops."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from candlecast.domain.values.terms import OrderType, Side
from candlecast.domain.venue.reports import OrderRequest

STOPS = (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)


@dataclass(slots=True)
class Resting:
    """A venue's memory of a resting order: whether its trigger was reached, and the best price that it has followed."""

    triggered: bool = False
    best: Decimal | None = None

    def meets(self, request: OrderRequest, price: Decimal) -> Decimal | None:
        """The price at which the order is executed when the market trades at `price`; None if it is not."""
        if not request.order_type.rests:
            return None  # it waits for somebody to trade with, not for a price
        if request.order_type is OrderType.TRAILING_STOP:
            return self._trailed(request, price)
        if request.order_type.is_conditional:
            self.triggered = self.triggered or is_triggered(request, price)
            if not self.triggered:
                return None
        if request.price is None:
            return request.trigger_price or price
        return request.price if is_marketable(request, price) else None

    def _trailed(self, request: OrderRequest, price: Decimal) -> Decimal | None:
        """Follow the price; a trailing stop that sells begins at or above its activation price, one that buys at or below it."""
        rising = request.side is Side.SELL
        start = request.trigger_price
        self.triggered = self.triggered or start is None or (price >= start if rising else price <= start)
        if not self.triggered or request.callback_percent is None:
            return None
        best = price if self.best is None else (max if rising else min)(self.best, price)
        self.best = best
        share = request.callback_percent / 100
        back = price <= best * (1 - share) if rising else price >= best * (1 + share)
        return price if back else None


def is_marketable(request: OrderRequest, price: Decimal) -> bool:
    """Whether an order with a limit, or without one, would be executed at `price`."""
    if request.price is None:
        return True
    return price <= request.price if request.side is Side.BUY else price >= request.price


def is_triggered(request: OrderRequest, price: Decimal) -> bool:
    """Whether `price` triggers a conditional order; a stop is on the losing side, a target on the winning one."""
    trigger = request.trigger_price
    if trigger is None:
        return False
    below = (request.order_type in STOPS) == (request.side is Side.SELL)
    return price <= trigger if below else price >= trigger
