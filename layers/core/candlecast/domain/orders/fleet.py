"""Fills of a signal's followers beside the fill of a backtest.

All are measured from the signal's price, in basis points of it, so their difference needs no other price. A follower's order adds
one to a number of its signal, by its slippage to two digits. So nobody's exact price is kept, and median and worst are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal

from candlecast.domain.backtests.market_fill import next_open_fill
from candlecast.domain.market.candle import Candle
from candlecast.domain.market.market import Market
from candlecast.domain.orders.intent import slippage_of
from candlecast.domain.signals.signal import Action, Signal
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.terms import Side

FEWEST_ORDERS = 10  # of a signal with figures: a reversal is two orders of a follower, and the worst of few is somebody's own
TENTHS_OF_A_POINT = 10
PLACES = Decimal("0.01")
SIDES: Mapping[Action, Side] = {  # EXIT closes either side, and no candle's signal has it
    Action.LONG: Side.BUY,
    Action.SHORT: Side.SELL,
    Action.EXIT_LONG: Side.SELL,
    Action.EXIT_SHORT: Side.BUY,
}


@dataclass(frozen=True, kw_only=True)
class BacktestFill:
    """The fill of a signal in a backtest."""

    price: Decimal
    """The next candle's open, after the platform's slippage, in quote units."""
    slippage_bps: Decimal
    """How much worse than the signal's price, in basis points, as for an order."""


@dataclass(frozen=True, kw_only=True)
class SignalFill:
    """The fill of a signal in a backtest, with the names of its signal."""

    signal_id: str
    issued_at: datetime
    fill: BacktestFill


@dataclass(frozen=True, kw_only=True)
class FillSpread:
    """Fills of orders beside those of a backtest, in basis points of the signals' prices; positive is worse than the backtest."""

    orders: int
    mean_bps: Decimal
    median_bps: Decimal
    """Of an even number of orders the better one of the two in the middle."""
    worst_bps: Decimal


def backtest_fill(signal: Signal, following: Candle, market: Market) -> BacktestFill | None:
    """The fill of a signal in a backtest, of the candle that opens at its close; None where an order's slippage is not told."""
    side = SIDES.get(signal.action)
    if side is None or signal.price is None:
        return None
    price = next_open_fill(market, side, following)
    slippage = slippage_of(side, price, signal.price)
    return None if slippage is None else BacktestFill(price=price, slippage_bps=slippage)


def rounded_tenths(slippage_bps: Decimal) -> int:
    """A slippage in tenths of a basis point, to two digits: 3.27 is 33, 41.6 is 420, -187 is -1900."""
    tenths = slippage_bps * TENTHS_OF_A_POINT
    digit = Decimal((0, (1,), max(0, tenths.adjusted() - 1)))
    return int(tenths.quantize(digit, ROUND_HALF_EVEN))


def spread_of(differences: Iterable[tuple[Decimal, int]], mean: Decimal | None = None) -> FillSpread | None:
    """The spread of differences in basis points, each with a number of orders; None without orders.

    `mean` is the exact mean, where the differences are rounded.
    """
    ascending = sorted(differences)
    orders = sum(count for _, count in ascending)
    if orders == 0:
        return None
    if mean is None:
        mean = sum((difference * count for difference, count in ascending), ZERO) / orders
    return FillSpread(
        orders=orders,
        mean_bps=mean.quantize(PLACES, ROUND_HALF_EVEN),
        median_bps=_middle(ascending, (orders + 1) // 2).quantize(PLACES),
        worst_bps=ascending[-1][0].quantize(PLACES),
    )


def _middle(ascending: Iterable[tuple[Decimal, int]], place: int) -> Decimal:
    """The difference of the order at a place, from 1."""
    passed = 0
    for difference, count in ascending:
        passed += count
        if passed >= place:
            return difference
    raise ValueError("there are fewer orders")
