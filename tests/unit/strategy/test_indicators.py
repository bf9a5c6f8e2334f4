"""Indicators agree with TA-Lib, with plain definitions, and do not care where the array begins."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import talib

from candlecast.strategy import Candles, Floats
from candlecast.strategy import indicators as ind
from candlecast.strategy.indicators import windows
from tests.support.candle_rows import RECORDED_NAMES, SAMPLE_NAMES, candles_of, walk
from tests.support.indicator_cases import CASES

ROWS = 1500
MARKETS = (None, *SAMPLE_NAMES, *(pytest.param(name, marks=pytest.mark.slow) for name in RECORDED_NAMES))  # none: a walk
PERIODS = (2, 5, 14, 20, 21)
type Indicator = Callable[[Candles, int], Floats]

NOT_INDICATORS = {"TAIL_WEIGHT", "crossover", "crossunder"}


def middle_where_nothing_flowed(mfi: Floats, candles: Candles, period: int) -> Floats:
    """TA-Lib's index with 50 for the 0 of windows in which no row rises and none falls."""
    price = talib.TYPPRICE(candles.high, candles.low, candles.close)
    moves = np.abs(np.diff(price, prepend=np.nan)) > 1e-12 * price
    return np.where(ind.rolling_sum(moves * candles.volume, period) == 0, 50.0, mfi)


