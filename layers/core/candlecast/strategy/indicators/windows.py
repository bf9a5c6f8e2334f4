"""Windows of a fixed number of rows, folded by doubling: the ground of every other indicator.

A window is folded from blocks of 1, 2, 4 ... rows. So each value goes through the same operations in the same order, wherever its
row stands. A running sum would carry the rounding of the array's first row. Cost: O(rows x log period).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from candlecast.strategy.candles import Flags, Floats

ROUNDING = 1e-12  # of a price: thousands of roundings of float64, and far below the smallest tick
PORTION_ROWS = 32_768  # 256 KB a column, so that the blocks of a fold stay in the cache of a core

type Columns = tuple[Floats, ...]
type Join = Callable[[Columns, int, Columns, int], Columns]


def shift(values: Floats, rows: int) -> Floats:
    """The value `rows` rows ago; NaN where there is none."""
    if rows < 0:
        raise ValueError("a value of a later row is look-ahead")
    shifted = np.full(len(values), np.nan)
    if rows < len(values):
        shifted[rows:] = values[: len(values) - rows]
    return shifted


def rolling_sum(values: Floats, period: int) -> Floats:
    """Sum of the last `period` rows."""
    return fold((values,), period, lambda newer, _, older, __: (newer[0] + older[0],))[0]


def rolling_max(values: Floats, period: int) -> Floats:
    """Largest of the last `period` rows."""
    return _extreme(values, period, np.maximum)


def rolling_min(values: Floats, period: int) -> Floats:
    """Smallest of the last `period` rows."""
    return _extreme(values, period, np.minimum)


def highest_bars(values: Floats, period: int) -> Floats:
    """Rows since the largest of the last `period` rows: 0 is this row. Of equal rows the newest counts."""
    return _rows_since(values, period, np.greater, np.maximum)


def lowest_bars(values: Floats, period: int) -> Floats:
    """Rows since the smallest of the last `period` rows: 0 is this row. Of equal rows the newest counts."""
    return _rows_since(values, period, np.less, np.minimum)


def fold(columns: Columns, period: int, join: Join) -> Columns:
    """Fold `columns` over the last `period` rows.

    `columns` describe blocks of one row. `join(newer, newer_rows, older, older_rows)` describes the block that two neighbours
    make, for all blocks at once; `join` may be any associative operation. A long column is folded portion by portion.
    """
    require_period(period)
    rows = len(columns[0])
    folded = tuple(np.empty(rows) for _ in columns)
    for column in folded:
        column[: period - 1] = np.nan
    portion = max(PORTION_ROWS, period)
    for first in range(0, rows - period + 1, portion):
        stop = min(first + portion + period - 1, rows)
        part = _folded(tuple(column[first:stop] for column in columns), period, join)
        for column, values in zip(folded, part, strict=True):
            column[first + period - 1 : stop] = values
    return folded


def pad(values: Floats, rows: int) -> Floats:
    """`values` as the newest of `rows` rows, NaN before them."""
    if len(values) == rows:
        return values
    padded = np.empty(rows)
    padded[: rows - len(values)] = np.nan
    padded[rows - len(values) :] = values
    return padded


def divide(values: Floats, divisor: Floats, otherwise: float) -> Floats:
    """`values / divisor`, and `otherwise` where the divisor is zero."""
    nothing: Flags = divisor == 0
    return np.where(nothing, otherwise, values / np.where(nothing, 1.0, divisor))


def without_rounding(differences: Floats, prices: Floats) -> Floats:
    """`differences` of computed prices, zero where rounding alone makes them."""
    return np.where(np.abs(differences) <= ROUNDING * prices, 0.0, differences)


def require_period(period: int, least: int = 1) -> None:
    """Refuse a window that is too short to have a value."""
    if period < least:
        raise ValueError(f"a period is at least {'one row' if least == 1 else f'{least} rows'}, not {period}")


def _folded(columns: Columns, period: int, join: Join) -> Columns:
    """Whole windows alone: the first value is that of row `period - 1`."""
    block, block_rows = columns, 1
    whole, covered = columns, 0
    while True:
        if period & block_rows:
            whole = _join(join, whole, covered, block, block_rows) if covered else block
            covered += block_rows
        if covered == period:
            return whole
        block = _join(join, block, block_rows, block, block_rows)
        block_rows *= 2


def _join(join: Join, newer: Columns, newer_rows: int, older: Columns, older_rows: int) -> Columns:
    """Join each block with the block before it. The arrays hold no row whose block would begin before the first row."""
    count = len(newer[0]) - older_rows
    return join(tuple(column[older_rows:] for column in newer), newer_rows, tuple(column[:count] for column in older), older_rows)


def _extreme(values: Floats, period: int, pick: np.ufunc) -> Floats:
    """The extreme of the window, from two blocks that may overlap."""
    require_period(period)
    rows, block = len(values), 1
    if period > rows:
        return np.full(rows, np.nan)
    while 2 * block <= period:
        values = pick(values[block:], values[: len(values) - block])
        block *= 2
    rest = period - block
    return pad(pick(values[rest:], values[: len(values) - rest]), rows)


def _rows_since(values: Floats, period: int, beats: np.ufunc, pick: np.ufunc) -> Floats:
    def join(newer: Columns, newer_rows: int, older: Columns, _: int) -> Columns:
        age = np.where(beats(older[0], newer[0]), older[1] + newer_rows, newer[1])
        return pick(newer[0], older[0]), age

    extreme, age = fold((values, np.zeros(len(values))), period, join)
    return np.where(np.isnan(extreme), np.nan, age)
