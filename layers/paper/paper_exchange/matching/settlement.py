"""Settlement of a market that the venue ends: open orders expire, positions are closed by the venue's own orders."""

from __future__ import annotations

from dataclasses import replace

from paper_exchange.accounts.account import Account, AlgoStatus, OrderKind, OrderStatus, Outcome
from paper_exchange.markets.quotes import Quotes
from paper_exchange.matching.matching import VenueOrder, close_by_venue

# The client id is that of "Order update" of the user data streams: settlement of a delisted contract.
SETTLEMENT = VenueOrder("settlement_autoclose-", OrderKind.MARKET, "GTC")


def settle(account: Account, symbol: str, quotes: Quotes, wall_ms: int) -> Outcome:
    """One step: the next open order of the symbol expires; when there is none, the next position is closed at the mark price.

    Without a fee. Steps are small so that any number of them fits the store's transactions; the last one changes nothing.
    """
    for order in account.orders.values():
        if order.symbol == symbol:
            ended = replace(order, status=OrderStatus.EXPIRED, updated_ms=wall_ms, market_ms=quotes.now_ms)
            return Outcome(account.without_order(order.order_id), orders=(ended,))
    for algo in account.algo_orders.values():
        if algo.symbol == symbol:
            expired = replace(algo, status=AlgoStatus.EXPIRED, updated_ms=wall_ms, market_ms=quotes.now_ms)
            return Outcome(account.without_algo_order(algo.algo_id), algo_orders=(expired,))
    for held, side in account.held:
        if held == symbol:
            return close_by_venue(account, symbol, side, SETTLEMENT, quotes.mark_price(symbol), quotes, wall_ms)
    return Outcome(account)
