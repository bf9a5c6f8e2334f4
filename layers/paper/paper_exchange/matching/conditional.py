"""Conditional orders: stops, targets and trailing stops that wait at the venue until the market reaches them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from paper_exchange import errors
from paper_exchange.accounts.account import MARK_PRICE, NO_MATCH, ZERO, Account, AlgoOrder, AlgoStatus, OrderKind, Outcome, Side
from paper_exchange.markets import filters
from paper_exchange.markets.markets import MarketSpec
from paper_exchange.markets.quotes import Quotes, Stamp
from paper_exchange.matching.expiries import expiry_of
from paper_exchange.matching.matching import check_position_side, is_full
from paper_exchange.matching.reduce_only import GTE_GTC, closes_something
from paper_exchange.requests.requests import AlgoRequest, OrderReference

MAX_CANCELLED_AT_ONCE = 45  # a cancelled order leaves two items, and a transaction has a hundred


def place_algo_order(account: Account, request: AlgoRequest, quotes: Quotes, stamp: Stamp) -> tuple[Outcome, AlgoOrder]:
    """Keep a conditional order; raises `VenueError`, -2021 if it is reached already, -4135 if its activation is.

    Like the venue's algo service it asks for neither margin nor a position before it triggers. An order that ends with its
    position needs one (-4509), and only one stop and one target may close a whole position (-4130).
    """
    spec = quotes.spec(request.symbol)
    filters.check_open(spec, quotes.now_ms)
    check_position_side(account, request.position_side, names_reduce_only=request.names_reduce_only)
    if request.client_id and any(algo.client_algo_id == request.client_id for algo in account.algo_orders.values()):
        raise errors.duplicate_client_id()
    _check_filters(spec, request)
    waiting = sum(1 for algo in account.algo_orders.values() if algo.symbol == request.symbol)
    if waiting >= spec.max_algo_orders or is_full(account):
        raise errors.too_many_conditional_orders()
    marked = request.working_type == MARK_PRICE
    price = quotes.mark_price(request.symbol) if marked else quotes.last_price(request.symbol)
    _check_not_reached(request, price)
    account, algo_id = account.next_id()
    closes = request.position_side.closed_by(request.side)
    trails_at_once = request.kind is OrderKind.TRAILING_STOP_MARKET and not request.activate_price
    algo = AlgoOrder(
        algo_id=algo_id,
        client_algo_id=request.client_id or f"paper-{algo_id}",
        symbol=request.symbol,
        side=request.side,
        kind=request.kind,
        quantity=request.quantity,
        trigger_price=request.trigger_price,
        reduce_only=request.reduce_only or (closes and not request.close_position),
        close_position=request.close_position,
        working_type=request.working_type,
        time_in_force=request.time_in_force,
        signed_by=stamp.signed_by,
        placed_ms=stamp.wall_ms,
        updated_ms=stamp.wall_ms,
        market_ms=quotes.now_ms,
        position_side=request.position_side,
        price=request.price,
        activate_price=request.activate_price,
        callback_rate=request.callback_rate,
        extreme=price if trails_at_once else ZERO,
        self_trade_prevention=request.self_trade_prevention,
        good_till_ms=request.good_till_ms,
        expires_ms=expiry_of(request.good_till_ms, quotes, stamp),
        price_match=request.price_match,
        price_protect=request.price_protect,
    )
    if algo.time_in_force == GTE_GTC:
        _check_ends_with_position(account, algo)
    return Outcome(replace(account, algo_orders={**account.algo_orders, algo_id: algo})), algo


def _check_ends_with_position(account: Account, algo: AlgoOrder) -> None:
    if not closes_something(account, algo):
        raise errors.nothing_to_outlive()
    place = (algo.symbol, algo.position_side, algo.side, algo.kind.is_stop)
    for other in account.algo_orders.values():
        same = (other.symbol, other.position_side, other.side, other.kind.is_stop) == place
        if same and algo.close_position and other.close_position:
            raise errors.close_position_exists()


def _check_filters(spec: MarketSpec, request: AlgoRequest) -> None:
    if not request.close_position:
        filters.check_quantity(spec, request.quantity, market=not request.kind.becomes_limit)
    if request.kind.becomes_limit and request.price_match == NO_MATCH:
        filters.check_price(spec, request.price)
    if request.activate_price:
        filters.check_trigger_price(spec, request.activate_price)
    if request.kind is not OrderKind.TRAILING_STOP_MARKET:
        filters.check_trigger_price(spec, request.trigger_price)
        if not request.close_position:
            closes = request.position_side.closed_by(request.side)
            filters.check_notional(spec, request.quantity * request.trigger_price, reduces=request.reduce_only or closes)


def _check_not_reached(request: AlgoRequest, price: Decimal) -> None:
    """A trigger must lie ahead; so must an activation: above the price for a seller, below it for a buyer."""
    if request.kind is OrderKind.TRAILING_STOP_MARKET:
        seller = request.side is Side.SELL
        if request.activate_price and (request.activate_price <= price if seller else request.activate_price >= price):
            raise errors.invalid_activation_price()
    elif price >= request.trigger_price if waits_above(request.kind, request.side) else price <= request.trigger_price:
        raise errors.would_trigger_immediately()


def waits_above(kind: OrderKind, side: Side) -> bool:
    """Whether an order waits for the price to rise to it: a buyer's stop, a seller's target or limit."""
    return kind.is_stop == (side is Side.BUY)


def open_algo_order(account: Account, reference: OrderReference) -> AlgoOrder | None:
    for algo in account.algo_orders.values():
        if algo.algo_id == reference.order_id or algo.client_algo_id == reference.client_id:
            return algo
    return None


def cancel_algo_order(account: Account, reference: OrderReference, wall_ms: int) -> tuple[Outcome, AlgoOrder]:
    """Cancel an open conditional order; -2011 if there is none like it."""
    algo = open_algo_order(account, reference)
    if algo is None:
        raise errors.unknown_order_sent()
    return _cancelled(account, algo, wall_ms)


def cancel_some_algo_orders(account: Account, symbol: str, wall_ms: int) -> Outcome:
    """Cancel a symbol's conditional orders, at most `MAX_CANCELLED_AT_ONCE`."""
    outcome = Outcome(account)
    algos = [algo for algo in account.algo_orders.values() if algo.symbol == symbol]
    for algo in algos[:MAX_CANCELLED_AT_ONCE]:
        outcome = outcome.then(_cancelled(outcome.account, algo, wall_ms)[0])
    return outcome


def _cancelled(account: Account, algo: AlgoOrder, wall_ms: int) -> tuple[Outcome, AlgoOrder]:
    cancelled = replace(algo, status=AlgoStatus.CANCELED, updated_ms=wall_ms)
    return Outcome(account.without_algo_order(algo.algo_id), algo_orders=(cancelled,)), cancelled
