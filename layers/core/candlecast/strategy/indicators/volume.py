"""Indicators of traded volume."""

from __future__ import annotations

import numpy as np

from candlecast.domain.values.timeframe import Timeframe
from candlecast.strategy.candles import Floats, Integers
from candlecast.strategy.indicators.oscillators import typical_price
from candlecast.strategy.indicators.windows import divide, rolling_sum, shift, without_rounding


def obv_rows(period: int) -> int:
    """Rows that a change of on-balance volume depends on: one more than its window, for the first previous close."""
    return period + 1


def mfi_rows(period: int) -> int:
    """Rows that a money flow index depends on: one more than its window, for the first previous price."""
    return period + 1


def vwap_rows(base: str, session: str = "1d") -> int:
    """Rows of the timeframe `base` that the VWAP of a session depends on: a whole session.

    So many rows begin with the session, or before it if the session has gaps. Either way they show the session's start.
    """
    return Timeframe.parse(session).minutes // Timeframe.parse(base).minutes


def obv(close: Floats, volume: Floats, period: int) -> Floats:
    """Change of Granville's on-balance volume over the last `period` rows: volume of rising less volume of falling rows.

    The textbook's sum has no beginning, so only its differences mean something. This is TA-Lib's OBV less TA-Lib's OBV `period`
    rows ago. Over `obv_rows(period)` rows.
    """
    return rolling_sum(np.sign(close - shift(close, 1)) * volume, period)


def mfi(high: Floats, low: Floats, close: Floats, volume: Floats, period: int) -> Floats:
    """Money flow index (Quong, Soudack 1989), 0 to 100: the share of rising rows in price times volume. Over `mfi_rows` rows.

    50 where nothing flowed, as in RSI; TA-Lib has 0 there, and wherever less than 1.0 has flowed.
    """
    price = typical_price(high, low, close)
    direction = np.sign(without_rounding(price - shift(price, 1), price))
    rising = rolling_sum(np.maximum(direction, 0.0) * price * volume, period)
    falling = rolling_sum(np.maximum(-direction, 0.0) * price * volume, period)
    return 100.0 * divide(rising, rising + falling, 0.5)


def rolling_vwap(high: Floats, low: Floats, close: Floats, volume: Floats, period: int) -> Floats:
    """Mean typical price of the last `period` rows, weighted by volume; NaN where nothing was traded."""
    traded = rolling_sum(volume, period)
    return divide(rolling_sum(typical_price(high, low, close) * volume, period), traded, np.nan)


def vwap(time: Integers, high: Floats, low: Floats, close: Floats, volume: Floats, session: str = "1d") -> Floats:
    """Mean typical price since the session's start, weighted by volume; NaN where nothing was traded.

    Sessions are candles of the timeframe `session`, from 00:00 UTC on. NaN in a session whose start the array does not show:
    the first, if its first row does not open with the session. Over `vwap_rows(base, session)` rows. Raises what
    `Timeframe.parse` raises.
    """
    length = Timeframe.parse(session).milliseconds
    number = time // length
    flow, traded = typical_price(high, low, close) * volume, volume.copy()
    reach = 1
    while reach < len(time) and bool(np.any(is_same := number[reach:] == number[:-reach])):
        # Each row holds the sum of up to `reach` rows of its session; the rows before those hold the rest.
        flow[reach:] += np.where(is_same, flow[:-reach], 0.0)
        traded[reach:] += np.where(is_same, traded[:-reach], 0.0)
        reach *= 2
    value = divide(flow, traded, np.nan)
    if len(time) and time[0] % length:
        value[number == number[0]] = np.nan
    return value
