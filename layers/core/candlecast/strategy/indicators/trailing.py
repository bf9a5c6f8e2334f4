"""Lines that trail the price and turn around when the price crosses them: SuperTrend and parabolic SAR.

The textbook starts such a line once, on the data's first row, and carries its state along for ever. Here the line of each row is
started anew, `window` rows back, and carried along to that row. So a value depends on a finite window.

**Where both lines are the same.** A state and the rows after it determine all later states. So two lines that were started on
different rows are the same from the first row on at which their states are equal. The bands of a SuperTrend are equal once the
close has passed both of each side, or a newer band is narrower than both. A SAR has forgotten its start after two turns. The
default windows suffice in all recorded markets at usual settings. A wide multiplier or a small acceleration needs a longer
`window`. In a trend that is older than the window the lines may differ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from candlecast.strategy.candles import Floats, Integers
from candlecast.strategy.indicators.volatility import atr, atr_rows
from candlecast.strategy.indicators.windows import require_period, rolling_max

SUPERTREND_WINDOW = 500  # rows; the recorded markets need less, for multipliers up to 5
SAR_WINDOW = 250  # rows; the recorded markets need less
SLAB = 1 << 15  # rows that are carried along together, so that they stay in the processor's cache

type State = tuple[Any, ...]  # columns of floats or flags
type Start = Callable[[Integers], State]
type Step = Callable[[State, Integers], State]


def supertrend_rows(period: int, window: int = SUPERTREND_WINDOW) -> int:
    """Rows that a SuperTrend depends on: its window, whose first row needs an ATR."""
    return atr_rows(period) + window - 1


def parabolic_sar_rows(window: int = SAR_WINDOW) -> int:
    """Rows that a parabolic SAR depends on."""
    return window


def supertrend(
    high: Floats, low: Floats, close: Floats, period: int, multiplier: float, window: int = SUPERTREND_WINDOW
) -> tuple[Floats, Floats]:
    """Seban's SuperTrend as TradingView has it: the line, and its direction: 1 below a rising price, -1 above a falling price.

    Bands lie `multiplier` ATRs of `period` rows around the middle of high and low. A band never widens until the close passes the
    band. Started `window` rows back, downwards; over `supertrend_rows(period, window)` rows.
    """
    require_period(window, 2)
    middle, width = (high + low) / 2, multiplier * atr(high, low, close, period)
    widest_upper, widest_lower = middle + width, middle - width

    def step(state: State, row: Integers) -> State:
        upper, lower, is_down = state
        before, now = close[row - 1], close[row]
        upper = np.where((widest_upper[row] < upper) | (before > upper), widest_upper[row], upper)
        lower = np.where((widest_lower[row] > lower) | (before < lower), widest_lower[row], lower)
        return upper, lower, np.where(is_down, now <= upper, now < lower)

    def start(row: Integers) -> State:
        return widest_upper[row], widest_lower[row], np.ones(len(row), dtype=np.bool_)

    upper, lower, is_down = _carry(start, step, window - 1, len(close), first=1)
    unknown = np.isnan(rolling_max(widest_upper, window))
    line = np.where(unknown, np.nan, np.where(is_down, upper, lower))
    return line, np.where(unknown, np.nan, np.where(is_down, -1.0, 1.0))


def parabolic_sar(
    high: Floats, low: Floats, acceleration: float = 0.02, maximum: float = 0.2, window: int = SAR_WINDOW
) -> Floats:
    """Wilder's parabolic stop and reverse (1978): below the low of a rising row, above the high of a falling row.

    The value at a row is the last value of TA-Lib's SAR on the last `window` rows. So the first direction is short if the second
    row of the window falls further below than it rises above the first row. Over `parabolic_sar_rows(window)` rows.
    """
    require_period(window, 2)
    if not 0 < acceleration <= maximum:
        raise ValueError("acceleration must be above zero and at most maximum")
    count = len(high)
    if count < window:
        return np.full(count, np.nan)

    def step(state: State, row: Integers) -> State:
        return _sar_step(state, (low[row - 1], high[row - 1]), (low[row], high[row]), acceleration, maximum)

    def start(row: Integers) -> State:
        # A line is started on two rows. TA-Lib takes the second of them for the row before as well.
        before = np.maximum(row - 1, 0)
        fall, rise = low[before] - low[row], high[row] - high[before]
        is_long = ~((fall > 0) & (fall > rise))
        sign = np.where(is_long, 1.0, -1.0)
        stop = np.where(is_long, low[before], high[before]) * sign
        extreme = np.where(is_long, high[row], low[row]) * sign
        newest = (low[row], high[row])
        return _sar_step((is_long, stop, extreme, np.full(len(row), acceleration), stop), newest, newest, acceleration, maximum)

    sar: Floats = _carry(start, step, window - 2, count, first=2)[-1]
    sar[: window - 1] = np.nan
    return sar


def _sar_step(
    state: State, before: tuple[Floats, Floats], now: tuple[Floats, Floats], acceleration: float, maximum: float
) -> State:
    """One row of a SAR. Prices of the state are negated while short, so that both directions are one: a stop below the price.

    The state is: is long, stop of this row, extreme of the trend, acceleration factor; and the SAR told in the row before.
    """
    is_long, stop, extreme, factor, _ = state
    sign = np.where(is_long, 1.0, -1.0)
    near_before, near_now = (np.where(is_long, low, -high) for low, high in (before, now))  # the side towards the stop
    far_before, far_now = (np.where(is_long, high, -low) for low, high in (before, now))
    turns = near_now <= stop
    reach = np.maximum(far_before, far_now)
    turned_stop = -np.maximum(extreme, reach)
    sar = sign * np.where(turns, -turned_stop, stop)
    is_further = far_now > extreme
    extreme = np.where(is_further, far_now, extreme)
    factor = np.where(is_further, np.minimum(factor + acceleration, maximum), factor)
    ahead = np.minimum(stop + factor * (extreme - stop), np.minimum(near_before, near_now))
    turned_ahead = np.minimum(turned_stop + acceleration * (-near_now - turned_stop), -reach)
    return (
        np.where(turns, ~is_long, is_long),
        np.where(turns, turned_ahead, ahead),
        np.where(turns, -near_now, extreme),
        np.where(turns, acceleration, factor),
        sar,
    )


def _carry(start: Start, step: Step, steps: int, rows: int, first: int) -> State:
    """Start a line on every row and carry each line `steps` rows along.

    `start` gives the states of lines that are started at rows. `step` takes states of the rows before, and the rows. Row `first`
    is the earliest row to which a state can be carried. The result holds at each row the state of the line that was started
    `steps` rows before. The first rows have no such line, so their result means nothing.
    """
    carried = tuple(np.empty(rows, dtype=column.dtype) for column in start(np.arange(0)))
    for begin in range(0, rows, SLAB):
        end, oldest = min(begin + SLAB, rows), max(0, begin - steps)
        slab = start(np.arange(oldest, end))
        _carry_slab(slab, step, steps, oldest, first)
        for column, part in zip(carried, slab, strict=True):
            column[begin:end] = part[begin - oldest :]
    return carried


def _carry_slab(state: State, step: Step, steps: int, oldest: int, first: int) -> None:
    """Carry the lines of the rows from `oldest` on, in place.

    After k steps a row holds the line that was started k rows before. Where step k changes nothing, the row after it has nothing
    new to carry on in step k + 1. So only the other rows are computed, and the result is that of computing all, to the bit.
    """
    row = np.arange(max(first - oldest, 1), len(state[0]))
    for _ in range(steps):
        if not len(row):
            return
        before = tuple(column[row] for column in state)
        after = step(tuple(column[row - 1] for column in state), row + oldest)
        has_changed = np.zeros(len(row), dtype=np.bool_)
        for column, old, new in zip(state, before, after, strict=True):
            column[row] = new
            has_changed |= old != new
        row = row[has_changed] + 1
        row = row[: np.searchsorted(row, len(state[0]))]
