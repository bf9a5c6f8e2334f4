"""Settlement of a market that the venue ends: open orders expire, positions are closed by the venue's own orders."""

from __future__ import annotations

from dataclasses import replace

from paper_exchange.accounts.account import Account, AlgoStatus, Order, OrderKind, OrderStatus, Outcome, PositionSide, Side
from paper_exchange.markets.quotes import Quotes
from paper_exchange.matching.matching import execute

CLIENT_ID_PREFIX = "settlement_autoclose-"  # "Order update" of the user data streams: settlement of a delisted contract


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
            return _closed(account, symbol, side, quotes, wall_ms)
    return Outcome(account)


def _closed(account: Account, symbol: str, side: PositionSide, quotes: Quotes, wall_ms: int) -> Outcome:
    amount, price = account.position(symbol, side).amount, quotes.mark_price(symbol)
    account, order_id = account.next_id()
    order = Order(
        order_id=order_id,
        client_order_id=f"{CLIENT_ID_PREFIX}{order_id}",
        symbol=symbol,
        side=Side.SELL if amount > 0 else Side.BUY,
        kind=OrderKind.MARKET,
        original_kind=OrderKind.MARKET,
        time_in_force="GTC",
        quantity=abs(amount),
        price=price,
        reduce_only=False,
        signed_by="",
        placed_ms=wall_ms,
        updated_ms=wall_ms,
        market_ms=quotes.now_ms,
        position_side=side,
    )
    outcome, _ = execute(account, order, price, quotes, order.quantity, maker=False, free=True)
    return outcome
