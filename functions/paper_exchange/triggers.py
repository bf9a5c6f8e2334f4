"""What candles do to resting and conditional orders, found out only when somebody looks.

An account remembers until which market time it was evaluated. Looking brings it up to date, candle by candle, so stepping the
clock costs nothing however many accounts there are, and the result does not depend on when anybody looks.

Within one candle the path of the price is unknown, so it is assumed: what the open has already passed comes first and fills at
the open; then the side on which a stop waits, nearest first; then the other side. A stop is thus always taken before a target.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from heapq import merge

from functions.paper_exchange.account import (
    Account,
    AlgoOrder,
    AlgoStatus,
    Order,
    OrderKind,
    OrderStatus,
    Outcome,
    Side,
)
from functions.paper_exchange.candles import Bar
from functions.paper_exchange.errors import VenueError
from functions.paper_exchange.matching import execute, require_margin, waits_above
from functions.paper_exchange.positions import reducible
from functions.paper_exchange.quotes import Quotes

MAX_CLOSED_A_STEP = 15  # an algo order leaves five items, so 15 fit one transaction of 100 with the account itself


@dataclass(frozen=True, slots=True)
class Waiting:
    """An open order seen as a price that the market may reach."""

    order: Order | AlgoOrder
    price: Decimal
    above: bool
    is_stop: bool

    @property
    def number(self) -> int:
        return self.order.order_id if isinstance(self.order, Order) else self.order.algo_id

    def reached_at_open(self, bar: Bar) -> bool:
        return bar.open >= self.price if self.above else bar.open <= self.price

    def reached(self, bar: Bar) -> bool:
        """A trigger is reached by touching it; a resting limit order must be gone through, for others queue before it."""
        if isinstance(self.order, Order):
            return bar.high > self.price if self.above else bar.low < self.price
        return bar.high >= self.price if self.above else bar.low <= self.price


def bring_up_to_date(account: Account, quotes: Quotes, wall_ms: int) -> Outcome:
    """Evaluate every candle that closed since the account was last evaluated.

    One call closes at most `MAX_CLOSED_A_STEP` orders and then stops before the candle it is in: call again until
    `evaluated_ms` is the clock's time.
    """
    outcome = Outcome(account)
    for close_ms, symbol, bar in _candles(account, quotes):
        then = quotes.at(close_ms)
        while (due := _next_due(outcome.account, symbol, bar)) is not None:
            if outcome.closed >= MAX_CLOSED_A_STEP:
                return outcome
            outcome = outcome.then(_happen(outcome.account, due, bar, then, wall_ms))
        outcome = replace(outcome, account=replace(outcome.account, evaluated_ms=_before(close_ms, outcome.account)))
    evaluated = max(outcome.account.evaluated_ms, quotes.now_ms)
    return replace(outcome, account=replace(outcome.account, evaluated_ms=evaluated))


def _before(close_ms: int, account: Account) -> int:
    """Where evaluation stands inside an instant: another symbol's candle may close at the same time, so just before it."""
    return max(account.evaluated_ms, close_ms - 1)


def _candles(account: Account, quotes: Quotes) -> Iterator[tuple[int, str, Bar]]:
    """Candles that reach any order of the account, of all symbols, by closing time and symbol."""
    orders = _waiting(account)
    feeds = []
    for symbol in sorted({waiting.order.symbol for waiting in orders}):
        own = [waiting for waiting in orders if waiting.order.symbol == symbol]
        feeds.append(_reaching(symbol, own, quotes, account.evaluated_ms))
    return merge(*feeds, key=lambda candle: candle[:2])


def _reaching(symbol: str, orders: list[Waiting], quotes: Quotes, after_ms: int) -> Iterator[tuple[int, str, Bar]]:
    """Orders only ever leave while candles are evaluated, so a candle that reaches none of them now never will."""
    above = min((waiting.price for waiting in orders if waiting.above), default=None)
    below = max((waiting.price for waiting in orders if not waiting.above), default=None)
    interval = quotes.interval_ms(symbol)
    for bar in quotes.closed_bars(symbol, after_ms):
        if (above is not None and bar.high >= above) or (below is not None and bar.low <= below):
            yield bar.open_ms + interval, symbol, bar


