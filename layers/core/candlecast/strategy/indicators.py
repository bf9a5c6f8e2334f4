"""Indicators over numpy columns, each a function of a finite window.

**The value at row i depends on a stated number of rows up to i and on nothing else.** The value does not even depend on where the
array begins. So a live run over the lookback window and a backtest over a year compute the same bits, and there can be no
look-ahead. Two things make it so:

- Exponential averages (EMA, Wilder's) are weighted means over `ema_rows`/`rma_rows` rows, the length at which the weight that is
  cut off falls below `TAIL_WEIGHT`. The textbook recursion never forgets its seed, so its value depends on where the data begins.
- Windows are folded by doubling (blocks of 1, 2, 4 ... rows): each element goes through the same operations in the same order
  wherever it stands. A running sum would carry rounding from the array's first row. Cost: O(rows x log window).

Rows without a full window are NaN, and NaN in a window gives NaN. All take and return float64; periods are in rows.
"""

from __future__ import annotations

import math

import numpy as np

from candlecast.strategy.candles import Flags, Floats

TAIL_WEIGHT = 1e-6  # of a price range of some per cent that is far below every venue's tick


def ema_rows(period: int) -> int:
    """Rows that an EMA value depends on."""
    return _rows_until_tail(1 - 2 / (period + 1))


def rma_rows(period: int) -> int:
    """Rows that a Wilder average depends on."""
    return _rows_until_tail(1 - 1 / period)


def atr_rows(period: int) -> int:
    """Rows that an ATR value depends on: one more than its average, for the first previous close."""
    return rma_rows(period) + 1


def rsi_rows(period: int) -> int:
    """Rows that an RSI value depends on: one more than its averages, for the first difference."""
    return rma_rows(period) + 1


def shift(values: Floats, rows: int) -> Floats:
    """The value `rows` rows ago; NaN where there is none."""
    shifted = np.full(len(values), np.nan)
    if rows < len(values):
        shifted[rows:] = values[: len(values) - rows]
    return shifted


def sma(values: Floats, period: int) -> Floats:
    """Arithmetic mean of the last `period` rows."""
    return _weighted_mean(values, period, 1.0)


def ema(values: Floats, period: int) -> Floats:
    """Exponential mean with alpha = 2 / (period + 1), over `ema_rows(period)` rows."""
    return _weighted_mean(values, ema_rows(period), 1 - 2 / (period + 1))


def rma(values: Floats, period: int) -> Floats:
    """Wilder's average: exponential with alpha = 1 / period (Wilder 1978), over `rma_rows(period)` rows."""
    return _weighted_mean(values, rma_rows(period), 1 - 1 / period)


def standard_deviation(values: Floats, period: int) -> Floats:
    """Population standard deviation of the last `period` rows (the divisor is `period`, as Bollinger has it).

    Folds means and squared deviations (Chan, Golub, LeVeque 1979): the difference of two large squares would lose all digits.
    """
    _require_period(period)
    block_mean, block_squares, block = values, values * 0.0, 1
    mean, squares, covered = values, values, 0
    while True:
        if period & block:
            older_mean, older_squares = shift(block_mean, covered), shift(block_squares, covered)
            mean, squares = _fold_squares((mean, squares, covered), (older_mean, older_squares, block))
            covered += block
        if covered == period:
            return np.sqrt(squares / period)
        older_mean, older_squares = shift(block_mean, block), shift(block_squares, block)
        block_mean, block_squares = _fold_squares((block_mean, block_squares, block), (older_mean, older_squares, block))
        block *= 2


def rolling_max(values: Floats, period: int) -> Floats:
    """Largest of the last `period` rows."""
    _require_period(period)
    block = 1
    while 2 * block <= period:
        values = np.maximum(values, shift(values, block))
        block *= 2
    return np.maximum(values, shift(values, period - block))


def rolling_min(values: Floats, period: int) -> Floats:
    """Smallest of the last `period` rows."""
    return -rolling_max(-values, period)


def true_range(high: Floats, low: Floats, close: Floats) -> Floats:
    """Wilder's true range; NaN in the first row, which has no previous close."""
    previous = shift(close, 1)
    return np.maximum(high, previous) - np.minimum(low, previous)


