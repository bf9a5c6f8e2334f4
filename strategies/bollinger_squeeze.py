"""A quiet market that wakes up: enter in the direction of the release.

Rule: the market is squeezed while its Bollinger bands lie inside its Keltner channel. In the row in which the bands leave the
channel, LONG if the momentum is above zero, SHORT if below. The momentum is the close minus the mean of the channel's middle and
the average. A position is left when the momentum changes its sign. Stop in ATRs. Source: Carter, "Mastering the Trade" (2005),
the TTM squeeze, with the momentum taken as it is instead of smoothed by a regression.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from candlecast.strategy import Candles, Flags, Floats, Parameters, Signals, Strategy, Target, indicators, levels, parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class BollingerSqueezeParameters(Parameters):
    period: int = parameter(20, minimum=5, maximum=50, description="Rows of the bands, the channel and the momentum")
    deviations: float = parameter(2.0, minimum=0.5, maximum=5.0, description="Half width of the bands in standard deviations")
    channel_atr: float = parameter(1.5, minimum=0.5, maximum=5.0, description="Half width of the Keltner channel in ATRs")
    stop_atr: float = parameter(2.0, minimum=0.5, maximum=20.0, description="Distance of the stop in ATRs")
    target_atr: float = parameter(4.0, minimum=0.5, maximum=50.0, description="Distance of the target in ATRs")


class BollingerSqueeze(Strategy[BollingerSqueezeParameters]):
    name = "bollinger_squeeze"
    description = "Enters when volatility returns after a squeeze of the Bollinger bands, in the direction of momentum."

    def rows_needed(self) -> int:
        return indicators.atr_rows(self.parameters.period) + 1

    def signals(self, candles: Candles) -> Signals:
        settings, close = self.parameters, candles.close
        momentum = self._momentum(candles)
        atr = indicators.atr(candles.high, candles.low, close, settings.period)
        released = self._released(candles)
        long = released & (momentum > 0)
        return Signals.from_conditions(
            long=long,
            short=released & (momentum < 0),
            exit_long=indicators.crossed_below(momentum, 0.0),
            exit_short=indicators.crossed_above(momentum, 0.0),
            stop_loss=levels.stop_behind(close, long, settings.stop_atr * atr),
            targets=(Target(levels.target_ahead(close, long, settings.target_atr * atr)),),
            metadata={"momentum": momentum},
        )

    def _released(self, candles: Candles) -> Flags:
        """Rows that are not squeezed, while the row before was."""
        settings = self.parameters
        lower_band, _, upper_band = indicators.bollinger(candles.close, settings.period, settings.deviations)
        lower_line, _, upper_line = indicators.keltner(
            candles.high, candles.low, candles.close, settings.period, settings.channel_atr
        )
        known = ~np.isnan(lower_line)
        squeezed = (lower_band > lower_line) & (upper_band < upper_line)
        released = known & ~squeezed
        released[1:] &= squeezed[:-1]
        released[:1] = False
        return released

    def _momentum(self, candles: Candles) -> Floats:
        period = self.parameters.period
        highest = indicators.rolling_max(candles.high, period)
        lowest = indicators.rolling_min(candles.low, period)
        return candles.close - ((highest + lowest) / 2 + indicators.sma(candles.close, period)) / 2
