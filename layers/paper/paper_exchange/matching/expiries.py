"""Ends that come with time: orders with a date, and the countdown over a symbol's orders.

A date is wall time, and the market clock may be elsewhere. So the time that is left at the request runs on the market clock.
Where the clock follows wall time both are the same instant. An order ends before the candle in which its time lies could fill it.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from paper_exchange import errors
from paper_exchange.accounts.account import NO_MATCH, Account, AlgoStatus, OrderStatus, Outcome, Side
from paper_exchange.markets.book import matched_price
from paper_exchange.markets.markets import MarketSpec
from paper_exchange.markets.quotes import Quotes, Stamp

SHORTEST_MS = 600_000  # goodTillDate "must be greater than the current time plus 600 seconds"
LATEST_MS = 253_402_300_799_000
SECOND_MS = 1_000  # "the timestamp only retains second-level precision, ms part will be ignored"


def expiry_of(good_till_ms: int, quotes: Quotes, stamp: Stamp) -> int:
    """The market time at which an order ends, zero without a date; raises `VenueError` -5040."""
    if not good_till_ms:
        return 0
    if not stamp.wall_ms + SHORTEST_MS < good_till_ms < LATEST_MS:
        raise errors.invalid_good_till_date()
    return quotes.now_ms + good_till_ms // SECOND_MS * SECOND_MS - stamp.wall_ms


def price_of(price: Decimal, match: str, side: Side, spec: MarketSpec, last: Decimal) -> Decimal:
    """The price of an order that may take it from the book; raises `VenueError` -5041."""
    if match == NO_MATCH:
        return price
    found = matched_price(spec, last, match, buys=side is Side.BUY)
    if found is None:
        raise errors.no_depth_for_match()
    return found


def start_countdown(account: Account, symbol: str, countdown_ms: int, quotes: Quotes) -> Account:
    """Cancel the symbol's orders after that time unless this is called again; zero ends the countdown."""
    others = {name: at_ms for name, at_ms in account.countdowns.items() if name != symbol}
    mine = {symbol: quotes.now_ms + countdown_ms} if countdown_ms else {}
    return replace(account, countdowns={**others, **mine})


def expiry_times(account: Account, quotes: Quotes) -> list[int]:
    """The market times until now at which something ends, ascending."""
    dates = {order.expires_ms for order in account.orders.values()} | {algo.expires_ms for algo in account.algo_orders.values()}
    return sorted(at_ms for at_ms in dates | set(account.countdowns.values()) if 0 < at_ms <= quotes.now_ms)


def end_next(account: Account, at_ms: int, wall_ms: int) -> Outcome | None:
    """End the next order whose time is over at a market time; None if there is none. The venue cancels it."""
    counted = {symbol for symbol, due_ms in account.countdowns.items() if due_ms <= at_ms}
    for order in account.orders.values():
        if 0 < order.expires_ms <= at_ms or order.symbol in counted:
            ended = replace(order, status=OrderStatus.CANCELED, updated_ms=wall_ms, market_ms=at_ms)
            return Outcome(account.without_order(order.order_id), orders=(ended,))
    for algo in account.algo_orders.values():
        if 0 < algo.expires_ms <= at_ms:
            expired = replace(algo, status=AlgoStatus.EXPIRED, updated_ms=wall_ms, market_ms=at_ms)
            return Outcome(account.without_algo_order(algo.algo_id), algo_orders=(expired,))
    if counted:
        return Outcome(
            replace(account, countdowns={name: due for name, due in account.countdowns.items() if name not in counted})
        )
    return None
