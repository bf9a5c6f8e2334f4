"""Candles and decisions of tests of both paths, settings and terms of the exact path, and a run by hand."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np

from candlecast.backtest.candle_venue import Fees
from candlecast.backtest.exact_path import ExactResult, Terms, run_exactly
from candlecast.domain.market.market import Market
from candlecast.domain.subscriptions.subscription import Settings, Sizing, SizingMode
from candlecast.domain.values.timeframe import Timeframe
from candlecast.strategy import Candles, Side, Signals, Target
from candlecast.strategy.base import ATR_PERIOD
from candlecast.strategy.indicators import atr_rows
from tests.support.backtest_planted import Planted
from tests.support.builders import a_market

D = Decimal
MINUTE_MS = 60_000
DIGITS = 8
TINY = D("1E-8")
NEAR = (1e-4, 0.3)  # of the close: distances of a stop that a live run takes
ONE = Settings(capital=D(1_000_000), sizing=Sizing(SizingMode.FIXED_QUANTITY, D(1)), max_daily_loss_percent=D(100))


def fine_market() -> Market:
    """A market whose steps no float of a test comes near."""
    return a_market(price_step=TINY, quantity_step=TINY, min_quantity=TINY, min_notional=D(0), max_quantity=D(10) ** 9)


def terms(**changes: Any) -> Terms:
    values: dict[str, Any] = {"market": a_market(), "timeframe": Timeframe.M1, "venue": "binanceusdm", "settings": ONE}
    return Terms(**{**values, "cash": D(1_000_000), **changes})


def walk(seed: int, rows: int, digits: int = DIGITS) -> Candles:
    """Candles of a random walk with gaps between close and open. With few digits many prices are equal to a level."""
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, rows)))
    opened = np.roll(close, 1) * np.exp(random.normal(0, 0.005, rows))
    high = np.maximum(opened, close) * (1 + random.exponential(0.004, rows))
    low = np.minimum(opened, close) * (1 - random.exponential(0.004, rows).clip(0, 0.5))
    opened, high, low, close = (np.round(column, digits) for column in (opened, high, low, close))
    time = np.arange(rows) * MINUTE_MS
    return Candles(time=time, open=opened, high=high, low=low, close=close, volume=np.ones(rows))


def decided(
    candles: Candles,
    seed: int,
    *,
    share: float,
    width: float,
    levels: int,
    reach: tuple[float, float] = NEAR,
    digits: int = DIGITS,
) -> Signals:
    """Random decisions; a level is there for some of the rows only. A stop is as far from the close as `reach` allows."""
    random = np.random.default_rng(seed)
    rows = len(candles)
    side = random.choice(np.array([*Side], dtype=np.int8), rows)
    side[random.random(rows) > share] = Side.HOLD
    away = np.where(side < 0, -1, 1) * random.exponential(width, rows).clip(*reach)
    stop = np.where(random.random(rows) < 0.8, np.round(candles.close * (1 - away), digits), np.nan)
    target = np.where(random.random(rows) < 0.8, np.round(candles.close * (1 + 2 * away), digits), np.nan)
    return Signals(side=side, stop_loss=stop if levels > 0 else None, targets=(Target(target),) if levels > 1 else ())


FIRST = atr_rows(ATR_PERIOD) - 1  # the first row that has the lookback behind it; all rows before are quiet
QUIET = ("100", "100", "100", "100")
TAKER = Fees(maker=D("0.0002"), taker=D("0.0005"))


def candles_of(*rows: tuple[str, str, str, str]) -> Candles:
    """Quiet candles, then these: open, high, low, close. The first of them is row `FIRST`."""
    every = np.array([QUIET] * FIRST + list(rows), dtype=np.float64)
    opened, high, low, close = (np.ascontiguousarray(column) for column in every.T)
    time = np.arange(len(every)) * MINUTE_MS
    return Candles(time=time, open=opened, high=high, low=low, close=close, volume=np.ones(len(every)))


def run(candles: Candles, actions: dict[int, Side], *, stop: float | None = None, **changes: Any) -> ExactResult:
    """Run actions by row (counted from `FIRST`) with one stop price and a ladder (`targets`: pairs of price and share)."""
    targets = changes.pop("targets", ())
    side = np.zeros(len(candles), dtype=np.int8)
    for row, action in actions.items():
        side[FIRST + row] = action
    rows = np.ones(len(candles))
    ladder = tuple(Target(price * rows, share) for price, share in targets)
    signals = Signals(side=side, stop_loss=None if stop is None else stop * rows, targets=ladder)
    return run_exactly(Planted(candles, signals), candles, terms(**changes))


def legs(result: ExactResult) -> list[tuple[int, str, Decimal, Decimal]]:
    return [(fill.row - FIRST, fill.leg, fill.quantity, fill.price) for fill in result.fills]


def settings(**changes: Any) -> Settings:
    return replace(ONE, **changes)


def fixed(quantity: str) -> Sizing:
    return Sizing(SizingMode.FIXED_QUANTITY, D(quantity))
