"""SuperTrend and parabolic SAR are the textbook's on their window, and the textbook's on the whole once both have turned."""

from __future__ import annotations

import numpy as np
import pytest
import talib

from candlecast.strategy import Candles, Floats
from candlecast.strategy import indicators as ind
from candlecast.strategy.indicators import trailing
from tests.support.candle_rows import RECORDED_NAMES, SAMPLE_NAMES, candles_of, walk


def textbook_supertrend(candles: Candles, period: int, multiplier: float) -> tuple[Floats, Floats]:
    """TradingView's `ta.supertrend` row by row, from the first row that has an ATR."""
    width = multiplier * ind.atr(candles.high, candles.low, candles.close, period)
    middle, close = (candles.high + candles.low) / 2, candles.close
    line, direction = np.full(len(candles), np.nan), np.full(len(candles), np.nan)
    first = ind.atr_rows(period) - 1
    upper, lower, is_down = middle[first] + width[first], middle[first] - width[first], True
    for row in range(first, len(candles)):
        if row > first:
            widest_upper, widest_lower = middle[row] + width[row], middle[row] - width[row]
            upper = widest_upper if widest_upper < upper or close[row - 1] > upper else upper
            lower = widest_lower if widest_lower > lower or close[row - 1] < lower else lower
            is_down = close[row] <= upper if is_down else close[row] < lower
        line[row], direction[row] = (upper, -1.0) if is_down else (lower, 1.0)
    return line, direction


@pytest.mark.parametrize("window", [20, 60])
@pytest.mark.parametrize("market", SAMPLE_NAMES)
def test_supertrend_is_the_textbook_started_on_the_first_row_of_its_window(market: str, window: int) -> None:
    candles, rows = candles_of(market), ind.supertrend_rows(7, window)
    line, direction = ind.supertrend(candles.high, candles.low, candles.close, 7, 2.0, window)
    for row in range(rows - 1, len(candles), 3):
        expected = textbook_supertrend(candles.rows(row + 1 - rows, row + 1), 7, 2.0)
        assert (line[row], direction[row]) == (expected[0][-1], expected[1][-1])
    assert {*direction[rows:].tolist()} == {-1.0, 1.0}


@pytest.mark.parametrize(("period", "multiplier"), [(10, 3.0), (7, 1.5), (14, 5.0)])
@pytest.mark.parametrize("market", [*SAMPLE_NAMES, *RECORDED_NAMES])
def test_supertrend_is_the_textbook_of_the_whole_history_in_recorded_markets(market: str, period: int, multiplier: float) -> None:
    candles = candles_of(market).last(6000)
    window = min(trailing.SUPERTREND_WINDOW, len(candles) // 3)
    rows = ind.supertrend_rows(period, window)
    columns = ind.supertrend(candles.high, candles.low, candles.close, period, multiplier, window)
    for ours, textbook in zip(columns, textbook_supertrend(candles, period, multiplier), strict=True):
        np.testing.assert_array_equal(ours[rows - 1 :], textbook[rows - 1 :])


def test_supertrend_in_a_trend_older_than_its_window_may_differ() -> None:
    flat = np.full(600, 1000.0)
    high, low = flat + 1, flat - 1
    flat[:300] = np.arange(700.0, 1000.0)
    high[:300], low[:300] = flat[:300] + 1, flat[:300] - 1
    candles = Candles(np.arange(600) * 60_000, flat, high, low, flat, flat)
    _, direction = ind.supertrend(high, low, flat, 7, 3.0, 60)
    assert direction[-1] == -1.0  # started downwards, in a window without a turn
    assert textbook_supertrend(candles, 7, 3.0)[1][-1] == 1.0


@pytest.mark.parametrize("window", [2, 3, 20, 100])
@pytest.mark.parametrize("market", SAMPLE_NAMES)
def test_sar_is_that_of_talib_on_its_window(market: str, window: int) -> None:
    candles = candles_of(market)
    sar = ind.parabolic_sar(candles.high, candles.low, 0.02, 0.2, window)
    assert np.isnan(sar[: window - 1]).all()
    for row in range(window - 1, len(candles)):
        alone = candles.rows(row + 1 - window, row + 1)
        assert sar[row] == pytest.approx(talib.SAR(alone.high, alone.low, 0.02, 0.2)[-1], rel=1e-13)


@pytest.mark.parametrize(("acceleration", "maximum"), [(0.02, 0.2), (0.05, 0.5)])
@pytest.mark.parametrize("market", [*SAMPLE_NAMES, *RECORDED_NAMES])
def test_sar_is_that_of_talib_on_the_whole_history_in_recorded_markets(market: str, acceleration: float, maximum: float) -> None:
    candles = candles_of(market).last(6000)
    window = trailing.SAR_WINDOW
    sar = ind.parabolic_sar(candles.high, candles.low, acceleration, maximum)
    whole = talib.SAR(candles.high, candles.low, acceleration, maximum)
    np.testing.assert_allclose(sar[window - 1 :], whole[window - 1 :], rtol=1e-12)


def test_line_of_an_endless_trend_has_its_whole_window(monkeypatch: pytest.MonkeyPatch) -> None:
    rising = np.arange(1.0, 601.0)
    expected = [
        talib.SAR((rising + 1)[row - 249 : row + 1], rising[row - 249 : row + 1], 0.02, 0.02)[-1] for row in range(249, 600)
    ]
    for slab in (trailing.SLAB, 37):
        monkeypatch.setattr(trailing, "SLAB", slab)
        sar = ind.parabolic_sar(rising + 1, rising, 0.02, 0.02)
        np.testing.assert_allclose(sar[249:], expected, rtol=1e-12)


def test_lines_do_not_depend_on_how_rows_are_carried_together(monkeypatch: pytest.MonkeyPatch) -> None:
    candles = walk(900)
    whole = (ind.parabolic_sar(candles.high, candles.low), *ind.supertrend(candles.high, candles.low, candles.close, 10, 3.0))
    monkeypatch.setattr(trailing, "SLAB", 37)
    slabs = (ind.parabolic_sar(candles.high, candles.low), *ind.supertrend(candles.high, candles.low, candles.close, 10, 3.0))
    for expected, found in zip(whole, slabs, strict=True):
        np.testing.assert_array_equal(found, expected)
        assert np.isfinite(found).sum() > 100


@pytest.mark.parametrize(("acceleration", "maximum"), [(0.0, 0.2), (0.3, 0.2)])
def test_acceleration_that_cannot_be_is_refused(acceleration: float, maximum: float) -> None:
    with pytest.raises(ValueError, match="at most maximum"):
        ind.parabolic_sar(np.ones(9), np.ones(9), acceleration, maximum)


def test_line_of_a_window_without_a_step_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 rows"):
        ind.parabolic_sar(np.ones(9), np.ones(9), window=1)
    with pytest.raises(ValueError, match="at least 2 rows"):
        ind.supertrend(np.ones(9), np.ones(9), np.ones(9), 2, 1.0, 1)
