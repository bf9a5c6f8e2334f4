"""The trades of whole columns are those of a backtest row by row, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlecast.backtest.fast_path import NEVER, first_reached, trades_of
from candlecast.backtest.fills import Costs, FillAt
from candlecast.strategy import Candles, Side, Signals, Target
from tests.support.backtest_by_row import trades_by_row

COSTS = Costs(taker_fee=0.0004, slippage_bps=3.0)
MINUTE_MS = 60_000


def walk(seed: int, rows: int) -> Candles:
    """Candles of a random walk with gaps between close and open."""
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, rows)))
    opened = np.roll(close, 1) * np.exp(random.normal(0, 0.005, rows))
    high = np.maximum(opened, close) * (1 + random.exponential(0.004, rows))
    low = np.minimum(opened, close) * (1 - random.exponential(0.004, rows).clip(0, 0.5))
    time = np.arange(rows) * MINUTE_MS
    return Candles(time=time, open=opened, high=high, low=low, close=close, volume=np.ones(rows))


def decided(candles: Candles, seed: int, *, share: float, width: float, levels: int) -> Signals:
    """Random decisions; a level is there for some of the rows only."""
    random = np.random.default_rng(seed)
    rows = len(candles)
    side = random.choice(np.array([*Side], dtype=np.int8), rows)
    side[random.random(rows) > share] = Side.HOLD
    away = np.where(side < 0, -1, 1) * random.exponential(width, rows)
    stop = np.where(random.random(rows) < 0.8, candles.close * (1 - away), np.nan)
    target = np.where(random.random(rows) < 0.8, candles.close * (1 + 2 * away), np.nan)
    return Signals(side=side, stop_loss=stop if levels > 0 else None, targets=(Target(target),) if levels > 1 else ())


@pytest.mark.parametrize("fill_at", FillAt)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 400),
    share=st.sampled_from([0.02, 0.2, 1.0]),
    width=st.sampled_from([0.002, 0.02, 0.3]),
    levels=st.integers(0, 2),
)
def test_trades_of_columns_are_those_of_a_backtest_row_by_row(
    fill_at: FillAt, seed: int, rows: int, share: float, width: float, levels: int
) -> None:
    candles = walk(seed, rows)
    signals = decided(candles, seed + 1, share=share, width=width, levels=levels)
    found = trades_of(signals, candles, fill_at, COSTS)
    expected = trades_by_row(signals, candles, fill_at, COSTS)
    columns = (found.side, found.entry_row, found.exit_row, found.entry_price, found.exit_price, found.exit_by)
    assert len(found) == len(expected)
    for column, wanted in zip(columns, zip(*expected, strict=True), strict=False):
        np.testing.assert_array_equal(column, wanted)


@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 700))
def test_a_level_is_found_in_the_first_row_that_reaches_it(seed: int, rows: int) -> None:
    candles, random = walk(seed, rows), np.random.default_rng(seed)
    first = random.integers(0, rows + 1, 30)
    last = np.minimum(first + random.integers(-1, rows, 30), rows - 1)
    below, above = 100 * (1 - random.exponential(0.05, 30)), 100 * (1 + random.exponential(0.05, 30))
    found = first_reached(candles.low, candles.high, first, last, below, above)
    for search in range(30):
        reached = (candles.low <= below[search]) | (candles.high >= above[search])
        row = next((at for at in range(first[search], last[search] + 1) if reached[at]), NEVER)
        assert found[search] == row
