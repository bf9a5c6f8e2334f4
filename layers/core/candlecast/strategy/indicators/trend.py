"""Direction and strength of a trend."""

from __future__ import annotations

import numpy as np

from candlecast.strategy.candles import Floats
from candlecast.strategy.indicators.averages import rma, rma_rows, rows_until_tail, weighted_mean
from candlecast.strategy.indicators.volatility import true_range
from candlecast.strategy.indicators.windows import divide, highest_bars, lowest_bars, rolling_max, rolling_min, shift


def adx_rows(period: int) -> int:
    """Rows that an ADX depends on: a Wilder average of values that need one, and one row for the first difference."""
    return 2 * rma_rows(period)


def aroon_rows(period: int) -> int:
    """Rows that Aroon depends on: the row may be `period` rows after its extreme."""
    return period + 1


def ichimoku_rows(span_period: int, displacement: int) -> int:
    """Rows that the cloud of an Ichimoku depends on."""
    return span_period + displacement


def heikin_ashi_rows() -> int:
    """Rows that a Heikin-Ashi candle depends on."""
    return rows_until_tail(0.5) + 1


def adx(high: Floats, low: Floats, close: Floats, period: int) -> tuple[Floats, Floats, Floats]:
    """Wilder's average directional index, and the directional indicators +DI and -DI, 0 to 100 each. Over `adx_rows` rows.

    A row without any direction counts as 0, where TA-Lib repeats the row before.
    """
    rise, fall = high - shift(high, 1), shift(low, 1) - low
    moved = rma(true_range(high, low, close), period)
    plus = 100.0 * divide(rma(np.maximum(rise, 0.0) * (rise > fall), period), moved, 0.0)
    minus = 100.0 * divide(rma(np.maximum(fall, 0.0) * (fall > rise), period), moved, 0.0)
    return rma(100.0 * divide(np.abs(plus - minus), plus + minus, 0.0), period), plus, minus


def aroon(high: Floats, low: Floats, period: int) -> tuple[Floats, Floats]:
    """Chande's Aroon up and down, 0 to 100: how new the extreme of the last `period + 1` rows is. Over `aroon_rows` rows."""
    since_high, since_low = highest_bars(high, period + 1), lowest_bars(low, period + 1)
    return 100.0 * (period - since_high) / period, 100.0 * (period - since_low) / period


def ichimoku(
    high: Floats, low: Floats, conversion_period: int, base_period: int, span_period: int, displacement: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Hosoda's conversion line, base line, leading span A and leading span B (usually 9, 26, 52 and 26).

    The spans are those that lie at this row: computed `displacement` rows ago. TradingView counts the row itself, so its 26 is 25
    here. There is no lagging span, because it is a later close; compare the close with `shift(close, displacement)`. The spans
    depend on `ichimoku_rows(span_period, displacement)` rows if `span_period` is the longest.
    """
    conversion, base, span = (
        (rolling_max(high, period) + rolling_min(low, period)) / 2 for period in (conversion_period, base_period, span_period)
    )
    return conversion, base, shift((conversion + base) / 2, displacement), shift(span, displacement)


def heikin_ashi(open: Floats, high: Floats, low: Floats, close: Floats) -> tuple[Floats, Floats, Floats, Floats]:  # noqa: A002
    """Open, high, low and close of the Heikin-Ashi candle. Over `heikin_ashi_rows()` rows.

    The textbook's open is the mean of open and close one row ago: an exponential average of closes whose weight halves with each
    row. This open cuts that average off at `TAIL_WEIGHT`, as `ema` does.
    """
    ha_close = (open + high + low + close) / 4
    ha_open = shift(weighted_mean(ha_close, rows_until_tail(0.5), 0.5), 1)
    return ha_open, np.maximum(np.maximum(high, ha_open), ha_close), np.minimum(np.minimum(low, ha_open), ha_close), ha_close
