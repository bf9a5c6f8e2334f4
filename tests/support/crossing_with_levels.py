"""A strategy file: the two averages of `sma_cross` with a stop and a target measured from the price of the fill.

Other engines measure from the fill. At a next open no live strategy can: this file looks one row ahead, for comparisons alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from candlecast.strategy import Candles, Floats, Parameters, Signals, Strategy, Target, indicators, parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossingParameters(Parameters):
    fast_period: int = parameter(10, minimum=2, maximum=200, description="Rows of the fast average")
    slow_period: int = parameter(30, minimum=3, maximum=400, description="Rows of the slow average")
    stop: float = parameter(0.01, minimum=0.0001, maximum=0.5, description="Distance of the stop as a share of the fill's price")
    target: float = parameter(0.02, minimum=0.0001, maximum=0.5, description="Distance of the target, likewise")
    fill: str = parameter("next_open", choices=("next_open", "close"), description="The price that the distances begin at")


class CrossingWithLevels(Strategy[CrossingParameters]):
    name = "crossing_with_levels"
    description = "Turns with the crossing of two averages, between a stop and a target."

    def rows_needed(self) -> int:
        return self.parameters.slow_period + 1

    def signals(self, candles: Candles) -> Signals:
        fast = indicators.sma(candles.close, self.parameters.fast_period)
        slow = indicators.sma(candles.close, self.parameters.slow_period)
        long, short = indicators.crossed_above(fast, slow), indicators.crossed_below(fast, slow)
        at_close = self.parameters.fill == "close"
        fill: Floats = candles.close if at_close else np.append(candles.open[1:], candles.close[-1])
        side = np.where(long, 1.0, -1.0)
        return Signals.from_conditions(
            long=long,
            short=short,
            price=fill,
            stop_loss=fill * (1 - side * self.parameters.stop),
            targets=(Target(fill * (1 + side * self.parameters.target)),),
        )