# Finite windows: exact by definition, so only rounding may differ.
WINDOWED: dict[str, tuple[Indicator, Indicator]] = {
    "sma": (lambda c, n: ind.sma(c.close, n), lambda c, n: talib.SMA(c.close, n)),
    "standard_deviation": (lambda c, n: ind.standard_deviation(c.close, n), lambda c, n: talib.STDDEV(c.close, n, 1.0)),
    "rolling_max": (lambda c, n: ind.rolling_max(c.high, n), lambda c, n: talib.MAX(c.high, n)),
    "rolling_min": (lambda c, n: ind.rolling_min(c.low, n), lambda c, n: talib.MIN(c.low, n)),
    "true_range": (lambda c, _: ind.true_range(c.high, c.low, c.close), lambda c, _: talib.TRANGE(c.high, c.low, c.close)),
    "wma": (lambda c, n: ind.wma(c.close, n), lambda c, n: talib.WMA(c.close, n)),
    "rolling_sum": (lambda c, n: ind.rolling_sum(c.close, n), lambda c, n: talib.SUM(c.close, n)),
    "momentum": (lambda c, n: ind.momentum(c.close, n), lambda c, n: talib.MOM(c.close, n)),
    "roc": (lambda c, n: ind.roc(c.close, n), lambda c, n: talib.ROC(c.close, n)),
    "typical_price": (
        lambda c, _: ind.typical_price(c.high, c.low, c.close),
        lambda c, _: talib.TYPPRICE(c.high, c.low, c.close),
    ),
    "williams_r": (
        lambda c, n: ind.williams_r(c.high, c.low, c.close, n),
        lambda c, n: talib.WILLR(c.high, c.low, c.close, n),
    ),
    "cci": (lambda c, n: ind.cci(c.high, c.low, c.close, n), lambda c, n: talib.CCI(c.high, c.low, c.close, n)),
    "stochastic %K": (
        lambda c, n: ind.stochastic(c.high, c.low, c.close, n, 3, 4)[0][LATE:],
        lambda c, n: talib.STOCH(c.high, c.low, c.close, n, slowk_period=3, slowd_period=4)[0][LATE:],
    ),
    "stochastic %D": (
        lambda c, n: ind.stochastic(c.high, c.low, c.close, n, 3, 4)[1],
        lambda c, n: talib.STOCH(c.high, c.low, c.close, n, slowk_period=3, slowd_period=4)[1],
    ),
    "aroon up": (lambda c, n: ind.aroon(c.high, c.low, n)[0], lambda c, n: talib.AROON(c.high, c.low, n)[1]),
    "aroon down": (lambda c, n: ind.aroon(c.high, c.low, n)[1], lambda c, n: talib.AROON(c.high, c.low, n)[0]),
    "linear_regression": (lambda c, n: ind.linear_regression(c.close, n)[0], lambda c, n: talib.LINEARREG(c.close, n)),
    "slope": (lambda c, n: ind.linear_regression(c.close, n)[1], lambda c, n: talib.LINEARREG_SLOPE(c.close, n)),
    "correlation": (lambda c, n: ind.correlation(c.close, c.volume, n), lambda c, n: talib.CORREL(c.close, c.volume, n)),
    "mfi": (
        lambda c, n: ind.mfi(c.high, c.low, c.close, c.volume, n),
        lambda c, n: middle_where_nothing_flowed(talib.MFI(c.high, c.low, c.close, c.volume, n), c, n),
    ),
    "obv": (
        lambda c, n: ind.obv(c.close, c.volume, n),
        lambda c, n: ind.momentum(talib.OBV(c.close, c.volume), n),
    ),
    "bollinger upper": (lambda c, n: ind.bollinger(c.close, n, 2.0)[2], lambda c, n: talib.BBANDS(c.close, n, 2.0, 2.0)[0]),
    "bollinger lower": (lambda c, n: ind.bollinger(c.close, n, 2.0)[0], lambda c, n: talib.BBANDS(c.close, n, 2.0, 2.0)[2]),
}
LATE = 40  # TA-Lib's %K begins as late as its %D.
# Recursions, compared after their seed has faded; ours cuts off TAIL_WEIGHT of the range.
RECURSIVE: dict[str, tuple[Indicator, Indicator, Callable[[int], int]]] = {
    "ema": (lambda c, n: ind.ema(c.close, n), lambda c, n: talib.EMA(c.close, n), ind.ema_rows),
    "atr": (lambda c, n: ind.atr(c.high, c.low, c.close, n), lambda c, n: talib.ATR(c.high, c.low, c.close, n), ind.atr_rows),
    "rsi": (lambda c, n: ind.rsi(c.close, n), lambda c, n: talib.RSI(c.close, n), ind.rsi_rows),
    "dema": (lambda c, n: ind.dema(c.close, n), lambda c, n: talib.DEMA(c.close, n), ind.dema_rows),
    "tema": (lambda c, n: ind.tema(c.close, n), lambda c, n: talib.TEMA(c.close, n), ind.tema_rows),
    "macd": (
        lambda c, n: ind.macd(c.close, n, 2 * n, n)[0],
        lambda c, n: talib.MACD(c.close, n, 2 * n, n)[0],
        lambda n: ind.ema_rows(2 * n),
    ),
    "macd signal": (
        lambda c, n: ind.macd(c.close, n, 2 * n, n)[1],
        lambda c, n: talib.MACD(c.close, n, 2 * n, n)[1],
        lambda n: ind.macd_rows(2 * n, n),
    ),
    "macd histogram": (
        lambda c, n: ind.macd(c.close, n, 2 * n, n)[2],
        lambda c, n: talib.MACD(c.close, n, 2 * n, n)[2],
        lambda n: ind.macd_rows(2 * n, n),
    ),
    "natr": (
        lambda c, n: ind.natr(c.high, c.low, c.close, n),
        lambda c, n: talib.NATR(c.high, c.low, c.close, n),
        ind.natr_rows,
    ),
    "adx": (lambda c, n: ind.adx(c.high, c.low, c.close, n)[0], lambda c, n: talib.ADX(c.high, c.low, c.close, n), ind.adx_rows),
    "+di": (
        lambda c, n: ind.adx(c.high, c.low, c.close, n)[1],
        lambda c, n: talib.PLUS_DI(c.high, c.low, c.close, n),
        ind.atr_rows,
    ),
    "-di": (
        lambda c, n: ind.adx(c.high, c.low, c.close, n)[2],
        lambda c, n: talib.MINUS_DI(c.high, c.low, c.close, n),
        ind.atr_rows,
    ),
}
# Of 100: the tail's weight, raised where the sum of gains and losses, or of both directions, is small. So it is with few rows.
PERCENT = {"rsi": 2e-3, "natr": 1e-5, "+di": 1e-3, "-di": 1e-3, "adx": 5e-3}
MANY = 80
# TA-Lib takes differences of running sums of squares, which loses digits; relative to the largest value.
ROUNDING = {
    "standard_deviation": 1e-5,
    "bollinger upper": 1e-7,
    "bollinger lower": 1e-7,
    "slope": 1e-7,
    "correlation": 1e-5,
    "cci": 1e-6,
}
SEED_FADES = 800  # rows after which the longest of PERIODS has forgotten TA-Lib's seed to below the tolerance


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("name", WINDOWED)
def test_windowed_indicator_equals_talib_in_every_row(name: str, period: int, market: str | None) -> None:
    candles = candles_of(market) if market else walk(ROWS)
    ours, theirs = (function(candles, period) for function in WINDOWED[name])
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=ROUNDING.get(name, 1e-9) * float(np.nanmax(np.abs(theirs))))


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("name", RECURSIVE)
def test_recursive_indicator_equals_talib_once_the_seed_has_faded(name: str, period: int, market: str | None) -> None:
    candles = candles_of(market) if market else walk(ROWS)
    function, oracle, rows = RECURSIVE[name]
    ours, theirs = function(candles, period), oracle(candles, period)
    tolerance = PERCENT.get(name, 4 * ind.TAIL_WEIGHT * float(np.ptp(candles.close))) * (20 if period == 2 else 1)
    faded = rows(period) + 3 * period  # TA-Lib's averages begin later than the rows that ours need
    assert len(candles) - faded > MANY
    np.testing.assert_allclose(ours[faded:], theirs[faded:], atol=tolerance, rtol=0)
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


