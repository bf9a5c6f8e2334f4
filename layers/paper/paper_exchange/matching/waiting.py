"""Orders and positions that wait for a price, and the order in which one candle reaches them.

Within one candle the path of the price is unknown, so it is assumed. Prices that the open has already passed come first and fill
at the open. Then comes the side on which a stop waits, nearest first, then the other side. A stop is thus always taken before a
target, and before the liquidation behind it.

Orders that are held against the mark price, and liquidations, wait at the last price at which the mark would be there. So one
candle of last prices tells the order of everything.

An order that was placed within a candle never sees the prices before it. Of that candle the close alone is certain to come after
the order, so the order sees nothing but the close, after everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from paper_exchange.accounts.account import MARK_PRICE, Account, AlgoOrder, Order, OrderKind, Side
from paper_exchange.markets.candles import Bar
from paper_exchange.markets.markets import TRIGGER_PROTECT
from paper_exchange.matching.conditional import waits_above
from paper_exchange.matching.liquidation import Liquidation

PERCENT, ONE = Decimal("0.01"), Decimal(1)
MarkRatio = Callable[[str], Decimal]  # of a symbol: mark over last price


@dataclass(frozen=True, slots=True)
class Waiting:
    """An open order, or a liquidation, seen as a last price that the market may reach."""

    order: Order | AlgoOrder | Liquidation
    price: Decimal
    above: bool
    is_stop: bool

    @property
    def number(self) -> int:
        if isinstance(self.order, Liquidation):
            return 0
        return self.order.order_id if isinstance(self.order, Order) else self.order.algo_id

    @property
    def since_ms(self) -> int:
        """The market time since when the order has its terms, or the position its size."""
        return self.order.since_ms if isinstance(self.order, Liquidation) else self.order.market_ms

    def seen_of(self, bar: Bar, close_ms: int) -> Bar:
        """The part of a candle that came after the order: all of it, or the close alone."""
        if not bar.open_ms < self.since_ms < close_ms:
            return bar
        return replace(bar, open=bar.close, high=bar.close, low=bar.close)

    def reached_at_open(self, bar: Bar) -> bool:
        return bar.open >= self.price if self.above else bar.open <= self.price

    def reached(self, bar: Bar) -> bool:
        """A trigger is reached by touching it; a resting limit order must be gone through, for others queue before it."""
        if isinstance(self.order, Order):
            return bar.high > self.price if self.above else bar.low < self.price
        return bar.high >= self.price if self.above else bar.low <= self.price


def waiting_of(account: Account, mark_ratio: MarkRatio, liquidations: Iterable[Liquidation] = ()) -> list[Waiting]:
    """Everything of the account that waits for a price.

    A trailing stop that has not been activated yet does not, nor does an order whose price protection holds it back.
    """
    found = [_limit(order) for order in account.orders.values()]
    for algo in account.algo_orders.values():
        ratio = mark_ratio(algo.symbol)
        if is_held_back(algo, ratio):
            continue
        if algo.kind is not OrderKind.TRAILING_STOP_MARKET:
            found.append(_trigger(algo, ratio))
        elif algo.extreme:
            found.append(trailing_level(algo, ratio))
    return found + [Waiting(due, due.price / mark_ratio(due.symbol), due.above, is_stop=True) for due in liquidations]


def is_held_back(algo: AlgoOrder, mark_ratio: Decimal) -> bool:
    """Whether mark and last price are too far apart for an order with price protection."""
    return algo.price_protect and abs(mark_ratio - 1) > TRIGGER_PROTECT


def working_ratio(algo: AlgoOrder, mark_ratio: Decimal) -> Decimal:
    """An order's own price over the last price: one, unless the order is held against the mark."""
    return mark_ratio if algo.working_type == MARK_PRICE else ONE


def limits_behind_triggers(account: Account) -> list[Waiting]:
    """The limit prices that stops and targets will rest at once they have triggered."""
    limits = (algo for algo in account.algo_orders.values() if algo.kind.becomes_limit)
    return [Waiting(algo, algo.price, algo.side is Side.SELL, is_stop=False) for algo in limits]


def _limit(order: Order) -> Waiting:
    return Waiting(order, order.price, above=order.side is Side.SELL, is_stop=False)


def _trigger(algo: AlgoOrder, mark_ratio: Decimal) -> Waiting:
    return Waiting(
        algo, algo.trigger_price / working_ratio(algo, mark_ratio), waits_above(algo.kind, algo.side), algo.kind.is_stop
    )


def trailing_level(algo: AlgoOrder, mark_ratio: Decimal) -> Waiting:
    """Where a trailing stop triggers: its distance away from the best price since it was activated."""
    distance = algo.callback_rate * PERCENT
    level = algo.extreme * (1 + distance if algo.side is Side.BUY else 1 - distance)
    return Waiting(algo, level / working_ratio(algo, mark_ratio), above=algo.side is Side.BUY, is_stop=True)


def next_due(waiting: Iterable[Waiting], symbol: str, bar: Bar, close_ms: int) -> Waiting | None:
    """The one that this candle reaches first, by the assumed path."""
    own = (one for one in waiting if one.order.symbol == symbol and not _had_its_share(one, close_ms))
    due = [one for one in own if one.reached(one.seen_of(bar, close_ms))]
    if not due:
        return None
    rises_first = _rises_first(due, bar)

    def place_on_path(one: Waiting) -> tuple[bool, bool, bool, Decimal, bool, int]:
        seen = one.seen_of(bar, close_ms)
        gap = one.reached_at_open(seen)
        return (
            seen is not bar,
            not gap,
            not gap and one.above is not rises_first,
            Decimal(0) if gap else abs(one.price - bar.open),
            not one.is_stop,
            one.number,
        )

    return min(due, key=place_on_path)


def _had_its_share(one: Waiting, close_ms: int) -> bool:
    """Whether the waiting order has used up this candle: it came to rest, filled in part, or trailed with this candle."""
    if isinstance(one.order, Order):
        of_this_candle = bool(one.order.executed) or one.order.original_kind is not one.order.kind
        return of_this_candle and one.order.market_ms == close_ms
    if isinstance(one.order, AlgoOrder):
        return one.order.kind is OrderKind.TRAILING_STOP_MARKET and one.order.market_ms == close_ms
    return False


def _rises_first(due: Iterable[Waiting], bar: Bar) -> bool:
    """Towards a stop if one is due; otherwise away from where the candle ends, so that what lies on both sides is reached."""
    stops = [one.above for one in due if one.is_stop]
    return all(stops) if stops else bar.close < bar.open
