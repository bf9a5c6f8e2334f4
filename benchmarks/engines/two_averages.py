"""A strategy file: two simple moving averages and nothing else, as other engines are measured."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.strategy import Candles, Parameters, Signals, Strategy, indicators, parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoAveragesParameters(Parameters):
    fast_period: int = parameter(10, minimum=2, maximum=200, description="Rows of the fast average")
    slow_period: int = parameter(30, minimum=3, maximum=400, description="Rows of the slow average")


class TwoAverages(Strategy[TwoAveragesParameters]):
    name = "two_averages"
    description = "Turns with the crossing of two simple moving averages."

    def rows_needed(self) -> int:
        return self.parameters.slow_period + 1

    def signals(self, candles: Candles) -> Signals:
        fast = indicators.sma(candles.close, self.parameters.fast_period)
        slow = indicators.sma(candles.close, self.parameters.slow_period)
        return Signals.from_conditions(long=indicators.crossed_above(fast, slow), short=indicators.crossed_below(fast, slow))
