"""Orders meet the market: pure functions from an account and a request to the new account and the order's result.

A market order fills at the last price plus half a spread, in full unless an operator cuts it. A limit order that is marketable
does the same, at no worse than its price. Any other limit order rests and fills at its price, as maker, when a later candle goes
through that price (`triggers`). The rest of a market or IOC order expires; the rest of another limit order rests.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from paper_exchange import errors
from paper_exchange.accounts.account import (
    ZERO,
    Account,
    Fill,
    Order,
    OrderKind,
    OrderStatus,
    Outcome,
    PositionSide,
    Side,
)
from paper_exchange.accounts.fees import charged_fee
from paper_exchange.accounts.margin import asset_margin, isolated_wallet_after
from paper_exchange.accounts.positions import apply_fill, reducible
from paper_exchange.markets import filters
from paper_exchange.markets.quotes import Quotes, Stamp
from paper_exchange.matching.expiries import expiry_of, price_of
from paper_exchange.matching.reduce_only import expire_some, make_room, room_for
from paper_exchange.matching.self_trades import prevent_self_trade
from paper_exchange.requests.requests import OrderRequest

AT_ONCE = ("IOC", "FOK")  # the times in force of an order that never rests
MAX_OPEN_ORDERS = 500  # of an account, both kinds together: they ride in its item, 500 bytes each, and an item has 400 kB


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """How an order of the venue itself looks."""

    client_id_prefix: str
    kind: OrderKind
    time_in_force: str


def place_order(
    account: Account, request: OrderRequest, quotes: Quotes, stamp: Stamp, fill_ratio: Decimal | None = None
) -> tuple[Outcome, Order]:
    """Execute or rest an order, and end what only reduced a position that is gone by then.

    The result is the new state and the order as it then is.

    Client ids are unique among open orders only, as at the venue: a market order that is sent again executes again. `fill_ratio`
    cuts what can be taken at once to a share of the quantity. Raises `VenueError`; nothing has happened then.
    """
    spec = quotes.spec(request.symbol)
    filters.check_open(spec, quotes.now_ms)
    check_position_side(account, request.position_side, names_reduce_only=request.names_reduce_only)
    if request.client_id and any(order.client_order_id == request.client_id for order in account.orders.values()):
        raise errors.duplicate_client_id()
    filters.check_quantity(spec, request.quantity, market=request.kind is OrderKind.MARKET)
    last = quotes.last_price(request.symbol)
    if request.kind is OrderKind.LIMIT:
        request = replace(request, price=price_of(request.price, request.price_match, request.side, spec, last))
        filters.check_price(spec, request.price)
    reduces = request.reduce_only or request.position_side.closed_by(request.side)
    account, order = _numbered(account, replace(request, reduce_only=reduces), quotes, stamp)
    if reduces:
        order = replace(order, quantity=_reduced(account, order))
    touch = spec.touch(last, buys=request.side is Side.BUY)
    if request.kind is OrderKind.MARKET:
        filters.check_notional(spec, order.quantity * last, reduces=reduces)
    else:
        filters.check_percent_price(spec, request.price, quotes.mark_price(request.symbol), buys=request.side is Side.BUY)
        filters.check_notional(spec, order.quantity * request.price, reduces=reduces)
        if is_marketable(order, touch) and request.time_in_force == "GTX":
            raise errors.post_only_rejected()
    prevented, order = prevent_self_trade(account, order, touch)
    if order.status is OrderStatus.EXPIRED_IN_MATCH:
        return prevented, order
    outcome, order = enter(prevented.account, order, touch, quotes, fill_ratio)
    outcome = prevented.then(outcome)
    return outcome.then(expire_some(outcome.account)), order


def enter(
    account: Account, order: Order, touch: Decimal, quotes: Quotes, fill_ratio: Decimal | None = None
) -> tuple[Outcome, Order]:
    """Take what the market offers within the order's price, or rest; an order that only reduces makes its room before."""
    takes = order.kind is OrderKind.MARKET or is_marketable(order, touch)
    cleared = Outcome(account)
    if order.reduce_only and (takes or order.time_in_force not in AT_ONCE):
        cleared = make_room(account, order)
    if takes:
        outcome, order = take(cleared.account, order, touch, quotes, fill_ratio)
    else:
        outcome, order = rest(cleared.account, order, quotes)
    return cleared.then(outcome), order