def atr(high: Floats, low: Floats, close: Floats, period: int) -> Floats:
    """Wilder's average true range, over `atr_rows(period)` rows."""
    return rma(true_range(high, low, close), period)


def rsi(values: Floats, period: int) -> Floats:
    """Wilder's relative strength index, 0 to 100; 50 where nothing moved. Over `rsi_rows(period)` rows."""
    change = values - shift(values, 1)
    gain = rma(np.maximum(change, 0.0), period)
    loss = rma(np.maximum(-change, 0.0), period)
    moved = gain + loss
    return np.where(moved == 0, 50.0, 100.0 * gain / np.where(moved == 0, 1.0, moved))


def donchian(high: Floats, low: Floats, period: int) -> tuple[Floats, Floats]:
    """Highest high and lowest low of the `period` rows before this one: the channel that this row may break."""
    return shift(rolling_max(high, period), 1), shift(rolling_min(low, period), 1)


def bollinger(values: Floats, period: int, deviations: float) -> tuple[Floats, Floats, Floats]:
    """Lower, middle and upper band: SMA with `deviations` standard deviations around it."""
    middle = sma(values, period)
    width = deviations * standard_deviation(values, period)
    return middle - width, middle, middle + width


def keltner(high: Floats, low: Floats, close: Floats, period: int, multiplier: float) -> tuple[Floats, Floats, Floats]:
    """Lower, middle and upper line: EMA of the close with `multiplier` ATRs around it. Over `atr_rows(period)` rows."""
    middle = ema(close, period)
    width = multiplier * atr(high, low, close, period)
    return middle - width, middle, middle + width


def crossover(first: Floats, second: Floats | float) -> Flags:
    """Rows at which `first` rises above `second`: above now, at or below one row ago. Needs one row more than its inputs."""
    other = np.broadcast_to(np.asarray(second, dtype=np.float64), first.shape)
    return (first > other) & (shift(first, 1) <= shift(other, 1))


def crossunder(first: Floats, second: Floats | float) -> Flags:
    """Rows at which `first` falls below `second`: below now, at or above one row ago. Needs one row more than its inputs."""
    other = np.broadcast_to(np.asarray(second, dtype=np.float64), first.shape)
    return (first < other) & (shift(first, 1) >= shift(other, 1))


def _weighted_mean(values: Floats, window: int, decay: float) -> Floats:
    """Mean of the last `window` rows with weight `decay ** age`, folded from blocks; exact where all values are equal."""
    _require_period(window)
    block_mean, block, block_weight = values, 1, 1.0
    mean, covered, weight = values, 0, 0.0
    while True:
        if window & block:
            older_weight = decay**covered * block_weight
            mean = _fold(mean, weight, shift(block_mean, covered), older_weight)
            weight += older_weight
            covered += block
        if covered == window:
            return mean
        older_weight = decay**block * block_weight
        block_mean = _fold(block_mean, block_weight, shift(block_mean, block), older_weight)
        block_weight += older_weight
        block *= 2


def _fold(newer: Floats, newer_weight: float, older: Floats, older_weight: float) -> Floats:
    return newer + (older - newer) * (older_weight / (newer_weight + older_weight))


def _fold_squares(newer: tuple[Floats, Floats, int], older: tuple[Floats, Floats, int]) -> tuple[Floats, Floats]:
    newer_mean, newer_squares, newer_count = newer
    older_mean, older_squares, older_count = older
    if not newer_count:
        return older_mean, older_squares
    count = newer_count + older_count
    difference = older_mean - newer_mean
    mean = newer_mean + difference * (older_count / count)
    return mean, newer_squares + older_squares + difference**2 * (newer_count * older_count / count)


def _rows_until_tail(decay: float) -> int:
    """The smallest number of rows after which the weights `decay ** age` that are left out sum to at most `TAIL_WEIGHT`."""
    return 1 if decay <= 0 else math.ceil(math.log(TAIL_WEIGHT) / math.log(decay))


def _require_period(period: int) -> None:
    if period < 1:
        raise ValueError(f"a period is at least one row, not {period}")
