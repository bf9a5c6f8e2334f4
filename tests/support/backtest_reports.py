"""Reports of a random walk, for tests of pictures."""

from __future__ import annotations

import numpy as np

from candlecast.backtest.candle_table import FileNote, FileNotes
from candlecast.backtest.metrics import TradeColumns, measure
from candlecast.backtest.pictures.report import Report, ShownTrades, Sweep
from candlecast.domain.values.timeframe import Timeframe
from candlecast.strategy import Candles

MINUTE_MS = 60_000
START = 1_640_995_200_000  # 2022-01-01T00:00Z
CASH = 10_000.0
GAP = FileNote("CANDLE_FILE_GAP", 1, 7, "1 gap & <b>more</b>")


def walk(rows: int, seed: int = 1, step_ms: int = MINUTE_MS) -> Candles:
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.001, rows)))
    opened = np.concatenate(([100.0], close[:-1]))
    spread = 1 + random.exponential(0.001, rows)
    return Candles(
        time=START + np.arange(rows) * step_ms,
        open=opened,
        high=np.maximum(opened, close) * spread,
        low=np.minimum(opened, close) / spread,
        close=close,
        volume=np.ones(rows),
    )


def trades_every(candles: Candles, length: int) -> ShownTrades:
    """Long and short in turns, each for `length` candles; the last one is open."""
    rows = np.arange(0, len(candles), length)
    side = np.where(np.arange(len(rows)) % 2, -1, 1).astype(np.int8)
    exits = np.minimum(rows + length, len(candles) - 1)
    price, left = candles.open[rows], candles.open[exits].copy()
    left[-1] = np.nan
    pnl = side * (np.where(np.isnan(left), candles.close[-1], left) - price)
    return ShownTrades(side, candles.time[rows], candles.time[exits], price, left, pnl)


def report_of(
    rows: int = 3_000, *, length: int = 100, strategy: str = "two_averages", sweep: Sweep | None = None, step_ms: int = MINUTE_MS
) -> Report:
    candles = walk(rows, step_ms=step_ms)
    trades = trades_every(candles, length)
    equity = CASH + np.cumsum(np.random.default_rng(2).normal(0, 3, rows))
    closed = ~np.isnan(trades.exit_price)
    columns = TradeColumns(
        pnl=trades.pnl[closed],
        returns=trades.pnl[closed] / trades.entry_price[closed],
        entry_time=trades.entry_time[closed],
        exit_time=trades.exit_time[closed],
        quantity=np.ones(int(closed.sum())),
        entry_price=trades.entry_price[closed],
        exit_price=trades.exit_price[closed],
    )
    metrics = measure(
        cash=CASH, time=candles.time, equity=equity, close=candles.close, exposed=np.ones(rows, dtype=np.bool_), trades=columns
    )
    notes = FileNotes("candles.csv", Timeframe.M1, "ms", rows, rows, 3, 3 * MINUTE_MS, (GAP,))
    return Report(strategy, {"fast_period": 10}, candles, CASH, equity, trades, metrics, notes, sweep)


def sweep_of() -> Sweep:
    values = np.array([[0.5, np.nan, 1.5], [-1.0, 0.0, 1.25]])
    return Sweep("sharpe_ratio", "fast_period", (5, 10, 20), "slow_period", (50, 100), values, int(np.isfinite(values).sum()))