@pytest.mark.parametrize("period", PERIODS)
def test_rows_since_an_extreme_equal_talib_where_no_rows_are_equal(period: int) -> None:
    candles, row = walk(ROWS), np.arange(ROWS)
    since_high, since_low = ind.highest_bars(candles.high, period), ind.lowest_bars(candles.low, period)
    np.testing.assert_array_equal((row - since_high)[period - 1 :], talib.MAXINDEX(candles.high, period)[period - 1 :])
    np.testing.assert_array_equal((row - since_low)[period - 1 :], talib.MININDEX(candles.low, period)[period - 1 :])


def test_rows_since_an_extreme_count_from_the_newest_of_equal_rows() -> None:
    values = np.array([3.0, 1.0, 3.0, 2.0, 1.0, 1.0, 0.0])
    assert ind.highest_bars(values, 4)[3:].tolist() == [1.0, 2.0, 3.0, 3.0]
    assert ind.lowest_bars(values, 4)[3:].tolist() == [2.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("period", PERIODS)
def test_stochastic_rsi_equals_talib_but_for_the_tail_of_the_rsi(period: int, market: str | None) -> None:
    candles = candles_of(market) if market else walk(ROWS)
    ours = ind.stochastic_rsi(candles.close, period, period, 1, 3)
    theirs = talib.STOCHRSI(candles.close, period, period, 3)
    strength, faded = ind.rsi(candles.close, period), ind.stochastic_rsi_rows(period, period, 1, 3) + 3 * period
    span = ind.rolling_max(strength, period) - ind.rolling_min(strength, period)
    wide = (ind.rolling_min(span, 3) > 1.0) & (np.arange(len(candles)) > faded)  # elsewhere the quotient of two tails is noise
    assert wide.sum() > MANY
    for mine, other in zip(ours, theirs, strict=True):
        assert (np.abs(mine - other)[wide] <= 200 * PERCENT["rsi"] / ind.rolling_min(span, 3)[wide]).all()


@pytest.mark.parametrize("period", PERIODS)
def test_choppiness_equals_its_definition(period: int) -> None:
    candles = walk(300)
    path = talib.SUM(talib.TRANGE(candles.high, candles.low, candles.close)[1:], period)
    span = talib.MAX(candles.high, period) - talib.MIN(candles.low, period)
    expected = 100 * np.log10(path / span[1:]) / np.log10(period)
    np.testing.assert_allclose(ind.choppiness(candles.high, candles.low, candles.close, period)[1:], expected, rtol=0, atol=1e-10)


def test_hull_average_equals_its_definition() -> None:
    close = walk(300).close
    expected = talib.WMA(2 * talib.WMA(close, 10) - talib.WMA(close, 20), 4)
    np.testing.assert_allclose(ind.hma(close, 20), expected, rtol=1e-9)


def test_zscore_equals_its_definition() -> None:
    close = walk(300).close
    expected = (close - talib.SMA(close, 20)) / talib.STDDEV(close, 20)
    np.testing.assert_allclose(ind.zscore(close, 20), expected, rtol=1e-6, atol=1e-6)


def test_percentile_rank_counts_rows_before_this_one() -> None:
    close = candles_of(SAMPLE_NAMES[0]).close
    rank = ind.percentile_rank(close, 50)
    for row in range(50, len(close), 7):
        assert rank[row] == 100 * sum(before <= close[row] for before in close[row - 50 : row]) / 50
    assert len({*rank[50:].tolist()}) > 20


def test_ichimoku_lines_are_middles_and_its_spans_come_from_rows_before() -> None:
    candles = walk(300)
    conversion, base, span_a, span_b = ind.ichimoku(candles.high, candles.low, 9, 26, 52, 26)

    def middle(row: int, period: int) -> float:
        window = candles.rows(row + 1 - period, row + 1)
        return float((window.high.max() + window.low.min()) / 2)

    for row in (77, 200, 299):
        assert conversion[row] == middle(row, 9)
        assert base[row] == middle(row, 26)
        assert span_a[row] == (middle(row - 26, 9) + middle(row - 26, 26)) / 2
        assert span_b[row] == middle(row - 26, 52)


@pytest.mark.parametrize("market", SAMPLE_NAMES)
def test_heikin_ashi_equals_its_recursion_to_the_stated_tail(market: str) -> None:
    candles = candles_of(market)
    opened, high, low, close = ind.heikin_ashi(candles.open, candles.high, candles.low, candles.close)
    recursive = (candles.open + candles.close) / 2
    for row in range(1, len(candles)):
        recursive[row] = (recursive[row - 1] + close[row - 1]) / 2
    tolerance, first = 2 * ind.TAIL_WEIGHT * float(np.ptp(candles.close)), 2 * ind.heikin_ashi_rows()
    np.testing.assert_allclose(opened[first:], recursive[first:], atol=tolerance, rtol=0)
    np.testing.assert_array_equal(close, (candles.open + candles.high + candles.low + candles.close) / 4)
    np.testing.assert_array_equal(high[first:], np.maximum(np.maximum(opened, close), candles.high)[first:])
    np.testing.assert_array_equal(low[first:], np.minimum(np.minimum(opened, close), candles.low)[first:])


def test_rolling_vwap_weighs_prices_by_volume() -> None:
    candles = walk(100)
    price = (candles.high + candles.low + candles.close) / 3
    value = ind.rolling_vwap(candles.high, candles.low, candles.close, candles.volume, 30)
    for row in (29, 60, 99):
        expected = np.average(price[row - 29 : row + 1], weights=candles.volume[row - 29 : row + 1])
        assert value[row] == pytest.approx(expected, rel=1e-12)


def test_session_vwap_begins_anew_with_each_session_and_is_unknown_in_one_that_began_before() -> None:
    candles = walk(200).rows(30, 200)  # minutes 30 to 199 after midnight
    price = (candles.high + candles.low + candles.close) / 3
    value = ind.vwap(candles.time, candles.high, candles.low, candles.close, candles.volume, "1h")
    assert np.isnan(value[:30]).all()
    for row in (30, 31, 60, 89, 90, 149, 150, 169):
        start = 30 + (row - 30) // 60 * 60
        expected = np.average(price[start : row + 1], weights=candles.volume[start : row + 1])
        assert value[row] == pytest.approx(expected, rel=1e-12)


def test_vwap_without_volume_is_no_price() -> None:
    candles = walk(30)
    nothing = np.zeros(30)
    assert np.isnan(ind.rolling_vwap(candles.high, candles.low, candles.close, nothing, 5)).all()
    assert np.isnan(ind.vwap(candles.time, candles.high, candles.low, candles.close, nothing, "1h")).all()


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


@pytest.mark.parametrize("name", ind.__all__)
def test_every_public_indicator_is_held_to_its_window(name: str) -> None:
    assert name in CASES or name in NOT_INDICATORS or (name.endswith("_rows") and name.removesuffix("_rows") in CASES)


@pytest.mark.parametrize("period", [3, 14, 20])
@pytest.mark.parametrize("name", CASES)
def test_value_is_the_same_to_the_bit_on_its_window_alone(name: str, period: int) -> None:
    case, candles = CASES[name], candles_of(SAMPLE_NAMES[0])
    rows, whole = case.rows(period), case.columns(candles, period)
    for row in range(rows - 1, len(candles), 17):
        alone = case.columns(candles.rows(row + 1 - rows, row + 1), period)
        assert [column[-1] for column in alone] == [column[row] for column in whole]


@pytest.mark.parametrize("name", CASES)
def test_value_is_the_same_to_the_bit_wherever_a_portion_of_the_column_ends(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    candles = candles_of(SAMPLE_NAMES[0])
    at_once = CASES[name].columns(candles, 14)
    monkeypatch.setattr(windows, "PORTION_ROWS", 37)
    for column, in_portions in zip(at_once, CASES[name].columns(candles, 14), strict=True):
        assert column.tobytes() == in_portions.tobytes()


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.ends_with_nan])
def test_value_needs_every_row_of_its_window(name: str) -> None:
    case = CASES[name]
    window = walk(case.rows(14))
    assert all(np.isfinite(column[-1]) for column in case.columns(window, 14))
    assert any(np.isnan(column[-1]) for column in case.columns(window.last(len(window) - 1), 14))


