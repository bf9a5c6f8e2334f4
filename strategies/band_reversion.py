"""Against the distance from a moving middle: one position at a time, the same on both sides.

Rule: lines lie every `spacing_atr` ATRs above and below the middle (an SMA). LONG when the close falls through a line below the
middle, SHORT when it rises through a line above the middle. The target is the next line towards the middle, and the stop lies
`stop_lines` lines behind the entry. Every position is left at the middle. Beyond the outermost line there are no entries: the
market is not in a range then. Longs and shorts are equally far from the middle, so that funding paid on one side is earned on the
other over time. A grid keeps an order on each line. Here there is one position at a time, entered at market, and nothing is
added to a loser. Source: Kaufman, "Trading Systems and Methods" (2013), on reversion to a moving average in bands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from candlecast.strategy import Candles, Parameters, Signals, Strategy, Target, indicators, levels, parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class BandReversionParameters(Parameters):
    middle_period: int = parameter(60, minimum=5, maximum=400, description="Rows of the average that is the middle")
    atr_period: int = parameter(14, minimum=2, maximum=50, description="Rows of the ATR that sets the spacing")
    spacing_atr: float = parameter(1.5, minimum=0.25, maximum=10.0, description="Distance of two lines in ATRs")
    lines: int = parameter(3, minimum=1, maximum=20, description="Lines on each side of the middle")
    stop_lines: int = parameter(2, minimum=1, maximum=20, description="Distance of the stop in lines")


class BandReversion(Strategy[BandReversionParameters]):
    name = "band_reversion"
    description = "Buys below and sells above a moving middle, line by line, the same on both sides."

    def rows_needed(self) -> int:
        return max(self.parameters.middle_period, indicators.atr_rows(self.parameters.atr_period)) + 1

    def signals(self, candles: Candles) -> Signals:
        settings, close = self.parameters, candles.close
        middle = indicators.sma(close, settings.middle_period)
        atr = indicators.atr(candles.high, candles.low, close, settings.atr_period)
        spacing = settings.spacing_atr * atr
        distance = np.divide(close - middle, spacing, out=np.full(len(close), np.nan), where=spacing > 0)
        line = np.trunc(distance)
        previous = indicators.shift(line, 1)
        inside = np.abs(line) <= settings.lines
        long = inside & (line < 0) & (line < previous)
        return Signals.from_conditions(
            long=long,
            short=inside & (line > 0) & (line > previous),
            exit_long=indicators.crossed_above(close, middle),
            exit_short=indicators.crossed_below(close, middle),
            stop_loss=levels.stop_behind(close, long, settings.stop_lines * spacing),
            targets=(Target(levels.target_ahead(close, long, spacing)),),
            metadata={"middle": middle, "line": line},
        )
