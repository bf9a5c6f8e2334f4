"""Every indicator as a function of candles and one period, with the rows that its value depends on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from candlecast.strategy import Candles, Floats
from candlecast.strategy import indicators as ind


@dataclass(frozen=True)
class Case:
    """Columns of one indicator. `rows(period)` is the most that any of the columns depends on."""

    columns: Callable[[Candles, int], tuple[Floats, ...]]
    rows: Callable[[int], int]
    ends_with_nan: bool = True  # on one row less than `rows` the newest value is NaN


def own_rows(period: int) -> int:
    return period


CASES: dict[str, Case] = {
    "sma": Case(lambda c, n: (ind.sma(c.close, n),), own_rows),
    "ema": Case(lambda c, n: (ind.ema(c.close, n),), ind.ema_rows),
    "rma": Case(lambda c, n: (ind.rma(c.close, n),), ind.rma_rows),
    "wma": Case(lambda c, n: (ind.wma(c.close, n),), own_rows),
    "hma": Case(lambda c, n: (ind.hma(c.close, n),), ind.hma_rows),
    "dema": Case(lambda c, n: (ind.dema(c.close, n),), ind.dema_rows),
    "tema": Case(lambda c, n: (ind.tema(c.close, n),), ind.tema_rows),
    "rsi": Case(lambda c, n: (ind.rsi(c.close, n),), ind.rsi_rows),
    "macd": Case(lambda c, n: ind.macd(c.close, n // 2, n, n), lambda n: ind.macd_rows(n, n)),
    "roc": Case(lambda c, n: (ind.roc(c.close, n),), ind.roc_rows),
    "momentum": Case(lambda c, n: (ind.momentum(c.close, n),), ind.momentum_rows),
    "stochastic": Case(lambda c, n: ind.stochastic(c.high, c.low, c.close, n, 3, 2), lambda n: ind.stochastic_rows(n, 3, 2)),
    "stochastic_rsi": Case(lambda c, n: ind.stochastic_rsi(c.close, n, n, 3, 2), lambda n: ind.stochastic_rsi_rows(n, n, 3, 2)),
    "williams_r": Case(lambda c, n: (ind.williams_r(c.high, c.low, c.close, n),), own_rows),
    "cci": Case(lambda c, n: (ind.cci(c.high, c.low, c.close, n),), own_rows),
    "typical_price": Case(lambda c, _: (ind.typical_price(c.high, c.low, c.close),), lambda _: 1, ends_with_nan=False),
    "true_range": Case(lambda c, _: (ind.true_range(c.high, c.low, c.close),), lambda _: 2),
    "atr": Case(lambda c, n: (ind.atr(c.high, c.low, c.close, n),), ind.atr_rows),
    "natr": Case(lambda c, n: (ind.natr(c.high, c.low, c.close, n),), ind.natr_rows),
    "donchian": Case(lambda c, n: ind.donchian(c.high, c.low, n), ind.donchian_rows),
    "bollinger": Case(lambda c, n: ind.bollinger(c.close, n, 2.0), own_rows),
    "keltner": Case(lambda c, n: ind.keltner(c.high, c.low, c.close, n, 2.0), ind.keltner_rows),
    "choppiness": Case(lambda c, n: (ind.choppiness(c.high, c.low, c.close, n),), ind.choppiness_rows),
    "standard_deviation": Case(lambda c, n: (ind.standard_deviation(c.close, n),), own_rows),
    "zscore": Case(lambda c, n: (ind.zscore(c.close, n),), own_rows),
    "correlation": Case(lambda c, n: (ind.correlation(c.close, c.volume, n),), own_rows),
    "linear_regression": Case(lambda c, n: ind.linear_regression(c.close, n), own_rows),
    "percentile_rank": Case(lambda c, n: (ind.percentile_rank(c.close, n),), ind.percentile_rank_rows),
    "adx": Case(lambda c, n: ind.adx(c.high, c.low, c.close, n), ind.adx_rows),
    "aroon": Case(lambda c, n: ind.aroon(c.high, c.low, n), ind.aroon_rows),
    "ichimoku": Case(lambda c, n: ind.ichimoku(c.high, c.low, 2, n // 2, n, n), lambda n: ind.ichimoku_rows(n, n)),
    "heikin_ashi": Case(lambda c, _: ind.heikin_ashi(c.open, c.high, c.low, c.close)[:3], lambda _: ind.heikin_ashi_rows()),
    "supertrend": Case(
        lambda c, n: ind.supertrend(c.high, c.low, c.close, n, 1.5, 3 * n), lambda n: ind.supertrend_rows(n, 3 * n)
    ),
    "parabolic_sar": Case(
        lambda c, n: (ind.parabolic_sar(c.high, c.low, window=3 * n),), lambda n: ind.parabolic_sar_rows(3 * n)
    ),
    "obv": Case(lambda c, n: (ind.obv(c.close, c.volume, n),), ind.obv_rows),
    "mfi": Case(lambda c, n: (ind.mfi(c.high, c.low, c.close, c.volume, n),), ind.mfi_rows),
    "rolling_vwap": Case(lambda c, n: (ind.rolling_vwap(c.high, c.low, c.close, c.volume, n),), own_rows),
    "vwap": Case(
        lambda c, _: (ind.vwap(c.time, c.high, c.low, c.close, c.volume, "1h"),),
        lambda _: ind.vwap_rows("1m", "1h"),
        ends_with_nan=False,  # a session that begins within fewer rows is whole
    ),
    "rolling_sum": Case(lambda c, n: (ind.rolling_sum(c.close, n),), own_rows),
    "rolling_max": Case(lambda c, n: (ind.rolling_max(c.high, n),), own_rows),
    "rolling_min": Case(lambda c, n: (ind.rolling_min(c.low, n),), own_rows),
    "highest_bars": Case(lambda c, n: (ind.highest_bars(c.high, n),), own_rows),
    "lowest_bars": Case(lambda c, n: (ind.lowest_bars(c.low, n),), own_rows),
    "shift": Case(lambda c, n: (ind.shift(c.close, n),), lambda n: n + 1),
    "crossed_above": Case(
        lambda c, n: (ind.crossed_above(c.close, ind.sma(c.close, n)).astype(np.float64),), lambda n: n + 1, ends_with_nan=False
    ),
    "crossed_below": Case(
        lambda c, n: (ind.crossed_below(c.close, ind.sma(c.close, n)).astype(np.float64),), lambda n: n + 1, ends_with_nan=False
    ),
}
