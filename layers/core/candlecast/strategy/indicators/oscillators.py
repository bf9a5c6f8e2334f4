"""Momentum and oscillators: how fast prices move, and where they stand in their range."""

from __future__ import annotations

import numpy as np

from candlecast.strategy.candles import Floats
from candlecast.strategy.indicators.averages import ema, ema_rows, rma, rma_rows, sma
from candlecast.strategy.indicators.windows import divide, rolling_max, rolling_min, shift, without_rounding

CCI_SCALE = 0.015  # Lambert's: about three quarters of all values lie between -100 and 100


def rsi_rows(period: int) -> int:
    """Rows that an RSI value depends on: one more than its averages, for the first difference."""
    return rma_rows(period) + 1


def stochastic_rows(period: int, k_smoothing: int, d_period: int) -> int:
    """Rows that %D of a stochastic depends on."""
    return period + k_smoothing + d_period - 2


def stochastic_rsi_rows(period: int, stochastic_period: int, k_smoothing: int, d_period: int) -> int:
    """Rows that %D of a stochastic RSI depends on."""
    return rsi_rows(period) + stochastic_rows(stochastic_period, k_smoothing, d_period) - 1


def macd_rows(slow_period: int, signal_period: int) -> int:
    """Rows that the signal of a MACD depends on."""
    return ema_rows(slow_period) + ema_rows(signal_period) - 1


def roc_rows(period: int) -> int:
    """Rows that a rate of change depends on."""
    return period + 1


def momentum_rows(period: int) -> int:
    """Rows that a momentum depends on."""
    return period + 1


def momentum(values: Floats, period: int) -> Floats:
    """Difference to the value `period` rows ago."""
    return values - shift(values, period)


def roc(values: Floats, period: int) -> Floats:
    """Rate of change in per cent of the value `period` rows ago; NaN where that value is zero."""
    before = shift(values, period)
    return 100.0 * divide(values - before, before, np.nan)


def rsi(values: Floats, period: int) -> Floats:
    """Wilder's relative strength index, 0 to 100; 50 where nothing moved. Over `rsi_rows(period)` rows."""
    change = values - shift(values, 1)
    gain = rma(np.maximum(change, 0.0), period)
    loss = rma(np.maximum(-change, 0.0), period)
    moved = gain + loss
    return np.where(moved == 0, 50.0, 100.0 * gain / np.where(moved == 0, 1.0, moved))


def macd(values: Floats, fast_period: int, slow_period: int, signal_period: int) -> tuple[Floats, Floats, Floats]:
    """MACD (Appel): EMA of `fast_period` less EMA of `slow_period`, its EMA as signal, and line less signal as histogram.

    Over `macd_rows(slow_period, signal_period)` rows. Raises ValueError if the fast period is not below the slow period.
    """
    if fast_period >= slow_period:
        raise ValueError("fast_period must be below slow_period")
    line = ema(values, fast_period) - ema(values, slow_period)
    signal = ema(line, signal_period)
    return line, signal, line - signal


def stochastic(high: Floats, low: Floats, close: Floats, period: int, k_smoothing: int, d_period: int) -> tuple[Floats, Floats]:
    """Lane's stochastic, 0 to 100: %K and %D.

    The place of the close in the range of `period` rows, as an SMA over `k_smoothing` rows, is %K. Its SMA over `d_period` rows
    is %D. The fast stochastic has a `k_smoothing` of 1. A range of zero counts as 50, as in RSI; TA-Lib has 0. Over
    `stochastic_rows` rows.
    """
    smoothed = sma(_place(close, rolling_min(low, period), rolling_max(high, period)), k_smoothing)
    return smoothed, sma(smoothed, d_period)


def stochastic_rsi(values: Floats, period: int, stochastic_period: int, k_smoothing: int, d_period: int) -> tuple[Floats, Floats]:
    """%K and %D of the RSI's place in its own range (Chande, Kroll 1994). Over `stochastic_rsi_rows` rows.

    Where the RSI hardly moves in its window, the tail that its averages cut off counts for more.
    """
    strength = rsi(values, period)
    return stochastic(strength, strength, strength, stochastic_period, k_smoothing, d_period)


def williams_r(high: Floats, low: Floats, close: Floats, period: int) -> Floats:
    """Williams' %R, -100 to 0: the close's place in the range of `period` rows. -50 where the range is zero; TA-Lib has 0."""
    return _place(close, rolling_min(low, period), rolling_max(high, period)) - 100.0


def cci(high: Floats, low: Floats, close: Floats, period: int) -> Floats:
    """Lambert's commodity channel index: distance of the typical price from its SMA in 0.015 mean absolute deviations.

    0 where nothing moved. Cost: O(rows x period).
    """
    typical = typical_price(high, low, close)
    mean = sma(typical, period)
    deviation = np.zeros(len(typical))
    for age in range(min(period, len(typical))):
        distance = typical[: len(typical) - age] - mean[age:]
        deviation[age:] += np.abs(distance, out=distance)
    deviation = without_rounding(deviation / period, mean)
    return divide(typical - mean, CCI_SCALE * deviation, 0.0)


def typical_price(high: Floats, low: Floats, close: Floats) -> Floats:
    """Mean of high, low and close."""
    return (high + low + close) / 3


def _place(values: Floats, lowest: Floats, highest: Floats) -> Floats:
    """Place of a value between two others in per cent; 50 where they are equal."""
    return 100.0 * divide(values - lowest, highest - lowest, 0.5)
