"""Several timeframes of one market: candles of a higher timeframe, made of the strategy's own candles.

A higher candle counts once it has closed, and never before. At a row whose candle closes at 10:05, the newest hour is that of
9:00. So no value of a row changes afterwards (repaint), and a backtest sees the same as a live run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, overload

import numpy as np

from candlecast.domain.values.timeframe import Timeframe, TimeframeError
from candlecast.strategy.candles import Candles, Flags, Floats, Integers
from candlecast.strategy.errors import StrategyError


@dataclass(frozen=True, slots=True, eq=False)
class HigherCandles(Candles):
    """Closed candles of a higher timeframe. Indicators take their columns as those of any candles.

    `newest` is, for each base row, the position of the newest candle that has closed with or before that row; -1 is none. A last
    candle that is still open is not among the candles. Neither is a first candle that began before the base rows. A candle
    without any base row does not exist.
    """

    newest: Integers

    @overload
    def to_base(self, column: Floats) -> Floats: ...
    @overload
    def to_base(self, column: Flags) -> Flags: ...
    def to_base(self, column: Floats | Flags) -> Floats | Flags:
        """Bring a column of these candles to the base rows: at each row the value of the newest closed candle.

        NaN, or False for flags, where there is none. Raises `StrategyError` CANDLES_MALFORMED for a column of another length.
        A flag stays up until the next candle closes; combine it with `just_closed` to act once.
        """
        if len(column) != len(self):
            raise StrategyError("CANDLES_MALFORMED", f"a column of {len(self)} higher candles has {len(column)} rows")
        padded = np.empty(len(column) + 1, dtype=column.dtype)
        padded[:-1], padded[-1] = column, False if column.dtype == np.bool_ else np.nan
        return cast(Floats, padded[self.newest])  # position -1 is the last, which no candle has

    @property
    def just_closed(self) -> Flags:
        """Base rows at which `newest` is another candle than one row before. False in the first row, which has none before."""
        flags = np.zeros(len(self.newest), dtype=np.bool_)
        flags[1:] = self.newest[1:] != self.newest[:-1]
        return flags


@dataclass(frozen=True, slots=True)
class HigherTimeframe:
    """A timeframe above that of the strategy's candles, which is `base`. Both are names such as `1h`.

    Candles of both begin at the same boundaries in UTC, so the higher one must be a whole multiple of `base`. Raises
    `StrategyError` TIMEFRAME_UNKNOWN or TIMEFRAME_NOT_A_MULTIPLE.
    """

    timeframe: str
    base: str

    def __post_init__(self) -> None:
        if self.ratio < 2 or not self._base.divides(self._timeframe):
            raise StrategyError("TIMEFRAME_NOT_A_MULTIPLE", f"{self.timeframe} is no multiple of {self.base}")

    @property
    def ratio(self) -> int:
        """Base rows of one higher candle."""
        return self._timeframe.minutes // self._base.minutes

    def rows(self, count: int) -> int:
        """Base rows that bring `count` closed higher candles, wherever in a higher candle the newest base row stands.

        The open candle may have all of its base rows but one. A market with gaps brings more candles, never fewer.
        """
        return (count + 1) * self.ratio - 1

    def candles(self, base: Candles) -> HigherCandles:
        """The higher candles that have closed by the close of the last base row.

        Prices are exact; a volume is the sum of its base rows. Raises `StrategyError` TIMEFRAME_MISMATCH if these are not candles
        of the timeframe `base`. Then a time is no boundary, or no row follows another without a gap.
        """
        self._require_base(base.time)
        length = self._timeframe.milliseconds
        number = base.time // length
        first = np.flatnonzero(np.diff(number, prepend=number[:1] - 1))
        last = np.flatnonzero(np.diff(number, append=number[-1:] + 1))
        opened = number[first] * length
        closed_by = base.time + self._base.milliseconds
        is_whole = opened + length <= closed_by[-1:]
        is_whole[:1] &= base.time[:1] == opened[:1]
        newest = np.searchsorted(opened[is_whole] + length, closed_by, side="right") - 1
        newest.setflags(write=False)
        return HigherCandles(
            time=opened[is_whole],
            open=base.open[first][is_whole],
            high=np.maximum.reduceat(base.high, first)[is_whole],
            low=np.minimum.reduceat(base.low, first)[is_whole],
            close=base.close[last][is_whole],
            volume=np.add.reduceat(base.volume, first)[is_whole],
            newest=newest,
        )

    @property
    def _timeframe(self) -> Timeframe:
        return _parsed(self.timeframe)

    @property
    def _base(self) -> Timeframe:
        return _parsed(self.base)

    def _require_base(self, time: Integers) -> None:
        length = self._base.milliseconds
        if bool(np.any(time % length)) or (len(time) > 1 and int(np.min(np.diff(time))) != length):
            raise StrategyError("TIMEFRAME_MISMATCH", f"these are no candles of {self.base}")


def _parsed(name: str) -> Timeframe:
    try:
        return Timeframe.parse(name)
    except TimeframeError as unknown:
        raise StrategyError(unknown.code, unknown.message) from None
