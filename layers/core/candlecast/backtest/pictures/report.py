"""The input of every picture of a backtest, and the curves and tables that a page and a PNG share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from candlecast.backtest.candle_table import FileNotes
from candlecast.backtest.metrics import Metrics
from candlecast.domain.values.errors import InvalidValue
from candlecast.strategy import Candles, Floats
from candlecast.strategy.candles import Integers

MONTHS = 12
MOST_PARAMETERS = 100  # that are shown
LARGEST_SWEEP = 10_000  # cells of a heat map; more are no picture


@dataclass(frozen=True, slots=True, eq=False)
class ShownTrades:
    """Trades as columns of equal length in the order of their entries; the last may be open, with no exit.

    Raises `InvalidValue` on unequal lengths and on entries out of order.
    """

    side: NDArray[np.int8]  # 1 for long, -1 for short
    entry_time: Integers  # ms since the epoch
    exit_time: Integers  # ms since the epoch; at or behind the last candle for an open trade
    entry_price: Floats
    exit_price: Floats  # NaN for an open trade
    pnl: Floats  # after fees, in the quote asset; of an open trade up to the last close

    def __post_init__(self) -> None:
        if any(len(getattr(self, field.name)) != len(self.side) for field in fields(self)):
            raise InvalidValue("columns of trades must have equal lengths")
        if bool((self.entry_time[1:] < self.entry_time[:-1]).any()):
            raise InvalidValue("trades must be in the order of their entries")

    def __len__(self) -> int:
        return len(self.side)


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """One metric over two parameters, for a heat map. Raises `InvalidValue` on a shape that does not fit, and on infinity."""

    metric: str
    x_name: str
    x_values: tuple[float, ...]
    y_name: str
    y_values: tuple[float, ...]
    values: Floats  # a row for each of `y_values`; NaN for a combination that was not run
    tried: int  # all combinations with a value; a map may show a part of them

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.y_values), len(self.x_values)):
            raise InvalidValue("a sweep has a row for each y value and a column for each x value")
        if not 0 < self.values.size <= LARGEST_SWEEP:
            raise InvalidValue(f"a heat map has 1 to {LARGEST_SWEEP} cells")
        if bool(np.isinf(self.values).any()):
            raise InvalidValue("a value of a sweep must be finite, or NaN for a combination that was not run")


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """A finished backtest.

    Raises `InvalidValue` on an equity of another length, of none, or not finite, and on cash that is not finite and above zero.
    """

    strategy: str
    parameters: Mapping[str, object]
    candles: Candles
    cash: float
    equity: Floats  # at each candle's close, in the quote asset
    trades: ShownTrades
    metrics: Metrics
    notes: FileNotes | None = None
    sweep: Sweep | None = None
    remarks: tuple[str, ...] = ()  # notes of the run

    def __post_init__(self) -> None:
        if len(self.equity) != len(self.candles) or not len(self.equity):
            raise InvalidValue("an equity has a value for each candle, and one at least")
        if not bool(np.isfinite(self.equity).all()) or not 0 < self.cash < math.inf:
            raise InvalidValue("an equity must be finite, and the cash finite and above zero")

    @property
    def held(self) -> Floats:
        """The equity of buy-and-hold, without fees."""
        held: Floats = self.cash * (self.candles.close / self.candles.close[0])
        return held

    @property
    def fall(self) -> Floats:
        """The drawdown at each close, from 0 down to -1."""
        peak = np.maximum(np.maximum.accumulate(self.equity), self.cash)
        fall: Floats = np.maximum(self.equity / peak - 1, -1.0)
        return fall


@dataclass(frozen=True, slots=True, eq=False)
class Months:
    """Returns by month of UTC; NaN for a month without a candle, and after ruin."""

    years: tuple[int, ...]
    returns: Floats  # a row for each year, a column for each month
    totals: Floats  # of each year


def monthly_returns(time: Integers, equity: Floats, cash: float) -> Months:
    """The equity at the last candle of each month against the month before; the first month starts from the cash."""
    month = time.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)  # months since 1970
    ends = np.append(np.flatnonzero(np.diff(month)), len(month) - 1)
    first, last = int(month[0]) // MONTHS, int(month[-1]) // MONTHS
    years = tuple(range(1970 + first, 1970 + last + 1))
    returns = np.full(len(years) * MONTHS, np.nan)
    returns[month[ends] - first * MONTHS] = _returns(equity[ends], cash)
    year_ends = np.append(np.flatnonzero(np.diff(month // MONTHS)), len(month) - 1)
    totals = np.full(len(years), np.nan)
    totals[month[year_ends] // MONTHS - first] = _returns(equity[year_ends], cash)
    return Months(years, returns.reshape(len(years), MONTHS), totals)


def _returns(ends: Floats, cash: float) -> Floats:
    """Returns from one end to the next; NaN behind an end at or below zero."""
    before = np.concatenate(([cash], ends[:-1]))
    sound = np.minimum.accumulate(before) > 0
    returns: Floats = np.where(sound, ends / np.where(sound, before, 1.0) - 1, np.nan)
    return returns


def largest(values: Floats) -> float:
    """The largest size of the values, without those that are missing; zero for none."""
    found = np.abs(values[np.isfinite(values)])
    return float(found.max()) if len(found) else 0.0


def blocks(rows: int, most: int) -> Integers:
    """The first row of each block when `rows` are cut into at most `most` blocks of one length; the last may be shorter."""
    return np.arange(0, rows, -(-rows // most))


def merged(candles: Candles, begins: Integers) -> Candles:
    """One candle for each block: no high, low, first open or last close is lost."""
    ends = np.append(begins[1:], len(candles)) - 1
    return Candles(
        time=candles.time[begins],
        open=candles.open[begins],
        high=np.maximum.reduceat(candles.high, begins),
        low=np.minimum.reduceat(candles.low, begins),
        close=candles.close[ends],
        volume=np.add.reduceat(candles.volume, begins),
    )


def extremes(values: Floats, most: int) -> tuple[Integers, Floats]:
    """At most `most` points of a curve, with their rows: the lowest and the highest of each block in the order of their rows.

    The curve keeps its extremes, its first and its last value.
    """
    count = len(values)
    if count <= most:
        return np.arange(count), values
    begins = blocks(count, max(1, (most - 2) // 2))
    length = int(begins[1]) if len(begins) > 1 else count
    filled = np.concatenate((values, np.full(len(begins) * length - count, values[-1]))).reshape(len(begins), length)
    found = np.concatenate((begins + filled.argmin(axis=1), begins + filled.argmax(axis=1), [0, count - 1]))
    rows = np.unique(np.minimum(found, count - 1))
    return rows, values[rows]
