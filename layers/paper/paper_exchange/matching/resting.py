"""Resting limit orders: found, cancelled, amended."""

from __future__ import annotations

from dataclasses import replace

from paper_exchange import errors
from paper_exchange.accounts.account import Account, Order, OrderChange, OrderStatus, Outcome, Side
from paper_exchange.markets import filters
from paper_exchange.markets.quotes import Quotes, Stamp
from paper_exchange.matching.expiries import price_of
from paper_exchange.matching.matching import is_marketable, require_margin, take
from paper_exchange.matching.reduce_only import make_room, room_for
from paper_exchange.requests.requests import Amendment, OrderReference

MAX_AMENDMENTS = 10_000  # the venue's maxMoveOrderLimit
MAX_CANCELLED_AT_ONCE = 45  # a cancelled order leaves two items, and a transaction has a hundred


def open_order(account: Account, symbol: str, reference: OrderReference) -> Order | None:
    for order in account.orders.values():
        named = order.order_id == reference.order_id or order.client_order_id == reference.client_id
        if named and order.symbol == symbol:
            return order
    return None


def cancel_order(account: Account, symbol: str, reference: OrderReference, wall_ms: int) -> tuple[Outcome, Order]:
    """Cancel an open order; -2011 if there is none like it."""
    order = open_order(account, symbol, reference)
    if order is None:
        raise errors.unknown_order_sent()
    return _cancelled(account, order, wall_ms)


def cancel_some_orders(account: Account, symbol: str, wall_ms: int) -> Outcome:
    """Cancel a symbol's open orders, at most `MAX_CANCELLED_AT_ONCE`."""
    outcome = Outcome(account)
    orders = [order for order in account.orders.values() if order.symbol == symbol]
    for order in orders[:MAX_CANCELLED_AT_ONCE]:
        outcome = outcome.then(_cancelled(outcome.account, order, wall_ms)[0])
    return outcome


def _cancelled(account: Account, order: Order, wall_ms: int) -> tuple[Outcome, Order]:
    cancelled = replace(order, status=OrderStatus.CANCELED, updated_ms=wall_ms)
    return Outcome(account.without_order(order.order_id), orders=(cancelled,)), cancelled


def amend_order(
    account: Account, amendment: Amendment, reference: OrderReference, quotes: Quotes, stamp: Stamp
) -> tuple[Outcome, Order]:
    """Give a resting limit order another price and quantity; the order keeps its ids and its fills.

    As at the venue ("Modify Order"), refused terms leave the order as it is. A quantity that has been filled already, or a price
    at which a GTX order would execute, cancels the order. Raises `VenueError`: -2013, -5026, -5027 and those of the filters and
    the margin.
    """
    spec = quotes.spec(amendment.symbol)
    filters.check_open(spec, quotes.now_ms)
    order = open_order(account, amendment.symbol, reference)
    if order is None:
        raise errors.order_does_not_exist()
    if order.side is not amendment.side:
        raise errors.invalid_side()
    if amendment.reduce_only and not order.reduce_only:
        raise errors.not_reduce_only()
    last, buys = quotes.last_price(order.symbol), order.side is Side.BUY
    price = price_of(amendment.price, amendment.price_match, order.side, spec, last)
    amendment = replace(amendment, price=price)
    if (order.price, order.quantity) == (amendment.price, amendment.quantity):
        raise errors.amendment_unneeded()
    if order.amendments >= MAX_AMENDMENTS:
        raise errors.too_many_amendments()
    filters.check_quantity(spec, amendment.quantity, market=False)
    filters.check_price(spec, amendment.price)
    filters.check_percent_price(spec, amendment.price, quotes.mark_price(order.symbol), buys=buys)
    filters.check_notional(spec, amendment.quantity * amendment.price, reduces=order.reduce_only)
    touch = spec.touch(last, buys=buys)
    amended = replace(
        order,
        price=amendment.price,
        quantity=amendment.quantity,
        amendments=order.amendments + 1,
        price_match=amendment.price_match,
        updated_ms=stamp.wall_ms,
        market_ms=quotes.now_ms,
    )
    marketable = is_marketable(amended, touch)
    if amended.remaining <= 0 or (marketable and order.time_in_force == "GTX"):
        return _cancelled(account, order, stamp.wall_ms)
    account, change = _changed(account, order, amended, amendment, stamp)
    cleared = Outcome(account, changes=(change,)).then(_room_made(account, amended))
    if marketable:
        outcome, amended = take(cleared.account.without_order(order.order_id), amended, touch, quotes)
        return cleared.then(outcome), amended
    after = replace(cleared.account, orders={**cleared.account.orders, order.order_id: amended})
    require_margin(account, after, amended, quotes)
    return cleared.then(Outcome(after)), amended


def _changed(account: Account, before: Order, after: Order, amendment: Amendment, stamp: Stamp) -> tuple[Account, OrderChange]:
    """The account with another id used, and the amendment as its history keeps it."""
    account, change_id = account.next_id()
    change = OrderChange(
        change_id=change_id,
        order_id=before.order_id,
        client_order_id=before.client_order_id,
        symbol=before.symbol,
        count=after.amendments,
        prices=(before.price, after.price),
        quantities=(before.quantity, after.quantity),
        price_match=after.price_match,
        modify_id=amendment.modify_id,
        time_ms=stamp.wall_ms,
    )
    return account, change


def _room_made(account: Account, amended: Order) -> Outcome:
    """The account with room for an order's new terms; raises `VenueError` -2022 if better orders reduce the position already."""
    if not amended.reduce_only:
        return Outcome(account)
    if amended.remaining > room_for(account, amended):
        raise errors.reduce_only_rejected()
    return make_room(account, amended)
