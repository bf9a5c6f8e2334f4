"""Each indicator depends on its stated rows alone, to the bit, in any market. Where TA-Lib has the indicator, both agree."""

from __future__ import annotations

import numpy as np
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from candlecast.strategy import Candles
from candlecast.strategy import indicators as ind
from tests.support.indicator_cases import CASES

PERIODS = st.integers(2, 24)
MARGIN = 40  # rows beyond the window


@st.composite
def markets(draw: st.DrawFn, rows: int) -> Candles:
    """Awkward candles: ticks as coarse as moves, still stretches, rows without volume, gaps in time."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="seed"))
    tick = draw(st.sampled_from((1e-8, 0.01, 0.1, 1.0)), label="tick")
    widest = draw(st.integers(0, 40), label="widest move in ticks")
    still = draw(st.sampled_from((0.0, 0.3, 0.95)), label="share of rows that stand still")
    moves = generator.integers(-widest, widest + 1, (rows, 3)) * (generator.random((rows, 1)) >= still)
    level = np.cumsum(moves[:, 0])
    close = 5_000 + level - min(0, int(level.min()))
    opened = np.concatenate(([5_000], close[:-1]))
    gaps = generator.random(rows) < draw(st.sampled_from((0.0, 0.1)), label="share of rows after a gap")
    return Candles(
        time=(generator.integers(0, 10_000) + np.cumsum(1 + gaps * generator.integers(1, 90, rows))).astype(np.int64) * 60_000,
        open=opened * tick,
        high=(np.maximum(opened, close) + np.abs(moves[:, 1])) * tick,
        low=(np.minimum(opened, close) - np.abs(moves[:, 2])) * tick,
        close=close * tick,
        volume=generator.integers(0, 5, rows) * np.float64(0.7),
    )


@settings(max_examples=15)
@given(period=PERIODS, data=st.data())
@pytest.mark.parametrize("name", CASES)
def test_value_depends_on_its_stated_rows_alone(name: str, period: int, data: st.DataObject) -> None:
    case = CASES[name]
    rows = case.rows(period)
    candles = data.draw(markets(rows + MARGIN))
    whole = case.columns(candles, period)
    row = data.draw(st.integers(rows - 1, len(candles) - 1), label="row")
    start = data.draw(st.integers(0, row + 1 - rows), label="start of a longer window")
    for first in {row + 1 - rows, start, 0}:
        part = case.columns(candles.rows(first, row + 1), period)
        assert [column[-1].tobytes() for column in part] == [column[row].tobytes() for column in whole]


@settings(max_examples=15)
@given(period=PERIODS, data=st.data())
def test_windowed_indicators_equal_talib_on_any_market(period: int, data: st.DataObject) -> None:
    candles = data.draw(markets(150))
    high, low, close, volume = candles.high, candles.low, candles.close, candles.volume
    scale = float(close.max())
    for ours, theirs, unit in (
        (ind.sma(close, period), talib.SMA(close, period), scale),
        (ind.wma(close, period), talib.WMA(close, period), scale),
        (ind.momentum(close, period), talib.MOM(close, period), scale),
        (ind.roc(close, period), talib.ROC(close, period), 100.0),
        (ind.rolling_max(high, period), talib.MAX(high, period), scale),
        (ind.rolling_min(low, period), talib.MIN(low, period), scale),
        (ind.aroon(high, low, period)[0], talib.AROON(high, low, period)[1], 100.0),
        (ind.aroon(high, low, period)[1], talib.AROON(high, low, period)[0], 100.0),
        (ind.linear_regression(close, period)[0], talib.LINEARREG(close, period), scale),
        (ind.linear_regression(close, period)[1], talib.LINEARREG_SLOPE(close, period), scale),
        (ind.obv(close, volume, period), ind.momentum(talib.OBV(close, volume), period), 100.0),
    ):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9 * unit)


@settings(max_examples=15)
@given(period=PERIODS, data=st.data())
def test_exponential_averages_equal_talib_to_the_stated_tail_on_any_market(period: int, data: st.DataObject) -> None:
    rows = ind.rma_rows(period + 5) + 3 * period
    candles = data.draw(markets(rows + 60))
    high, low, close = candles.high, candles.low, candles.close
    span = float(np.ptp(close)) + float(np.max(high - low))
    for ours, theirs in (
        (ind.ema(close, period), talib.EMA(close, period)),
        (ind.dema(close, period), talib.DEMA(close, period)),
        (ind.atr(high, low, close, period), talib.ATR(high, low, close, period)),
        (ind.macd(close, period, period + 5, 4)[0], talib.MACD(close, period, period + 5, 4)[0]),
    ):
        np.testing.assert_allclose(
            ours[rows:], theirs[rows:], rtol=1e-9, atol=4 * ind.TAIL_WEIGHT * span + 1e-12 * float(close.max())
        )
