"""Orders meet the market: pure functions from an account and a request to what becomes of both.

A market order fills in full at the last price plus half a spread. A limit order that is marketable does the same, at no worse
than its price; otherwise it rests and fills at its price, as maker, when a later candle goes through it (`triggers`).
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from functions.paper_exchange import errors, filters
from functions.paper_exchange.account import (
    ZERO,
    Account,
    AlgoOrder,
    AlgoStatus,
    Fill,
    Order,
    OrderKind,
    OrderStatus,
    Outcome,
    Side,
)
from functions.paper_exchange.margin import asset_margin
from functions.paper_exchange.markets import MarketSpec
from functions.paper_exchange.positions import apply_fill, reducible
from functions.paper_exchange.quotes import Quotes, Stamp
from functions.paper_exchange.requests import AlgoRequest, OrderReference, OrderRequest

MAX_OPEN_ORDERS = 500  # of an account, both kinds together: they ride in its item, 500 bytes each, and an item has 400 kB


def place_order(account: Account, request: OrderRequest, quotes: Quotes, stamp: Stamp) -> tuple[Outcome, Order]:
    """Execute or rest an order; the result is the new state and the order as it then is.

    Client ids are unique among open orders only, as at the venue: a market order that is sent again executes again.
    Raises `VenueError`; nothing has happened then.
    """
    spec = quotes.spec(request.symbol)
    if request.client_id and any(order.client_order_id == request.client_id for order in account.orders.values()):
        raise errors.duplicate_client_id()
    filters.check_quantity(spec, request.quantity, market=request.kind is OrderKind.MARKET)
    if request.kind is OrderKind.LIMIT:
        filters.check_price(spec, request.price)
    last = quotes.last_price(request.symbol)
    quantity = request.quantity
    if request.reduce_only:
        quantity = reducible(account.position(request.symbol), request.side.sign, quantity)
        if not quantity:
            raise errors.reduce_only_rejected()
    account, order = _numbered(account, request, quantity, quotes, stamp)
    touch = spec.ask(last) if request.side is Side.BUY else spec.bid(last)
    if request.kind is OrderKind.MARKET:
        filters.check_notional(spec, quantity * last, reduces=request.reduce_only)
        return _filled_now(account, order, touch, quotes)
    buys = request.side is Side.BUY
    filters.check_percent_price(spec, request.price, last, buys=buys)
    filters.check_notional(spec, quantity * request.price, reduces=request.reduce_only)
    if request.price >= touch if buys else request.price <= touch:
        if request.time_in_force == "GTX":
            raise errors.post_only_rejected()
        return _filled_now(account, order, touch, quotes)
    return _not_marketable(account, order, quotes)


def _numbered(account: Account, request: OrderRequest, quantity: Decimal, quotes: Quotes, stamp: Stamp) -> tuple[Account, Order]:
    account, order_id = account.next_id()
    order = Order(
        order_id=order_id,
        client_order_id=request.client_id or f"paper-{order_id}",
        symbol=request.symbol,
        side=request.side,
        kind=request.kind,
        original_kind=request.kind,
        time_in_force=request.time_in_force,
        quantity=quantity,
        price=request.price,
        reduce_only=request.reduce_only,
        signed_by=stamp.signed_by,
        placed_ms=stamp.wall_ms,
        updated_ms=stamp.wall_ms,
        market_ms=quotes.now_ms,
    )
    return account, order


def _filled_now(account: Account, order: Order, price: Decimal, quotes: Quotes) -> tuple[Outcome, Order]:
    outcome = execute(account, order, price, quotes.spec(order.symbol), maker=False)
    require_margin(account, outcome.account, order, quotes)
    return outcome, outcome.orders[0]


def _not_marketable(account: Account, order: Order, quotes: Quotes) -> tuple[Outcome, Order]:
    if order.time_in_force == "FOK":
        raise errors.fill_or_kill_rejected()
    if order.time_in_force == "IOC":
        expired = replace(order, status=OrderStatus.EXPIRED)
        return Outcome(account, orders=(expired,)), expired
    resting = sum(1 for other in account.orders.values() if other.symbol == order.symbol)
    if resting >= quotes.spec(order.symbol).max_orders or _is_full(account):
        raise errors.too_many_open_orders()
    rested = replace(account, orders={**account.orders, order.order_id: order})
    require_margin(account, rested, order, quotes)
    return Outcome(rested), order


def _is_full(account: Account) -> bool:
    return len(account.orders) + len(account.algo_orders) >= MAX_OPEN_ORDERS


def require_margin(before: Account, after: Account, order: Order, quotes: Quotes) -> None:
    """Refuse what the account cannot carry: -2019, or -2027 if the leverage does not allow a position of that size.

    What only reduces a position is never refused.
    """
    if reducible(before.position(order.symbol), order.side.sign, order.quantity) == order.quantity:
        return
    spec = quotes.spec(order.symbol)
    if asset_margin(after, spec.quote, quotes).available < 0:
        raise errors.margin_insufficient()
    size = abs(after.position(order.symbol).amount) * quotes.last_price(order.symbol)
    if size > spec.max_notional(after.settings_of(order.symbol).leverage):
        raise errors.position_too_large()


def execute(account: Account, order: Order, price: Decimal, spec: MarketSpec, *, maker: bool) -> Outcome:
    """Fill an order in full at `price`: position, wallet and fee change, the order is closed."""
    position, realized = apply_fill(account.position(order.symbol), order.quantity * order.side.sign, price, order.updated_ms)
    fee = order.quantity * price * (spec.maker_fee if maker else spec.taker_fee)
    account, trade_id = account.next_id()
    fill = Fill(
        trade_id=trade_id,
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        price=price,
        quantity=order.quantity,
        fee=fee,
        fee_asset=spec.quote,
        realized=realized,
        maker=maker,
        signed_by=order.signed_by,
        time_ms=order.updated_ms,
        market_ms=order.market_ms,
    )
    filled = replace(order, status=OrderStatus.FILLED, executed=order.quantity, quote=order.quantity * price)
    wallet = account.balances.get(spec.quote, ZERO) + realized - fee
    after = replace(
        account,
        balances={**account.balances, spec.quote: wallet},
        positions={**account.positions, order.symbol: position},
        orders={key: other for key, other in account.orders.items() if key != order.order_id},
    )
    return Outcome(after, orders=(filled,), fills=(fill,))


def place_algo_order(account: Account, request: AlgoRequest, quotes: Quotes, stamp: Stamp) -> tuple[Outcome, AlgoOrder]:
    """Keep a stop or target until the market reaches it; raises `VenueError`, -2021 if it is reached already.

    Like the venue's algo service it asks for neither margin nor a position before it triggers.
    """
    spec = quotes.spec(request.symbol)
    if request.client_id and any(algo.client_algo_id == request.client_id for algo in account.algo_orders.values()):
        raise errors.duplicate_client_id()
    if not request.close_position:
        filters.check_quantity(spec, request.quantity, market=True)
    filters.check_trigger_price(spec, request.trigger_price)
    if not request.close_position:
        filters.check_notional(spec, request.quantity * request.trigger_price, reduces=request.reduce_only)
    waiting = sum(1 for algo in account.algo_orders.values() if algo.symbol == request.symbol)
    if waiting >= spec.max_algo_orders or _is_full(account):
        raise errors.too_many_conditional_orders()
    last = quotes.last_price(request.symbol)
    reached = last >= request.trigger_price if waits_above(request.kind, request.side) else last <= request.trigger_price
    if reached:
        raise errors.would_trigger_immediately()
    account, algo_id = account.next_id()
    algo = AlgoOrder(
        algo_id=algo_id,
        client_algo_id=request.client_id or f"paper-{algo_id}",
        symbol=request.symbol,
        side=request.side,
        kind=request.kind,
        quantity=request.quantity,
        trigger_price=request.trigger_price,
        reduce_only=request.reduce_only,
        close_position=request.close_position,
        working_type=request.working_type,
        time_in_force="GTC",
        signed_by=stamp.signed_by,
        placed_ms=stamp.wall_ms,
        updated_ms=stamp.wall_ms,
        market_ms=quotes.now_ms,
    )
    return Outcome(replace(account, algo_orders={**account.algo_orders, algo_id: algo})), algo


def waits_above(kind: OrderKind, side: Side) -> bool:
    """Whether an order waits for the price to rise to it: a buyer's stop, a seller's target or limit."""
    return (kind is OrderKind.STOP_MARKET) == (side is Side.BUY)


def cancel_order(account: Account, symbol: str, reference: OrderReference, wall_ms: int) -> tuple[Outcome, Order]:
    """Cancel an open order; -2011 if there is none like it."""
    order = open_order(account, symbol, reference)
    if order is None:
        raise errors.unknown_order_sent()
    cancelled = replace(order, status=OrderStatus.CANCELED, updated_ms=wall_ms)
    rest = {key: other for key, other in account.orders.items() if key != order.order_id}
    return Outcome(replace(account, orders=rest), orders=(cancelled,)), cancelled


def cancel_algo_order(account: Account, reference: OrderReference, wall_ms: int) -> tuple[Outcome, AlgoOrder]:
    """Cancel an open conditional order; -2011 if there is none like it."""
    algo = open_algo_order(account, reference)
    if algo is None:
        raise errors.unknown_order_sent()
    cancelled = replace(algo, status=AlgoStatus.CANCELED, updated_ms=wall_ms)
    rest = {key: other for key, other in account.algo_orders.items() if key != algo.algo_id}
    return Outcome(replace(account, algo_orders=rest), algo_orders=(cancelled,)), cancelled


def open_order(account: Account, symbol: str, reference: OrderReference) -> Order | None:
    for order in account.orders.values():
        named = order.order_id == reference.order_id or order.client_order_id == reference.client_id
        if named and order.symbol == symbol:
            return order
    return None


def open_algo_order(account: Account, reference: OrderReference) -> AlgoOrder | None:
    for algo in account.algo_orders.values():
        if algo.algo_id == reference.order_id or algo.client_algo_id == reference.client_id:
            return algo
    return None
