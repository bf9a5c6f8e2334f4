"""Each indicator depends on its stated rows alone, to the bit, in any market. Where TA-Lib has the indicator, both agree."""

from __future__ import annotations

import numpy as np
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from candlecast.domain.values.timeframe import Timeframe
from candlecast.strategy import Candles, HigherTimeframe
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


@settings(max_examples=60)
@given(
    timeframes=st.sampled_from((("5m", "1m"), ("15m", "1m"), ("1h", "1m"), ("1h", "15m"), ("4h", "1h"))),
    count=st.integers(1, 4),
    data=st.data(),
)
def test_closed_higher_candles_depend_on_their_stated_rows_alone(
    timeframes: tuple[str, str], count: int, data: st.DataObject
) -> None:
    higher = HigherTimeframe(*timeframes)
    rows = higher.rows(count)
    candles = on_the_grid(data.draw(markets(rows + MARGIN + 2 * higher.ratio)), timeframes[1])
    whole = seen(higher, candles, count)
    row = data.draw(st.integers(rows - 1, len(candles) - 1), label="row")
    start = data.draw(st.integers(0, row + 1 - rows), label="start of a longer window")
    for first in {row + 1 - rows, start, 0}:
        window = candles.rows(first, row + 1)
        if np.diff(window.time).min() == np.diff(candles.time).min():
            part = seen(higher, window, count)
            assert [column[-1].tobytes() for column in part] == [column[row].tobytes() for column in whole]


@settings(max_examples=60)
@given(timeframes=st.sampled_from((("5m", "1m"), ("1h", "15m"))), data=st.data())
def test_value_at_a_row_is_of_a_higher_candle_that_has_closed(timeframes: tuple[str, str], data: st.DataObject) -> None:
    higher = HigherTimeframe(*timeframes)
    candles = on_the_grid(data.draw(markets(150)), timeframes[1])
    closed = higher.candles(candles)
    length, base = (Timeframe.parse(name).milliseconds for name in timeframes)
    ends = closed.to_base((closed.time + length).astype(np.float64))
    known = ~np.isnan(ends)
    assert (ends[known] <= (candles.time + base)[known]).all()
    for position in np.flatnonzero(known)[::7]:
        within = (candles.time >= ends[position] - length) & (candles.time < ends[position])
        assert closed.to_base(closed.close)[position] == candles.close[within][-1]
        assert closed.to_base(closed.high)[position] == candles.high[within].max()


def on_the_grid(candles: Candles, base: str) -> Candles:
    """The candles, which begin at minutes, at as many steps of `base`."""
    minutes = Timeframe.parse(base).minutes
    return Candles(candles.time * minutes, candles.open, candles.high, candles.low, candles.close, candles.volume)


def seen(higher: HigherTimeframe, candles: Candles, count: int) -> tuple[np.ndarray, ...]:
    """Columns that a strategy may make of the newest `count` higher candles."""
    closed = higher.candles(candles)
    return (
        closed.to_base(ind.sma(closed.close, count)),
        closed.to_base(ind.rolling_max(closed.high, count)),
        closed.to_base(ind.rolling_min(closed.low, count)),
        closed.to_base(ind.rolling_sum(closed.volume, count)),
        closed.to_base(ind.shift(closed.open, count - 1)),
        closed.to_base(closed.time.astype(np.float64)),
        closed.just_closed,
    )