def test_a_market_that_stands_still_has_no_noise() -> None:
    still = np.full(400, 46319.7)
    assert (ind.sma(still, 30)[29:] == 46319.7).all()
    assert (ind.ema(still, 20)[ind.ema_rows(20) - 1 :] == 46319.7).all()
    assert (ind.standard_deviation(still, 20)[19:] == 0.0).all()
    assert (ind.atr(still, still, still, 14)[ind.atr_rows(14) - 1 :] == 0.0).all()
    assert (ind.rsi(still, 14)[ind.rsi_rows(14) - 1 :] == 50.0).all()
    assert (ind.wma(still, 21)[20:] == 46319.7).all()
    assert (ind.hma(still, 21)[ind.hma_rows(21) - 1 :] == 46319.7).all()
    assert (ind.tema(still, 9)[ind.tema_rows(9) - 1 :] == 46319.7).all()
    assert (ind.macd(still, 12, 26, 9)[1][ind.macd_rows(26, 9) - 1 :] == 0.0).all()
    assert (ind.linear_regression(still, 21)[1][20:] == 0.0).all()
    assert (ind.zscore(still, 21)[20:] == 0.0).all()
    assert (ind.correlation(still, np.arange(400.0), 21)[20:] == 0.0).all()
    assert (ind.adx(still, still, still, 7)[0][ind.adx_rows(7) - 1 :] == 0.0).all()
    assert (ind.stochastic(still, still, still, 14, 3, 3)[1][17:] == 50.0).all()
    assert (ind.williams_r(still, still, still, 14)[13:] == -50.0).all()
    assert (ind.cci(still, still, still, 14)[13:] == 0.0).all()
    assert (ind.choppiness(still, still, still, 14)[14:] == 100.0).all()
    assert (ind.mfi(still, still, still, still, 14)[14:] == 50.0).all()
    assert (ind.supertrend(still, still, still, 7, 3.0, 20)[1][ind.supertrend_rows(7, 20) - 1 :] == -1.0).all()


