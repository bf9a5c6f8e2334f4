"""Columns of a finished backtest for tests of metrics: equity, market and trades that are the same on every machine."""

from __future__ import annotations

import random
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from candlecast.backtest.metrics import DAY_MS, Metrics, TradeColumns, measure
from candlecast.strategy import Flags, Floats
from candlecast.strategy.candles import Integers

MINUTE_MS = 60_000
NOON = 1_640_995_200_000 + DAY_MS // 2  # 2022-01-01T12:00Z: the first day and the last are parts of days
NORMAL = NormalDist()


def steps(count: int, drift: float, deviation: float, seed: int) -> Floats:
    """Normal numbers from Python's own generator, whose numbers are the same in every version."""
    generator = random.Random(seed)
    return np.array([drift + deviation * NORMAL.inv_cdf(generator.uniform(1e-12, 1 - 1e-12)) for _ in range(count)])


@dataclass(frozen=True, slots=True, eq=False)
class BacktestColumns:
    """The arguments of `measure`."""

    cash: float
    time: Integers
    equity: Floats
    close: Floats
    exposed: Flags
    trades: TradeColumns

    def measured(self) -> Metrics:
        return measure(
            cash=self.cash, time=self.time, equity=self.equity, close=self.close, exposed=self.exposed, trades=self.trades
        )

    def to_json(self) -> dict[str, Any]:
        """The columns that other libraries need; floats survive the text exactly."""
        return {
            "cash": self.cash,
            "time": self.time.tolist(),
            "equity": self.equity.tolist(),
            "close": self.close.tolist(),
            "pnl": self.trades.pnl.tolist(),
            "entry_time": self.trades.entry_time.tolist(),
            "exit_time": self.trades.exit_time.tolist(),
        }


def trades_of(pnl: list[float] | Floats, *, entry_time: Integers | None = None, minutes: int = 60) -> TradeColumns:
    """One trade after another with these profits, each of one unit at 100 for `minutes`."""
    profits = np.asarray(pnl, dtype=np.float64)
    entered = np.arange(len(profits), dtype=np.int64) * minutes * MINUTE_MS if entry_time is None else entry_time
    entry_price = np.full(len(profits), 100.0)
    return TradeColumns(
        pnl=profits,
        returns=profits / entry_price,
        entry_time=entered,
        exit_time=entered + minutes * MINUTE_MS,
        quantity=np.ones(len(profits)),
        entry_price=entry_price,
        exit_price=entry_price + profits,
    )


def columns_of(
    equity: list[float] | Floats, *, cash: float = 100.0, candle_ms: int = DAY_MS, pnl: tuple[float, ...] = ()
) -> BacktestColumns:
    """An equity with a market that stands still, no exposure, and these trades."""
    values = np.asarray(equity, dtype=np.float64)
    rows = len(values)
    time = np.arange(rows, dtype=np.int64) * candle_ms
    return BacktestColumns(cash, time, values, np.full(rows, 50.0), np.zeros(rows, dtype=np.bool_), trades_of(list(pnl)))


def walk_of(
    rows: int, minutes: int, *, drift: float, deviation: float, seed: int, gap: tuple[int, int] = (0, 0)
) -> BacktestColumns:
    """Equity and market as walks that share a half of their steps, with a trade each forty candles; rows of `gap` are missing."""
    market = steps(rows, 0.0, deviation, seed)
    own = 0.5 * market + steps(rows, drift, deviation, seed + 1)
    kept = np.r_[0 : gap[0], gap[1] : rows]
    time = NOON + np.arange(rows, dtype=np.int64) * minutes * MINUTE_MS
    profits = steps(rows // 40, 0.5, 10.0, seed + 2)
    return BacktestColumns(
        cash=10_000.0,
        time=time[kept],
        equity=(10_000.0 * np.exp(np.cumsum(own)))[kept],
        close=(30_000.0 * np.exp(np.cumsum(market)))[kept],
        exposed=np.arange(rows)[kept] % 40 < 25,
        trades=trades_of(profits, entry_time=time[::40][: len(profits)], minutes=25 * minutes),
    )


def compared_with_libraries() -> dict[str, BacktestColumns]:
    """The cases whose metrics other libraries compute in `tests/foreign/metrics/`."""
    return {
        "days_of_a_winner": walk_of(400, 1440, drift=1e-3, deviation=2e-2, seed=11),
        "five_minutes_with_three_days_missing": walk_of(60 * 288, 5, drift=2e-5, deviation=1e-3, seed=12, gap=(5000, 5900)),
        "minutes_of_a_loser": walk_of(9 * 1440, 1, drift=-1e-5, deviation=5e-4, seed=13),
    }