def check_position_side(account: Account, side: PositionSide, *, names_reduce_only: bool) -> None:
    """The side must be of the account's mode (-4061); hedge mode knows no reduceOnly (-1106)."""
    if side not in account.sides:
        raise errors.position_side_mismatch()
    if account.hedged and names_reduce_only:
        raise errors.unwanted_parameter("reduceonly")


def _reduced(account: Account, order: Order) -> Decimal:
    """The quantity that only reduces.

    In one-way mode the order is cut to that quantity; in hedge mode a larger order is refused. Raises `VenueError` -2022 for that
    refusal, and if there is nothing to reduce or other orders come first that reduce it all.
    """
    quantity = min(order.quantity, room_for(account, order))
    if not quantity or (account.hedged and quantity < order.quantity):
        raise errors.reduce_only_rejected()
    return quantity


def _numbered(account: Account, request: OrderRequest, quotes: Quotes, stamp: Stamp) -> tuple[Account, Order]:
    account, order_id = account.next_id()
    order = Order(
        order_id=order_id,
        client_order_id=request.client_id or f"paper-{order_id}",
        symbol=request.symbol,
        side=request.side,
        kind=request.kind,
        original_kind=request.kind,
        time_in_force=request.time_in_force,
        quantity=request.quantity,
        price=request.price,
        reduce_only=request.reduce_only,
        signed_by=stamp.signed_by,
        placed_ms=stamp.wall_ms,
        updated_ms=stamp.wall_ms,
        market_ms=quotes.now_ms,
        position_side=request.position_side,
        self_trade_prevention=request.self_trade_prevention,
        good_till_ms=request.good_till_ms,
        expires_ms=expiry_of(request.good_till_ms, quotes, stamp),
        price_match=request.price_match,
    )
    return account.dated(stamp.wall_ms), order


def is_marketable(order: Order, touch: Decimal) -> bool:
    """Whether the other side of the book lies within a limit order's price."""
    return order.price >= touch if order.side is Side.BUY else order.price <= touch


def take(
    account: Account, order: Order, price: Decimal, quotes: Quotes, fill_ratio: Decimal | None = None
) -> tuple[Outcome, Order]:
    """Fill the rest of an order at once, as taker, or a share of the rest.

    Raises `VenueError` -5021 for a FOK order that would be filled in part.
    """
    spec = quotes.spec(order.symbol)
    quantity = order.remaining if fill_ratio is None else spec.whole_steps(order.remaining * fill_ratio)
    if quantity < order.remaining and order.time_in_force == "FOK":
        raise errors.fill_or_kill_rejected()
    outcome, after = Outcome(account), order
    if quantity:
        outcome, after = execute(account, order, price, quotes, quantity, maker=False)
        require_margin(account, outcome.account, order, quotes)
    if not after.remaining:
        return outcome, after
    if order.kind is OrderKind.MARKET or order.time_in_force == "IOC":
        expired = replace(after, status=OrderStatus.EXPIRED)
        return outcome.then(Outcome(outcome.account.without_order(order.order_id), orders=(expired,))), expired
    rested, after = rest(outcome.account.without_order(order.order_id), after, quotes)
    return outcome.then(rested), after


def rest(account: Account, order: Order, quotes: Quotes) -> tuple[Outcome, Order]:
    """Keep a limit order that cannot be filled now; FOK is refused (-5021), IOC expires."""
    if order.time_in_force == "FOK":
        raise errors.fill_or_kill_rejected()
    if order.time_in_force == "IOC":
        expired = replace(order, status=OrderStatus.EXPIRED)
        return Outcome(account, orders=(expired,)), expired
    resting = sum(1 for other in account.orders.values() if other.symbol == order.symbol)
    if resting >= quotes.spec(order.symbol).max_orders or is_full(account):
        raise errors.too_many_open_orders()
    rested = replace(account, orders={**account.orders, order.order_id: order})
    require_margin(account, rested, order, quotes)
    return Outcome(rested), order


