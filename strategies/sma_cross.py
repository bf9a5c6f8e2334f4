"""Two simple moving averages: in the market on the side of the faster one, turning when they cross.

Rule: LONG when the fast average of the close rises above the slow one, SHORT when it falls below; each turns the
other round. A stop lies a multiple of the ATR behind the entry. Source: Donchian's 5- and 20-day system (1960), as in
Murphy, "Technical Analysis of the Financial Markets" (1999), chapter 9.
"""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.strategy import Candles, Parameters, Signals, Strategy, indicators, levels, parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class SmaCrossParameters(Parameters):
    fast_period: int = parameter(8, minimum=2, maximum=200, description="Rows of the fast average")
    slow_period: int = parameter(21, minimum=3, maximum=400, description="Rows of the slow average")
    atr_period: int = parameter(14, minimum=2, maximum=50, description="Rows of the ATR that sets the stop")
    stop_atr: float = parameter(3.0, minimum=0.5, maximum=20.0, description="Distance of the stop in ATRs")

    def check(self) -> None:
        if self.fast_period >= self.slow_period:
            self.refuse("fast_period must be below slow_period")


class SmaCross(Strategy[SmaCrossParameters]):
    name = "sma_cross"
    description = "Turns with the crossing of a fast and a slow simple moving average."

    def rows_needed(self) -> int:
        return max(self.parameters.slow_period + 1, indicators.atr_rows(self.parameters.atr_period))

    def signals(self, candles: Candles) -> Signals:
        fast = indicators.sma(candles.close, self.parameters.fast_period)
        slow = indicators.sma(candles.close, self.parameters.slow_period)
        atr = indicators.atr(candles.high, candles.low, candles.close, self.parameters.atr_period)
        long = indicators.crossed_above(fast, slow)
        return Signals.from_conditions(
            long=long,
            short=indicators.crossed_below(fast, slow),
            stop_loss=levels.stop_behind(candles.close, long, self.parameters.stop_atr * atr),
            metadata={"fast": fast, "slow": slow},
        )
