"""Strategies and markets of tests of sweeps: the profit of each parameter is known by hand.

The zigzag goes from 110 down to 100 and up again, a step of 1 each hour. A decision of `Turner` is filled at its own close, which
is the next open. A trade of `Turner` earns 10 - 2 x |lag|.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from candlecast.backtest.fills import Costs
from candlecast.backtest.plain import PlainTerms
from candlecast.strategy import Candles, Floats, Parameters, Side, Signals, Strategy, parameter
from candlecast.strategy.candles import Integers
from tests.support.turner import CYCLE, HALF, HOUR_MS, Turner

CASH = 1_000.0
LOOKBACK = 188  # of every strategy: the ATR's
TERMS = PlainTerms(quantity=1.0, cash=CASH)
COSTLY = PlainTerms(quantity=1.0, cash=CASH, costs=Costs(taker_fee=0.001, slippage_bps=10.0))


def candles_of(close: Floats) -> Candles:
    """An hour each from 1970 on; every candle opens at the close of the one before."""
    opened = np.concatenate(([close[0]], close[:-1]))
    time = np.arange(len(close), dtype=np.int64) * HOUR_MS
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    return Candles(time=time, open=opened, high=high, low=low, close=close, volume=np.ones(len(close)))


def zigzag(rows: int, *, turn: int | None = None, late: int = 0) -> Candles:
    """Peaks at rows 0, 20, 40 ...; from row `turn` on each peak is `late` rows later."""
    row = np.arange(rows)
    if turn is not None:
        row = np.where(row >= turn, row - late, row)
    return candles_of(100.0 + np.abs(row % CYCLE - HALF))


def noise(rows: int, seed: int) -> Candles:
    return candles_of(100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, rows))))


def row_of(time: Integers) -> Integers:
    return time // HOUR_MS


def dying_at(lag: int) -> Callable[[Turner, Candles], Signals]:
    """`Turner.signals`, but a process with this lag is killed, as for want of memory."""
    signals = Turner.signals

    def dies(turner: Turner, candles: Candles) -> Signals:
        if turner.parameters.lag == lag:
            os.kill(os.getpid(), signal.SIGKILL)
        return signals(turner, candles)

    return dies


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed(Parameters):
    seed: int = parameter(0, minimum=0, description="Another one gives other coins")


class Coin(Strategy[Seed]):
    """Tosses a coin for each row: nothing of it is skill."""

    name = "coin"
    description = "Tosses a coin each hour."

    def rows_needed(self) -> int:
        return 1

    def signals(self, candles: Candles) -> Signals:
        coins = np.random.default_rng(self.parameters.seed).choice(np.array([Side.LONG, Side.SHORT], dtype=np.int8), 10_000)
        return Signals(side=coins[row_of(candles.time)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Once(Parameters):
    hour: int = parameter(0, minimum=0, description="The row of the one decision")


class Holder(Strategy[Once]):
    """Goes long once and holds."""

    name = "holder"
    description = "Buys at one hour."

    def rows_needed(self) -> int:
        return 1

    def signals(self, candles: Candles) -> Signals:
        long = row_of(candles.time) == self.parameters.hour
        return Signals.from_conditions(long=long, short=np.zeros_like(long))