def is_full(account: Account) -> bool:
    return len(account.orders) + len(account.algo_orders) >= MAX_OPEN_ORDERS


def require_margin(before: Account, after: Account, order: Order, quotes: Quotes) -> None:
    """Refuse what the account cannot carry: -2019, or -2027 if the leverage does not allow a position of that size.

    An order that only reduces a position is never refused.
    """
    held = before.position(order.symbol, order.position_side)
    if reducible(held, order.side.sign, order.remaining) == order.remaining:
        return
    spec = quotes.spec(order.symbol)
    if asset_margin(after, spec.quote, quotes).available < 0:
        raise errors.margin_insufficient()
    size = abs(after.position(order.symbol, order.position_side).amount) * quotes.mark_price(order.symbol)
    if size > spec.max_notional(after.settings_of(order.symbol).leverage):
        raise errors.position_too_large()


def execute(
    account: Account, order: Order, price: Decimal, quotes: Quotes, quantity: Decimal, *, maker: bool, free: bool = False
) -> tuple[Outcome, Order]:
    """Fill `quantity` of an order at `price`: position, wallet and fee change; the order closes with its last piece.

    A `free` fill has no fee.
    """
    spec = quotes.spec(order.symbol)
    before = account.position(order.symbol, order.position_side)
    position, realized = apply_fill(before, quantity * order.side.sign, price, order.updated_ms)
    isolated = isolated_wallet_after(before, position, price, account.settings_of(order.symbol))
    rate = ZERO if free else spec.maker_fee if maker else spec.taker_fee
    fee, fee_asset = charged_fee(account, spec.quote, quantity * price * rate, quotes)
    account, trade_id = account.next_id()
    fill = Fill(
        trade_id=trade_id,
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        price=price,
        quantity=quantity,
        fee=fee,
        fee_asset=fee_asset,
        margin_asset=spec.quote,
        realized=realized,
        maker=maker,
        signed_by=order.signed_by,
        time_ms=order.updated_ms,
        market_ms=order.market_ms,
        position_side=order.position_side,
    )
    executed = order.executed + quantity
    whole = executed == order.quantity
    status = OrderStatus.FILLED if whole else OrderStatus.PARTIALLY_FILLED
    filled = replace(order, status=status, executed=executed, quote=order.quote + quantity * price)
    account = account.without_order(order.order_id).dated(order.updated_ms)
    position = replace(position, isolated_wallet=isolated, market_ms=order.market_ms)
    balances = {**account.balances, spec.quote: account.balances.get(spec.quote, ZERO) + realized}
    balances[fee_asset] -= fee
    after = replace(
        account.with_position(order.symbol, order.position_side, position),
        balances=balances,
        orders=account.orders if whole else {**account.orders, order.order_id: filled},
    )
    return Outcome(after, orders=(filled,) if whole else (), fills=(fill,)), filled


def close_by_venue(
    account: Account, symbol: str, side: PositionSide, order: VenueOrder, price: Decimal, quotes: Quotes, wall_ms: int
) -> Outcome:
    """Close a position by an order of the venue itself: without a fee, and signed by nobody's key."""
    amount = account.position(symbol, side).amount
    numbered, order_id = account.next_id()
    closing = Order(
        order_id=order_id,
        client_order_id=f"{order.client_id_prefix}{order_id}",
        symbol=symbol,
        side=Side.SELL if amount > 0 else Side.BUY,
        kind=order.kind,
        original_kind=order.kind,
        time_in_force=order.time_in_force,
        quantity=abs(amount),
        price=price,
        reduce_only=False,
        signed_by="",
        placed_ms=wall_ms,
        updated_ms=wall_ms,
        market_ms=quotes.now_ms,
        position_side=side,
    )
    outcome, _ = execute(numbered, closing, price, quotes, closing.quantity, maker=False, free=True)
    return outcome
