"""Statistics of a window: spread, correlation, the line of least squares, rank.

Squares are folded as means and squared deviations (Chan, Golub, LeVeque 1979): the difference of two large squares would lose all
digits.
"""

from __future__ import annotations

import numpy as np

from candlecast.strategy.candles import Floats
from candlecast.strategy.indicators.averages import linear_mean, sma
from candlecast.strategy.indicators.windows import Columns, divide, fold, require_period, rolling_max


def percentile_rank_rows(period: int) -> int:
    """Rows that a percentile rank depends on: the row is ranked among `period` rows before it."""
    return period + 1


def standard_deviation(values: Floats, period: int) -> Floats:
    """Population standard deviation of the last `period` rows (the divisor is `period`, as Bollinger has it)."""
    _, squares = fold((values, values * 0.0), period, _join_squares)
    return np.sqrt(squares / period)


def zscore(values: Floats, period: int) -> Floats:
    """Distance from the SMA in standard deviations of the last `period` rows; 0 where nothing moved."""
    return divide(values - sma(values, period), standard_deviation(values, period), 0.0)


def correlation(first: Floats, second: Floats, period: int) -> Floats:
    """Pearson's correlation of two columns over the last `period` rows, -1 to 1; 0 where one of them did not move."""
    require_period(period, 2)
    nothing = first * second * 0.0
    _, _, squares, other_squares, products = fold((first, second, nothing, nothing, nothing), period, _join_products)
    return np.clip(divide(products, np.sqrt(squares) * np.sqrt(other_squares), 0.0), -1.0, 1.0)


def linear_regression(values: Floats, period: int) -> tuple[Floats, Floats]:
    """Line of least squares through the last `period` rows: its value at this row, and its slope a row.

    Both follow from the weighted and the plain mean: value = 3 WMA - 2 SMA, slope = 6 (WMA - SMA) / (period - 1).
    """
    require_period(period, 2)
    plain, linear = linear_mean(values, period)
    difference = linear - plain
    return linear + 2 * difference, difference * (6 / (period - 1))


def percentile_rank(values: Floats, period: int) -> Floats:
    """Per cent of the `period` rows before this row whose value is at most this row's. Over `percentile_rank_rows` rows.

    So TradingView's `ta.percentrank` has it. Cost: O(rows x period).
    """
    require_period(period)
    rows = len(values)
    rank = np.full(rows, np.nan)
    if period < rows:
        count = np.zeros(rows - period)
        for age in range(1, period + 1):
            count += values[period - age : rows - age] <= values[period:]
        rank[period:] = 100.0 * count / period
    return np.where(np.isnan(rolling_max(values, period + 1)), np.nan, rank)


def _join_squares(newer: Columns, newer_rows: int, older: Columns, older_rows: int) -> Columns:
    rows = newer_rows + older_rows
    difference = older[0] - newer[0]
    mean = newer[0] + difference * (older_rows / rows)
    return mean, newer[1] + older[1] + difference**2 * (newer_rows * older_rows / rows)


def _join_products(newer: Columns, newer_rows: int, older: Columns, older_rows: int) -> Columns:
    share, weight = older_rows / (newer_rows + older_rows), newer_rows * older_rows / (newer_rows + older_rows)
    first, second = older[0] - newer[0], older[1] - newer[1]
    return (
        newer[0] + first * share,
        newer[1] + second * share,
        newer[2] + older[2] + first**2 * weight,
        newer[3] + older[3] + second**2 * weight,
        newer[4] + older[4] + first * second * weight,
    )
