"""The trades of whole columns are those of a backtest row by row, to the bit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlecast.backtest.fast_path import BLOCK, NEVER, first_reached, trades_of
from candlecast.backtest.fills import Costs, FillAt
from tests.support.backtest_by_row import trades_by_row
from tests.support.backtest_exact import decided, walk

COSTS = Costs(taker_fee=0.0004, slippage_bps=3.0)
ANYWHERE = (0.0, math.inf)  # levels beyond what a live run takes, and beyond zero


@pytest.mark.parametrize("fill_at", FillAt)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 400),
    share=st.sampled_from([0.02, 0.2, 1.0]),
    width=st.sampled_from([0.002, 0.02, 0.3]),
    levels=st.integers(0, 2),
    digits=st.sampled_from([0, 8]),
)
def test_trades_of_columns_are_those_of_a_backtest_row_by_row(
    fill_at: FillAt, seed: int, rows: int, share: float, width: float, levels: int, digits: int
) -> None:
    candles = walk(seed, rows, digits)
    signals = decided(candles, seed + 1, share=share, width=width, levels=levels, reach=ANYWHERE, digits=digits)
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


@pytest.mark.parametrize("sign", [1, -1])
def test_a_block_whose_extreme_is_the_level_is_not_skipped(sign: int) -> None:
    """Row 70 touches the level to the bit; every row around stays away from both."""
    near, far = np.full(3 * BLOCK, 100.0), np.full(3 * BLOCK, 101.0)
    near[BLOCK + 6] = 90.0
    low, high = (near, far) if sign > 0 else (200 - far, 200 - near)
    below, above = (90.0, 120.0) if sign > 0 else (80.0, 110.0)
    bounds = (np.array([each]) for each in (below, above))
    found = first_reached(low, high, np.array([0]), np.array([3 * BLOCK - 1]), *bounds)
    assert found.tolist() == [BLOCK + 6]