@pytest.mark.parametrize(
    "function",
    [
        ind.sma,
        ind.wma,
        ind.rolling_sum,
        ind.rolling_max,
        ind.rolling_min,
        ind.highest_bars,
        ind.lowest_bars,
        ind.zscore,
        ind.percentile_rank,
        ind.standard_deviation,
        lambda values, period: ind.linear_regression(values, period)[0],
        lambda values, period: ind.correlation(values, np.arange(40.0), period),
    ],
)
def test_nan_in_a_window_gives_nan_and_is_forgotten_after_it(function: Callable[[Floats, int], Floats]) -> None:
    values = walk(40).close.copy()
    values[20] = np.nan
    found = function(values, 7)
    assert np.isnan(found[20:27]).all()
    assert np.isfinite(found[[19, 28]]).all()


def test_prices_that_differ_by_rounding_alone_are_equal() -> None:
    high, low = np.array([63503.7, 63502.9]), np.array([63471.6, 63477.4])
    close = np.array([63489.3, 63484.3])  # both typical prices are 63488.2
    assert len(set(ind.typical_price(high, low, close).tolist())) == 2
    assert ind.mfi(high, low, close, np.ones(2), 1)[-1] == 50.0
    assert ind.cci(high, low, close, 2)[-1] == 0.0


