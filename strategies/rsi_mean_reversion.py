"""Against an exhausted move: enter when the RSI comes back from an extreme, leave when it is in the middle.

Rule: LONG when the RSI rises back above `oversold`, SHORT when the RSI falls back below `overbought`. A long is left when the RSI
rises above `middle`, a short when the RSI falls below `middle`. A stop in ATRs limits the case in which the move was no
exhaustion. Waiting for the return, not for the extreme, avoids standing in front of the move. Nothing is entered when
the RSI jumps from the extreme beyond the middle: the return is over, and the exit would wait for another one. Source: Wilder,
"New Concepts in Technical Trading Systems" (1978).
"""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.strategy import Candles, Parameters, Signals, Strategy, indicators, levels, parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class RsiMeanReversionParameters(Parameters):
    rsi_period: int = parameter(7, minimum=2, maximum=50, description="Rows of the RSI")
    oversold: float = parameter(30.0, minimum=1.0, maximum=49.0, description="RSI below which a market has fallen too far")
    overbought: float = parameter(70.0, minimum=51.0, maximum=99.0, description="RSI above which a market has risen too far")
    middle: float = parameter(50.0, minimum=20.0, maximum=80.0, description="RSI at which the position is left")
    atr_period: int = parameter(14, minimum=2, maximum=50, description="Rows of the ATR that sets the stop")
    stop_atr: float = parameter(2.5, minimum=0.5, maximum=20.0, description="Distance of the stop in ATRs")

    def check(self) -> None:
        if not self.oversold < self.middle < self.overbought:
            self.refuse("middle must lie between oversold and overbought")


class RsiMeanReversion(Strategy[RsiMeanReversionParameters]):
    name = "rsi_mean_reversion"
    description = "Trades against exhausted moves when the RSI returns from an extreme."

    def rows_needed(self) -> int:
        return max(indicators.rsi_rows(self.parameters.rsi_period) + 1, indicators.atr_rows(self.parameters.atr_period))

    def signals(self, candles: Candles) -> Signals:
        settings, close = self.parameters, candles.close
        rsi = indicators.rsi(close, settings.rsi_period)
        atr = indicators.atr(candles.high, candles.low, close, settings.atr_period)
        long = indicators.crossed_above(rsi, settings.oversold) & (rsi <= settings.middle)
        short = indicators.crossed_below(rsi, settings.overbought) & (rsi >= settings.middle)
        return Signals.from_conditions(
            long=long,
            short=short,
            exit_long=indicators.crossed_above(rsi, settings.middle),
            exit_short=indicators.crossed_below(rsi, settings.middle),
            stop_loss=levels.stop_behind(close, long, settings.stop_atr * atr),
            metadata={"rsi": rsi},
        )
