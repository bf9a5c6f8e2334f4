"""Indicators agree with TA-Lib, with plain definitions, and do not care where the array begins."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import talib

from candlecast.strategy import Candles, Floats
from candlecast.strategy import indicators as ind
from tests.support.candle_rows import SAMPLE_NAMES, candles_of, walk

ROWS = 1500
PERIODS = (2, 5, 14, 20, 21)
type Indicator = Callable[[Candles, int], Floats]

# Finite windows: exact by definition, so only rounding may differ.
WINDOWED: dict[str, tuple[Indicator, Indicator]] = {
    "sma": (lambda c, n: ind.sma(c.close, n), lambda c, n: talib.SMA(c.close, n)),
    "standard_deviation": (lambda c, n: ind.standard_deviation(c.close, n), lambda c, n: talib.STDDEV(c.close, n, 1.0)),
    "rolling_max": (lambda c, n: ind.rolling_max(c.high, n), lambda c, n: talib.MAX(c.high, n)),
    "rolling_min": (lambda c, n: ind.rolling_min(c.low, n), lambda c, n: talib.MIN(c.low, n)),
    "true_range": (lambda c, _: ind.true_range(c.high, c.low, c.close), lambda c, _: talib.TRANGE(c.high, c.low, c.close)),
    "bollinger upper": (lambda c, n: ind.bollinger(c.close, n, 2.0)[2], lambda c, n: talib.BBANDS(c.close, n, 2.0, 2.0)[0]),
    "bollinger lower": (lambda c, n: ind.bollinger(c.close, n, 2.0)[0], lambda c, n: talib.BBANDS(c.close, n, 2.0, 2.0)[2]),
}
# Recursions, compared after their seed has faded; ours cuts off TAIL_WEIGHT of the range.
RECURSIVE: dict[str, tuple[Indicator, Indicator, Callable[[int], int]]] = {
    "ema": (lambda c, n: ind.ema(c.close, n), lambda c, n: talib.EMA(c.close, n), ind.ema_rows),
    "atr": (lambda c, n: ind.atr(c.high, c.low, c.close, n), lambda c, n: talib.ATR(c.high, c.low, c.close, n), ind.atr_rows),
    "rsi": (lambda c, n: ind.rsi(c.close, n), lambda c, n: talib.RSI(c.close, n), ind.rsi_rows),
}
RSI_TOLERANCE = 1e-3  # of 100: the tail's weight, raised where gains or losses were small
SEED_FADES = 800  # rows after which the longest of PERIODS has forgotten TA-Lib's seed to below the tolerance


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("name", WINDOWED)
def test_windowed_indicator_equals_talib_in_every_row(name: str, period: int) -> None:
    candles = walk(ROWS)
    ours, theirs = (function(candles, period) for function in WINDOWED[name])
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=2e-5 if name not in {"sma", "true_range"} else 0)
    assert np.isfinite(ours).sum() == ROWS - (1 if name == "true_range" else period - 1)


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("name", RECURSIVE)
def test_recursive_indicator_equals_talib_once_the_seed_has_faded(name: str, period: int) -> None:
    candles = walk(ROWS)
    function, oracle, rows = RECURSIVE[name]
    ours, theirs = function(candles, period), oracle(candles, period)
    tolerance = RSI_TOLERANCE if name == "rsi" else 2 * ind.TAIL_WEIGHT * float(np.ptp(candles.close))
    np.testing.assert_allclose(ours[SEED_FADES:], theirs[SEED_FADES:], atol=tolerance, rtol=0)
    assert np.isnan(ours[: rows(period) - 1]).all()
    assert np.isfinite(ours[rows(period) - 1 :]).all()


def test_wilder_average_equals_its_recursion_to_the_stated_tail() -> None:
    values = walk(ROWS).close
    recursive = values.copy()
    for row in range(1, ROWS):
        recursive[row] = recursive[row - 1] + (values[row] - recursive[row - 1]) / 14
    np.testing.assert_allclose(
        ind.rma(values, 14)[SEED_FADES:], recursive[SEED_FADES:], atol=ind.TAIL_WEIGHT * float(np.ptp(values))
    )


def test_donchian_channel_excludes_the_row_itself() -> None:
    candles = walk(300)
    upper, lower = ind.donchian(candles.high, candles.low, 20)
    assert np.isnan(upper[:20]).all()
    for row in (20, 150, 299):
        assert upper[row] == candles.high[row - 20 : row].max()
        assert lower[row] == candles.low[row - 20 : row].min()


def test_keltner_lines_lie_a_multiple_of_the_atr_around_the_average() -> None:
    candles = walk(600)
    lower, middle, upper = ind.keltner(candles.high, candles.low, candles.close, 20, 1.5)
    width = 1.5 * ind.atr(candles.high, candles.low, candles.close, 20)
    np.testing.assert_array_equal(upper, middle + width)
    np.testing.assert_array_equal(lower, middle - width)
    np.testing.assert_array_equal(middle, ind.ema(candles.close, 20))


ALL: dict[str, tuple[Indicator, Callable[[int], int]]] = {
    "sma": (lambda c, n: ind.sma(c.close, n), lambda n: n),
    "ema": (lambda c, n: ind.ema(c.close, n), ind.ema_rows),
    "rma": (lambda c, n: ind.rma(c.close, n), ind.rma_rows),
    "rsi": (lambda c, n: ind.rsi(c.close, n), ind.rsi_rows),
    "atr": (lambda c, n: ind.atr(c.high, c.low, c.close, n), ind.atr_rows),
    "standard_deviation": (lambda c, n: ind.standard_deviation(c.close, n), lambda n: n),
    "rolling_max": (lambda c, n: ind.rolling_max(c.high, n), lambda n: n),
    "rolling_min": (lambda c, n: ind.rolling_min(c.low, n), lambda n: n),
    "donchian upper": (lambda c, n: ind.donchian(c.high, c.low, n)[0], lambda n: n + 1),
    "bollinger lower": (lambda c, n: ind.bollinger(c.close, n, 2.0)[0], lambda n: n),
    "keltner upper": (lambda c, n: ind.keltner(c.high, c.low, c.close, n, 2.0)[2], ind.atr_rows),
}


@pytest.mark.parametrize("period", [3, 14, 20])
@pytest.mark.parametrize("name", ALL)
def test_value_is_the_same_to_the_bit_on_its_window_alone(name: str, period: int) -> None:
    function, rows_of = ALL[name]
    candles, rows = candles_of(SAMPLE_NAMES[0]), rows_of(period)
    whole = function(candles, period)
    for row in range(rows - 1, len(candles), 17):
        assert function(candles.rows(row + 1 - rows, row + 1), period)[-1] == whole[row]


@pytest.mark.parametrize("name", ALL)
def test_value_needs_every_row_of_its_window(name: str) -> None:
    function, rows_of = ALL[name]
    window = walk(rows_of(14))
    assert np.isfinite(function(window, 14)[-1])
    assert np.isnan(function(window.last(len(window) - 1), 14)[-1])


def test_a_market_that_stands_still_has_no_noise() -> None:
    still = np.full(400, 46319.7)
    assert (ind.sma(still, 30)[29:] == 46319.7).all()
    assert (ind.ema(still, 20)[ind.ema_rows(20) - 1 :] == 46319.7).all()
    assert (ind.standard_deviation(still, 20)[19:] == 0.0).all()
    assert (ind.atr(still, still, still, 14)[ind.atr_rows(14) - 1 :] == 0.0).all()
    assert (ind.rsi(still, 14)[ind.rsi_rows(14) - 1 :] == 50.0).all()


def test_crossings_are_the_row_after_touching_and_never_in_the_warm_up() -> None:
    first = np.array([np.nan, 1.0, 2.0, 2.0, 3.0, 1.0, 1.0])
    assert ind.crossover(first, 2.0).tolist() == [False, False, False, False, True, False, False]
    assert ind.crossunder(first, 2.0).tolist() == [False, False, False, False, False, True, False]
    assert ind.crossover(first, first + 1).tolist() == [False] * 7


def test_a_window_below_one_row_is_refused() -> None:
    for function in (ind.sma, ind.standard_deviation, ind.rolling_max):
        with pytest.raises(ValueError, match="at least one row"):
            function(np.ones(3), 0)


def test_empty_columns_give_empty_columns() -> None:
    assert len(ind.rsi(np.empty(0), 14)) == 0
    assert len(ind.standard_deviation(np.empty(0), 14)) == 0
