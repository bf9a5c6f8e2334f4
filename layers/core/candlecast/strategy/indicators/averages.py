"""Moving averages.

Exponential averages (EMA, Wilder's) are weighted means over `ema_rows`/`rma_rows` rows, the length at which the weight that is
cut off falls below `TAIL_WEIGHT`. The textbook recursion never forgets its seed, so its value depends on where the data begins.
An average of equal values is that value to the bit.
"""

from __future__ import annotations

import math

from candlecast.strategy.candles import Floats
from candlecast.strategy.indicators.windows import Columns, fold, require_period

TAIL_WEIGHT = 1e-6  # of a price range of some per cent that is far below every venue's tick


def ema_rows(period: int) -> int:
    """Rows that an EMA value depends on."""
    return rows_until_tail(1 - 2 / (period + 1))


def rma_rows(period: int) -> int:
    """Rows that a Wilder average depends on."""
    return rows_until_tail(1 - 1 / period)


def hma_rows(period: int) -> int:
    """Rows that a Hull average depends on."""
    return period + math.isqrt(period) - 1


def dema_rows(period: int) -> int:
    """Rows that a double exponential average depends on."""
    return 2 * ema_rows(period) - 1


def tema_rows(period: int) -> int:
    """Rows that a triple exponential average depends on."""
    return 3 * ema_rows(period) - 2


def sma(values: Floats, period: int) -> Floats:
    """Arithmetic mean of the last `period` rows."""
    return weighted_mean(values, period, 1.0)


def ema(values: Floats, period: int) -> Floats:
    """Exponential mean with alpha = 2 / (period + 1), over `ema_rows(period)` rows."""
    return weighted_mean(values, ema_rows(period), 1 - 2 / (period + 1))


def rma(values: Floats, period: int) -> Floats:
    """Wilder's average: exponential with alpha = 1 / period (Wilder 1978), over `rma_rows(period)` rows."""
    return weighted_mean(values, rma_rows(period), 1 - 1 / period)


def wma(values: Floats, period: int) -> Floats:
    """Mean of the last `period` rows with linear weights: `period` for this row, 1 for the oldest."""
    return linear_mean(values, period)[1]


def hma(values: Floats, period: int) -> Floats:
    """Hull's average (2005): WMA over the root of `period` of twice the WMA of half the period less the WMA of the whole period.

    Over `hma_rows(period)` rows. Half and root are rounded down, as Hull has them; others round the root.
    """
    require_period(period, 2)
    return wma(2 * wma(values, period // 2) - wma(values, period), math.isqrt(period))


def dema(values: Floats, period: int) -> Floats:
    """Double exponential average (Mulloy 1994): twice the EMA less the EMA of the EMA. Over `dema_rows(period)` rows."""
    once = ema(values, period)
    return once + (once - ema(once, period))


def tema(values: Floats, period: int) -> Floats:
    """Triple exponential average (Mulloy 1994): 3 EMA - 3 EMA(EMA) + EMA(EMA(EMA)). Over `tema_rows(period)` rows."""
    once = ema(values, period)
    twice = ema(once, period)
    return 3 * (once - twice) + ema(twice, period)


def weighted_mean(values: Floats, window: int, decay: float) -> Floats:
    """Mean of the last `window` rows with weight `decay ** age`."""

    def weight(rows: int) -> float:
        return rows if decay == 1 else (1 - decay**rows) / (1 - decay)

    def join(newer: Columns, newer_rows: int, older: Columns, older_rows: int) -> Columns:
        older_weight = decay**newer_rows * weight(older_rows)
        return (_mix(newer[0], older[0], older_weight / (weight(newer_rows) + older_weight)),)

    return fold((values,), window, join)[0]


def linear_mean(values: Floats, period: int) -> tuple[Floats, Floats]:
    """Plain and linearly weighted mean of the last `period` rows."""
    plain, linear = fold((values, values), period, _join_linear)
    return plain, linear


def rows_until_tail(decay: float) -> int:
    """The smallest number of rows after which the weights `decay ** age` that are left out sum to at most `TAIL_WEIGHT`."""
    return 1 if decay <= 0 else math.ceil(math.log(TAIL_WEIGHT) / math.log(decay))


def _join_linear(newer: Columns, newer_rows: int, older: Columns, older_rows: int) -> Columns:
    """In the joined block every weight of the newer block is greater by `older_rows`: a share of that block's plain mean."""
    raised = newer_rows * older_rows
    newer_weight = raised + newer_rows * (newer_rows + 1) / 2
    older_weight = older_rows * (older_rows + 1) / 2
    lifted = _mix(newer[1], newer[0], raised / newer_weight)
    plain = _mix(newer[0], older[0], older_rows / (newer_rows + older_rows))
    return plain, _mix(lifted, older[1], older_weight / (newer_weight + older_weight))


def _mix(first: Floats, second: Floats, share: float) -> Floats:
    """`share` of `second`, the rest of `first`; exactly the value that both have, if they are equal."""
    mixed = second - first
    mixed *= share
    mixed += first
    return mixed
