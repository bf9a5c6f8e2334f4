"""Strategies planted in tests: good, peeking, forgetful, broken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from candlecast.strategy import Candles, HigherTimeframe, Parameters, Side, Signals, Strategy, indicators, parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class NoParameters(Parameters):
    pass


class Scripted(Strategy[NoParameters]):
    """Answers with columns that the test sets."""

    name = "scripted"
    description = "Answers what a test wants."
    answer: object = None

    def rows_needed(self) -> int:
        return 1

    def signals(self, candles: Candles) -> Signals:
        return self.answer  # type: ignore[return-value]


class TomorrowsClose(Strategy[NoParameters]):
    """Buys what rises in the next row: the classic `shift(-1)`."""

    name = "tomorrows_close"
    description = "Peeks one row ahead."

    def rows_needed(self) -> int:
        return 2

    def signals(self, candles: Candles) -> Signals:
        rises = np.zeros(len(candles), dtype=np.bool_)
        rises[:-1] = candles.close[1:] > candles.close[:-1]
        return Signals.from_conditions(long=rises, short=~rises)


class WholeMean(Strategy[NoParameters]):
    """Compares with the mean of all data: a peek that shows in few rows."""

    name = "whole_mean"
    description = "Normalises with the whole history."

    def rows_needed(self) -> int:
        return 2

    def signals(self, candles: Candles) -> Signals:
        mean = np.full(len(candles), candles.close.mean())
        return Signals.from_conditions(
            long=indicators.crossed_above(candles.close, mean), short=indicators.crossed_below(candles.close, mean)
        )


class PeekingStop(Strategy[NoParameters]):
    """Decides honestly, but puts its stop below the lowest low to come."""

    name = "peeking_stop"
    description = "Peeks for its stop only."

    def rows_needed(self) -> int:
        return 30

    def signals(self, candles: Candles) -> Signals:
        average = indicators.sma(candles.close, 20)
        lowest_to_come = np.minimum.accumulate(candles.low[::-1])[::-1] - 1.0
        nothing = np.zeros(len(candles), dtype=np.bool_)
        return Signals.from_conditions(
            long=indicators.crossed_above(candles.close, average), short=nothing, stop_loss=lowest_to_come
        )


class OpenHour(Strategy[NoParameters]):
    """Compares with the close of the hour that is still open: the classic repaint."""

    name = "open_hour"
    description = "Knows how the hour ends."

    def rows_needed(self) -> int:
        return 130

    def signals(self, candles: Candles) -> Signals:
        hour = candles.time // 3_600_000
        last = np.flatnonzero(np.diff(hour, append=hour[-1] + 1))
        close_of_hour = candles.close[last][np.searchsorted(last, np.arange(len(candles)))]
        return Signals.from_conditions(long=candles.close < close_of_hour, short=candles.close > close_of_hour)


class ClosedHours(Strategy[NoParameters]):
    """Compares with the mean of three closed hours, and leaves with the close of an hour against it."""

    name = "closed_hours"
    description = "Looks at closed hours alone."
    hours = HigherTimeframe("1h", base="1m")

    def rows_needed(self) -> int:
        return self.hours.rows(3)

    def signals(self, candles: Candles) -> Signals:
        hours = self.hours.candles(candles)
        mean = hours.to_base(indicators.sma(hours.close, 3))
        falls = hours.to_base(hours.close < indicators.shift(hours.close, 1))
        return Signals.from_conditions(
            long=candles.close > mean,
            short=candles.close < mean,
            exit_long=falls & hours.just_closed,
            metadata={"mean": mean, "volume": hours.to_base(hours.volume)},
        )


class TooFewClosedHours(Strategy[NoParameters]):
    """Forgets the rows of the hour that is still open."""

    name = "too_few_closed_hours"
    description = "Looks at closed hours alone."

    def rows_needed(self) -> int:
        return 3 * ClosedHours.hours.ratio

    def signals(self, candles: Candles) -> Signals:
        return ClosedHours(self.parameters).signals(candles)


class RunningSum(Strategy[NoParameters]):
    """Depends on all rows since the first: right in a backtest, another strategy live."""

    name = "running_sum"
    description = "Needs more rows than it says."

    def rows_needed(self) -> int:
        return 20

    def signals(self, candles: Candles) -> Signals:
        mean = np.cumsum(candles.close) / np.arange(1, len(candles) + 1)
        return Signals.from_conditions(
            long=indicators.crossed_above(candles.close, mean), short=indicators.crossed_below(candles.close, mean)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LongParameters(Parameters):
    rows: int = parameter(500, minimum=1, maximum=5000, description="Rows that it needs")
    share: float = parameter(0.5, minimum=0.0, maximum=1.0, description="A share")
    mode: str = parameter("fast", choices=("fast", "slow"), description="A choice")
    enabled: bool = parameter(True, description="A switch")


class Far(Strategy[LongParameters]):
    name = "far"
    description = "Looks far back."

    def rows_needed(self) -> int:
        return self.parameters.rows

    def signals(self, candles: Candles) -> Signals:
        return Signals(side=np.full(len(candles), Side.HOLD, dtype=np.int8))
