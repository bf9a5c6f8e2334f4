"""Candles as read-only numpy columns: the whole input of a strategy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from candlecast.domain.market.candle import Candle
from candlecast.domain.values.timeframe import EPOCH
from candlecast.strategy.errors import StrategyError

type Floats = NDArray[np.float64]
type Flags = NDArray[np.bool_]
type Integers = NDArray[np.int64]

PRICE_COLUMNS = ("open", "high", "low", "close")
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """Closed candles of one market, ascending.

    `time` is the open in milliseconds since the epoch (int64, strictly ascending). Prices are quote per base and above zero;
    volume is zero or more. All are finite float64. The arrays can not be written to: a strategy that changes its input is a bug.
    Raises `StrategyError` CANDLES_MALFORMED.
    """

    time: Integers
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __post_init__(self) -> None:
        self._adopt("time", np.int64)
        for name in (*PRICE_COLUMNS, "volume"):
            self._adopt(name, np.float64)
        if len(self.time) > 1 and not bool(np.all(self.time[1:] > self.time[:-1])):
            raise StrategyError("CANDLES_MALFORMED", "times must be strictly ascending")
        for name in PRICE_COLUMNS:
            column = getattr(self, name)
            if not bool(np.all(np.isfinite(column) & (column > 0))):
                raise StrategyError("CANDLES_MALFORMED", f"{name} must be finite and above zero")
        if not bool(np.all(np.isfinite(self.volume) & (self.volume >= 0))):
            raise StrategyError("CANDLES_MALFORMED", "volume must be finite and not negative")

    @classmethod
    def from_candles(cls, candles: Sequence[Candle]) -> Candles:
        """The columns of domain candles; prices become float64 here, for indicators only."""
        return cls(
            time=np.array([(candle.open_time - EPOCH) // MILLISECOND for candle in candles], dtype=np.int64),
            open=np.array([float(candle.open) for candle in candles], dtype=np.float64),
            high=np.array([float(candle.high) for candle in candles], dtype=np.float64),
            low=np.array([float(candle.low) for candle in candles], dtype=np.float64),
            close=np.array([float(candle.close) for candle in candles], dtype=np.float64),
            volume=np.array([float(candle.volume) for candle in candles], dtype=np.float64),
        )

    def __len__(self) -> int:
        return len(self.time)

    def rows(self, start: int, stop: int) -> Candles:
        """Rows `start` (inclusive) to `stop` (exclusive), counted from the oldest."""
        part = object.__new__(Candles)  # rows of checked columns need no second check
        for name in ("time", *PRICE_COLUMNS, "volume"):
            object.__setattr__(part, name, getattr(self, name)[start:stop])
        return part

    def apart(self) -> Candles:
        """The same rows in memory of their own, where no row behind the last can be reached: `rows` gives a view of the whole."""
        part = object.__new__(Candles)
        for name in ("time", *PRICE_COLUMNS, "volume"):
            column = getattr(self, name).copy()
            column.setflags(write=False)
            object.__setattr__(part, name, column)
        return part

    def last(self, count: int) -> Candles:
        """The newest `count` rows, or all if there are fewer."""
        return self.rows(max(0, len(self) - count), len(self))

    def _adopt(self, name: str, dtype: type[np.generic]) -> None:
        """Keep a read-only view: a view of a locked array can not be unlocked again."""
        column = np.asarray(getattr(self, name))
        if column.ndim != 1 or len(column) != len(self.time):
            raise StrategyError("CANDLES_MALFORMED", f"{name} must be one column as long as time")
        if column.dtype != dtype:
            raise StrategyError("CANDLES_MALFORMED", f"{name} must be {dtype.__name__}, not {column.dtype}")
        if column.flags.writeable:
            column = column.copy()
            column.setflags(write=False)
        object.__setattr__(self, name, column.view())