def test_straight_move_is_not_choppy() -> None:
    rising = np.arange(1.0, 101.0)
    assert (ind.choppiness(rising, rising - 1.0, rising, 14)[14:] < 1e-9).all()


def test_rate_of_change_from_zero_is_unknown() -> None:
    assert np.isnan(ind.roc(np.array([0.0, 1.0]), 1)).all()


def test_fast_period_of_a_macd_is_below_its_slow_period() -> None:
    with pytest.raises(ValueError, match="below slow_period"):
        ind.macd(np.ones(9), 26, 12, 9)


def test_value_of_a_later_row_is_refused() -> None:
    with pytest.raises(ValueError, match="look-ahead"):
        ind.shift(np.ones(3), -1)


def test_crossings_are_the_row_after_touching_and_never_in_the_warm_up() -> None:
    first = np.array([np.nan, 1.0, 2.0, 2.0, 3.0, 1.0, 1.0])
    assert ind.crossed_above(first, 2.0).tolist() == [False, False, False, False, True, False, False]
    assert ind.crossed_below(first, 2.0).tolist() == [False, False, False, False, False, True, False]
    assert ind.crossed_above(first, first + 1).tolist() == [False] * 7


def test_a_window_below_one_row_is_refused() -> None:
    for function in (ind.sma, ind.standard_deviation, ind.rolling_max):
        with pytest.raises(ValueError, match="at least one row"):
            function(np.ones(3), 0)


@pytest.mark.parametrize("rows", [0, 1, 2, 13])
@pytest.mark.parametrize("name", CASES)
def test_columns_are_as_long_as_the_candles(name: str, rows: int) -> None:
    assert {len(column) for column in CASES[name].columns(walk(300).rows(0, rows), 14)} == {rows}


@pytest.mark.parametrize("name", ["hma", "correlation", "linear_regression", "choppiness"])
def test_window_of_one_row_is_refused_where_it_has_no_meaning(name: str) -> None:
    with pytest.raises(ValueError, match="at least 2 rows"):
        CASES[name].columns(walk(30), 1)


def test_names_of_earlier_releases_go_on() -> None:
    assert (ind.crossover, ind.crossunder) == (ind.crossed_above, ind.crossed_below)
