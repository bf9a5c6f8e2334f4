"""How far prices move: true range, bands and channels around the price."""

from __future__ import annotations

import math

import numpy as np

from candlecast.strategy.candles import Floats
from candlecast.strategy.indicators.averages import ema, rma, rma_rows, sma
from candlecast.strategy.indicators.statistics import standard_deviation
from candlecast.strategy.indicators.windows import divide, require_period, rolling_max, rolling_min, rolling_sum, shift

LN_TERMS = 12  # of the series in _ln; the next one is below the rounding of float64


def atr_rows(period: int) -> int:
    """Rows that an ATR value depends on: one more than its average, for the first previous close."""
    return rma_rows(period) + 1


def natr_rows(period: int) -> int:
    """Rows that a normalised ATR depends on."""
    return atr_rows(period)


def keltner_rows(period: int) -> int:
    """Rows that a Keltner line depends on: those of the ATR, which are more than those of the EMA."""
    return atr_rows(period)


def donchian_rows(period: int) -> int:
    """Rows that a Donchian channel depends on: the row itself is not in it."""
    return period + 1


def choppiness_rows(period: int) -> int:
    """Rows that a choppiness index depends on: one more than its window, for the first previous close."""
    return period + 1


def true_range(high: Floats, low: Floats, close: Floats) -> Floats:
    """Wilder's true range; NaN in the first row, which has no previous close."""
    ranges = np.full(len(close), np.nan)
    np.maximum(high[1:], close[:-1], out=ranges[1:])
    ranges[1:] -= np.minimum(low[1:], close[:-1])
    return ranges


def atr(high: Floats, low: Floats, close: Floats, period: int) -> Floats:
    """Wilder's average true range, over `atr_rows(period)` rows."""
    return rma(true_range(high, low, close), period)


def natr(high: Floats, low: Floats, close: Floats, period: int) -> Floats:
    """ATR in per cent of the close, over `natr_rows(period)` rows."""
    return 100.0 * atr(high, low, close, period) / close


def donchian(high: Floats, low: Floats, period: int) -> tuple[Floats, Floats]:
    """Highest high and lowest low of the `period` rows before this one: the channel that this row may break."""
    return shift(rolling_max(high, period), 1), shift(rolling_min(low, period), 1)


def bollinger(values: Floats, period: int, deviations: float) -> tuple[Floats, Floats, Floats]:
    """Lower, middle and upper band: SMA with `deviations` standard deviations around it."""
    middle = sma(values, period)
    width = deviations * standard_deviation(values, period)
    return middle - width, middle, middle + width


def keltner(high: Floats, low: Floats, close: Floats, period: int, multiplier: float) -> tuple[Floats, Floats, Floats]:
    """Lower, middle and upper line: EMA of the close with `multiplier` ATRs around it. Over `keltner_rows(period)` rows."""
    middle = ema(close, period)
    width = multiplier * atr(high, low, close, period)
    return middle - width, middle, middle + width


def choppiness(high: Floats, low: Floats, close: Floats, period: int) -> Floats:
    """Dreiss' choppiness index: 100 log(sum of true ranges / range of the window) / log(period). Over `choppiness_rows` rows.

    0 is a straight move, 100 a market that goes nowhere; a market that stands still has 100.
    """
    require_period(period, 2)
    path = rolling_sum(true_range(high, low, close), period)
    span = rolling_max(high, period) - rolling_min(low, period)
    return np.clip(100.0 / math.log(period) * _ln(divide(path, span, float(period))), 0.0, 100.0)


def _ln(values: Floats) -> Floats:
    """Natural logarithm by exact operations of IEEE 754 alone: `numpy.log` has other bits on another processor.

    The logarithm of m 2^e is e ln 2 + ln m, with m between the half root of two and the root. Its series is that of
    2 artanh((m - 1) / (m + 1)).
    """
    mantissa, exponent = np.frexp(values)
    is_small = mantissa < math.sqrt(0.5)
    mantissa = np.where(is_small, 2 * mantissa, mantissa)
    ratio = (mantissa - 1) / (mantissa + 1)
    square = ratio * ratio
    series: Floats = np.full(len(values), 1 / (2 * LN_TERMS + 1))
    for term in range(LN_TERMS - 1, -1, -1):
        series *= square
        series += 1 / (2 * term + 1)
    logarithm: Floats = (exponent - is_small) * math.log(2) + 2 * ratio * series
    return logarithm
