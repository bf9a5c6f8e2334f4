"""Orders that would trade with a resting order of their own account: selfTradePreventionMode.

The candles' market has no depth, so an own order is met only where it lies at the touch or within the spread. As documented, the
mode of the order that takes counts, and FOK and post-only orders have none. An order that a candle triggers meets nobody, because
the market filled everything on the way there before.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from paper_exchange.accounts.account import EXPIRE_MAKER, Account, Order, OrderKind, OrderStatus, Outcome, Side
from paper_exchange.matching.reduce_only import MAX_EXPIRED_AT_ONCE

EXPIRES_MAKER = frozenset({EXPIRE_MAKER, "EXPIRE_BOTH"})
EXPIRES_TAKER = frozenset({"EXPIRE_TAKER", "EXPIRE_BOTH"})
WITHOUT_MODE = frozenset({"FOK", "GTX"})


def prevent_self_trade(account: Account, order: Order, touch: Decimal) -> tuple[Outcome, Order]:
    """The account and an order that comes to a market at `touch`, after the order's mode has done its work."""
    met = _met(account, order, touch) if order.time_in_force not in WITHOUT_MODE else []
    outcome = Outcome(account)
    if not met:
        return outcome, order
    if order.self_trade_prevention in EXPIRES_MAKER:
        for other in met[:MAX_EXPIRED_AT_ONCE]:
            ended = replace(_ended(other), updated_ms=order.updated_ms, market_ms=order.market_ms)
            outcome = outcome.then(Outcome(outcome.account.without_order(other.order_id), orders=(ended,)))
    if order.self_trade_prevention in EXPIRES_TAKER:
        order = _ended(order)
        outcome = outcome.then(Outcome(outcome.account.without_order(order.order_id), orders=(order,)))
    return outcome, order


def _met(account: Account, order: Order, touch: Decimal) -> list[Order]:
    """Own resting orders on the other side that come before the market's own, or at the same price."""
    others = [other for other in account.orders.values() if other.symbol == order.symbol and other.side is not order.side]
    reach = touch if order.kind is OrderKind.MARKET else order.price
    if order.side is Side.BUY:
        return [other for other in others if other.price <= min(reach, touch)]
    return [other for other in others if other.price >= max(reach, touch)]


def _ended(order: Order) -> Order:
    return replace(order, status=OrderStatus.EXPIRED_IN_MATCH)
