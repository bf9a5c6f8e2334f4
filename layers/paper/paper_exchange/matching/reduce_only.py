"""Orders that may only reduce a position: the room that a position leaves them, and their end with the position.

The rules are the venue's (its developers' forum, "Futures LIMIT order got expired", and expiry reason 4 of its order updates):

- A resting order that only reduces expires when its position is closed.
- Resting orders that only reduce never exceed the position together. A new one with a better price replaces those with worse
  prices, and a market order has the best price of all. A new one that finds better ones in its place is refused (-2022).
- A conditional order reserves nothing and outlives its position. One whose time in force is GTE_GTC ends with its position, and
  every order that closes the whole position is one of those.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from paper_exchange.accounts.account import (
    ZERO,
    Account,
    AlgoOrder,
    AlgoStatus,
    Order,
    OrderKind,
    OrderStatus,
    Outcome,
    Side,
)
from paper_exchange.accounts.positions import reducible

MAX_EXPIRED_AT_ONCE = 7  # an expired order leaves two items: a batch of five orders that each end so many fits 100 items
GTE_GTC = "GTE_GTC"  # good till the position ends; undocumented as a parameter, but its answers and refusals are


def room_for(account: Account, order: Order) -> Decimal:
    """The quantity that a new order may reduce: the position less the resting orders of its side that come before the new order.

    The venue counts every order that would be filled first, whether that order only reduces or not.
    """
    position = account.position(order.symbol, order.position_side)
    first = (other.remaining for other in _same_side(account, order) if not _is_better(order, other))
    return max(ZERO, reducible(position, order.side.sign, abs(position.amount)) - sum(first, ZERO))


def make_room(account: Account, order: Order) -> Outcome:
    """Expire resting orders that only reduce, worst price first, until they and the new order together fit the position."""
    size = abs(account.position(order.symbol, order.position_side).amount)
    resting = [other for other in _same_side(account, order) if other.reduce_only]
    over = sum((other.remaining for other in resting), order.remaining) - size
    outcome = Outcome(account)
    worst_first = sorted(resting, key=lambda other: (-other.side.sign * other.price, other.order_id), reverse=True)
    for other in worst_first[:MAX_EXPIRED_AT_ONCE]:
        if over <= 0 or not _is_better(order, other):
            break
        outcome = outcome.then(_expired(outcome.account, other, order.updated_ms, order.market_ms))
        over -= other.remaining
    return outcome


def _same_side(account: Account, order: Order) -> list[Order]:
    """The other resting orders of the order's side that take away from the same position."""
    place = (order.symbol, order.position_side, order.side)
    found = account.orders.values()
    return [other for other in found if (other.symbol, other.position_side, other.side) == place and not _same(other, order)]


def _same(one: Order, other: Order) -> bool:
    return one.order_id == other.order_id


def _is_better(order: Order, other: Order) -> bool:
    """Whether the order would be filled before another one of its side that is there already."""
    if order.kind is OrderKind.MARKET:
        return True
    return order.price > other.price if order.side is Side.BUY else order.price < other.price


def expire_next(account: Account) -> Outcome | None:
    """End the next order whose position is gone, at the moment of the fill that took the position; None if there is none."""
    for order in account.orders.values():
        position = account.position(order.symbol, order.position_side)
        if order.reduce_only and not reducible(position, order.side.sign, order.remaining):
            at_ms, market_ms = max(order.updated_ms, position.updated_ms), max(order.market_ms, position.market_ms)
            return _expired(account, order, at_ms, market_ms)
    for algo in account.algo_orders.values():
        if algo.time_in_force == GTE_GTC and not closes_something(account, algo):
            return _algo_expired(account, algo)
    return None


def closes_something(account: Account, algo: AlgoOrder) -> bool:
    """Whether there is a position that a conditional order takes away from."""
    position = account.position(algo.symbol, algo.position_side)
    return bool(reducible(position, algo.side.sign, abs(position.amount)))


def expire_some(account: Account) -> Outcome:
    """End orders whose positions are gone, at most `MAX_EXPIRED_AT_ONCE`; the next look at the account ends the others."""
    outcome = Outcome(account)
    while outcome.closed < MAX_EXPIRED_AT_ONCE and (step := expire_next(outcome.account)) is not None:
        outcome = outcome.then(step)
    return outcome


def _expired(account: Account, order: Order, at_ms: int, market_ms: int) -> Outcome:
    expired = replace(order, status=OrderStatus.EXPIRED, updated_ms=at_ms, market_ms=market_ms)
    return Outcome(account.without_order(order.order_id), orders=(expired,))


def _algo_expired(account: Account, algo: AlgoOrder) -> Outcome:
    position = account.position(algo.symbol, algo.position_side)
    at_ms, market_ms = max(algo.updated_ms, position.updated_ms), max(algo.market_ms, position.market_ms)
    expired = replace(algo, status=AlgoStatus.EXPIRED, updated_ms=at_ms, market_ms=market_ms)
    return Outcome(account.without_algo_order(algo.algo_id), algo_orders=(expired,))