def _waiting(account: Account) -> list[Waiting]:
    resting = (Waiting(order, order.price, above=order.side is Side.SELL, is_stop=False) for order in account.orders.values())
    conditional = (
        Waiting(algo, algo.trigger_price, waits_above(algo.kind, algo.side), algo.kind is OrderKind.STOP_MARKET)
        for algo in account.algo_orders.values()
    )
    return [*resting, *conditional]


def _next_due(account: Account, symbol: str, bar: Bar) -> Waiting | None:
    """The order that this candle reaches first, by the assumed path."""
    due = [waiting for waiting in _waiting(account) if waiting.order.symbol == symbol and waiting.reached(bar)]
    if not due:
        return None
    rises_first = _rises_first(due, bar)

    def place_on_path(waiting: Waiting) -> tuple[bool, bool, Decimal, bool, int]:
        gap = waiting.reached_at_open(bar)
        return (
            not gap,
            not gap and waiting.above is not rises_first,
            Decimal(0) if gap else abs(waiting.price - bar.open),
            not waiting.is_stop,
            waiting.number,
        )

    return min(due, key=place_on_path)


def _rises_first(due: Iterable[Waiting], bar: Bar) -> bool:
    """Towards a stop if one is due; otherwise away from where the candle ends, so that what lies on both sides is reached."""
    stops = [waiting.above for waiting in due if waiting.is_stop]
    return all(stops) if stops else bar.close < bar.open


def _happen(account: Account, waiting: Waiting, bar: Bar, quotes: Quotes, wall_ms: int) -> Outcome:
    if isinstance(waiting.order, Order):
        return _fill_resting(account, waiting.order, quotes, wall_ms)
    base = bar.open if waiting.reached_at_open(bar) else waiting.price
    return _trigger(account, waiting.order, base, quotes, wall_ms)


def _fill_resting(account: Account, order: Order, quotes: Quotes, wall_ms: int) -> Outcome:
    quantity = order.quantity
    if order.reduce_only:
        quantity = reducible(account.position(order.symbol), order.side.sign, quantity)
    due = replace(order, quantity=quantity or order.quantity, updated_ms=wall_ms, market_ms=quotes.now_ms)
    if not quantity:
        rest = {key: other for key, other in account.orders.items() if key != order.order_id}
        return Outcome(replace(account, orders=rest), orders=(replace(due, status=OrderStatus.EXPIRED),))
    return execute(account, due, order.price, quotes.spec(order.symbol), maker=True)


def _trigger(account: Account, algo: AlgoOrder, base: Decimal, quotes: Quotes, wall_ms: int) -> Outcome:
    """The conditional order becomes a market order of the same client id, or is rejected: nothing to reduce, no margin."""
    spec = quotes.spec(algo.symbol)
    rest = {key: other for key, other in account.algo_orders.items() if key != algo.algo_id}
    account = replace(account, algo_orders=rest)
    done = replace(algo, updated_ms=wall_ms, triggered_ms=wall_ms, market_ms=quotes.now_ms)
    rejected = Outcome(account, algo_orders=(replace(done, status=AlgoStatus.REJECTED),))
    position = account.position(algo.symbol)
    quantity = algo.quantity
    if algo.only_reduces:
        quantity = reducible(position, algo.side.sign, abs(position.amount) if algo.close_position else quantity)
        if not quantity:
            return rejected
    numbered, order_id = account.next_id()
    order = Order(
        order_id=order_id,
        client_order_id=algo.client_algo_id,
        symbol=algo.symbol,
        side=algo.side,
        kind=OrderKind.MARKET,
        original_kind=algo.kind,
        time_in_force=algo.time_in_force,
        quantity=quantity,
        price=Decimal(0),
        reduce_only=algo.only_reduces,
        signed_by=algo.signed_by,
        placed_ms=wall_ms,
        updated_ms=wall_ms,
        market_ms=quotes.now_ms,
        trigger_price=algo.trigger_price,
        close_position=algo.close_position,
    )
    price = spec.ask(base) if algo.side is Side.BUY else spec.bid(base)
    outcome = execute(numbered, order, price, spec, maker=False)
    try:
        require_margin(account, outcome.account, order, quotes)
    except VenueError:
        return rejected
    finished = replace(done, status=AlgoStatus.FINISHED, order_id=order_id, actual_price=price)
    return replace(outcome, algo_orders=(finished,))
