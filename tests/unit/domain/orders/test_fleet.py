"""Fills of followers beside the fill of a backtest, each in basis points of the signal's price."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from candlecast.backtest.candle_venue import Bar, CandleVenue, Fees, Moment
from candlecast.backtest.fast_path import trades_of
from candlecast.backtest.fills import Costs, FillAt
from candlecast.domain.backtests.market_fill import PLATFORM_SLIPPAGE, Slippage, next_open_fill
from candlecast.domain.market.candle import Candle
from candlecast.domain.orders.fleet import (
    FEWEST_ORDERS,
    BacktestFill,
    FillSpread,
    backtest_fill,
    rounded_tenths,
    spread_of,
)
from candlecast.domain.orders.intent import Intent, IntentState
from candlecast.domain.orders.ranks import SignalRanks, SlippageSums, fleet_spread, own_spread
from candlecast.domain.signals.signal import Action
from candlecast.domain.values.ids import TENTHS
from candlecast.domain.values.terms import OrderType, Side
from candlecast.domain.venue.reports import OrderRequest
from candlecast.strategy import Candles, Signals
from tests.support.builders import BTC, NOW, a_candle, a_market, a_signal, after, an_intent

MARKET = a_market()
FOLLOWING = Candle(NOW, Decimal("100.03"), Decimal("101.5"), Decimal("98.7"), Decimal("100.9"), Decimal(7))
NONE = SlippageSums()


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(
    "slippage", [PLATFORM_SLIPPAGE, Slippage(), Slippage(bps=Decimal(50), half_spread=Decimal("0.3"), range_share=Decimal("0.1"))]
)
def test_the_fill_is_that_of_the_engine_at_the_open_of_the_next_candle(side: Side, slippage: Slippage) -> None:
    venue = CandleVenue(MARKET, Fees(), slippage)
    prices = (FOLLOWING.open, FOLLOWING.high, FOLLOWING.low, FOLLOWING.close)
    venue.begin(Bar(1, NOW, after(60), *prices), Moment.OPEN)
    order = OrderRequest(
        client_order_id="cc1", market=BTC, side=side, order_type=OrderType.MARKET, quantity=Decimal(1), reduce_only=False
    )
    assert venue.create_order(order).average_price == next_open_fill(MARKET, side, FOLLOWING, slippage)


def test_the_fill_is_that_of_whole_columns_but_for_the_tick() -> None:
    candles = [a_candle(after(60 * number), str(100 + number)) for number in range(4)]
    second = np.arange(4) == 1
    signals = Signals.from_conditions(long=second, short=second & False)
    costs = Costs(slippage_bps=float(PLATFORM_SLIPPAGE.bps))
    trades = trades_of(signals, Candles.from_candles(candles), FillAt.NEXT_OPEN, costs)
    exact = next_open_fill(a_market(price_step=Decimal("0.0001")), Side.BUY, candles[2])
    assert float(exact) == pytest.approx(trades.entry_price[0])


@pytest.mark.parametrize(
    ("action", "price", "bps"),
    [
        (Action.LONG, "100.1", "10.00"),  # 100.0 on the tick, two basis points up, on the tick
        (Action.EXIT_SHORT, "100.1", "10.00"),
        (Action.SHORT, "99.9", "10.00"),
        (Action.EXIT_LONG, "99.9", "10.00"),
    ],
)
def test_a_signal_has_a_fill_with_the_sign_of_an_order(action: Action, price: str, bps: str) -> None:
    signal = a_signal(action, price=Decimal(100), stop_loss=None)
    assert backtest_fill(signal, FOLLOWING, MARKET) == BacktestFill(price=Decimal(price), slippage_bps=Decimal(bps))


def test_a_signal_without_a_side_a_price_or_a_plausible_one_has_no_fill() -> None:
    for signal in (
        a_signal(Action.EXIT, price=Decimal(100), stop_loss=None),
        replace(a_signal(Action.LONG, price=Decimal(100), stop_loss=None), price=None),
        a_signal(Action.EXIT_LONG, price=Decimal(5_000), stop_loss=None),
    ):
        assert backtest_fill(signal, FOLLOWING, MARKET) is None


@pytest.mark.parametrize(
    ("bps", "tenths"),
    [("0", 0), ("0.04", 0), ("0.06", 1), ("3.27", 33), ("-3.27", -33), ("9.96", 100), ("41.6", 420), ("-187", -1_900)],
)
def test_a_slippage_is_rounded_to_two_digits_and_no_finer_than_a_tenth(bps: str, tenths: int) -> None:
    assert rounded_tenths(Decimal(bps)) == tenths


def test_a_spread_has_mean_middle_and_worst() -> None:
    assert spread_of([]) is None
    assert spread_of([(Decimal(9), 1), (Decimal(-3), 2), (Decimal(1), 1)]) == FillSpread(
        orders=4, mean_bps=Decimal("1.00"), median_bps=Decimal("-3.00"), worst_bps=Decimal("9.00")
    )
    odd = spread_of([(Decimal(9), 1), (Decimal(-3), 1), (Decimal(1), 1)])
    assert odd is not None
    assert odd.median_bps == 1


def ranks(orders: int, bps: str, near: dict[int, int], backtest: str | None) -> SignalRanks:
    fill = None if backtest is None else BacktestFill(price=Decimal(100), slippage_bps=Decimal(backtest))
    first = SlippageSums(orders=orders, slippage_bps=Decimal(bps))
    tenths = (first, *[NONE] * (TENTHS - 1))
    return SignalRanks(signal_id=f"signal-{orders}", issued_at=NOW, tenths=tenths, near=near, backtest=fill)


def test_the_fleet_is_told_over_signals_with_enough_orders_and_a_backtest() -> None:
    enough = ranks(FEWEST_ORDERS, "33.3", {33: 9, 36: 1}, "2.00")
    other = ranks(FEWEST_ORDERS + 1, "-11", {-10: 11}, "-2.00")
    few, alone = ranks(FEWEST_ORDERS - 1, "900", {1_000: 9}, "2.00"), ranks(FEWEST_ORDERS + 2, "900", {750: 12}, None)
    assert fleet_spread([few, alone]) is None
    assert fleet_spread([enough, few, alone]) == FillSpread(
        orders=10, mean_bps=Decimal("1.33"), median_bps=Decimal("1.30"), worst_bps=Decimal("1.60")
    )
    both = fleet_spread([enough, other])
    assert both is not None
    assert (both.orders, both.mean_bps, both.worst_bps) == (21, Decimal("1.16"), Decimal("1.60"))


def order(filled_at: str, **changes: Any) -> Intent:
    values = {"state": IntentState.FILLED, "average_price": Decimal(filled_at), "filled_quantity": Decimal(10)}
    return an_intent(**{**values, "signal_id": "signal-3", **changes})


def test_own_orders_are_told_of_signals_with_a_backtest_exactly() -> None:
    signals = [ranks(3, "0", {}, "2.00"), ranks(4, "0", {}, None)]
    own = [
        order("100.0321"),
        order("100.5", signal_id="signal-4"),
        order("100.5", order_type=OrderType.LIMIT, price=Decimal(101)),
    ]
    assert own_spread(signals, own) == FillSpread(
        orders=1, mean_bps=Decimal("1.21"), median_bps=Decimal("1.21"), worst_bps=Decimal("1.21")
    )
    assert own_spread(signals, own[1:]) is None
