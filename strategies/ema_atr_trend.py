"""Trend by two exponential averages, entered when the close leaves a band of the ATR around the slow one.

Rule: LONG when the close rises above slow EMA + band x ATR while the fast EMA is above the slow one; SHORT mirrored.
A long is left when the close falls below the fast EMA's slow companion, a short when it rises above it. Stop and a
ladder of two targets in ATRs. The band keeps entries out of the noise around the average. Source: Keltner's moving
average channel with Wilder's ATR, as in Kaufman, "Trading Systems and Methods" (2013), chapter 8.
"""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.strategy import Candles, Parameters, Signals, Strategy, Target, indicators, levels, parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class EmaAtrTrendParameters(Parameters):
    fast_period: int = parameter(9, minimum=2, maximum=60, description="Rows of the fast EMA")
    slow_period: int = parameter(21, minimum=3, maximum=140, description="Rows of the slow EMA")
    atr_period: int = parameter(14, minimum=2, maximum=50, description="Rows of the ATR")
    band_atr: float = parameter(0.75, minimum=0.0, maximum=10.0, description="Half width of the band in ATRs")
    stop_atr: float = parameter(2.0, minimum=0.5, maximum=20.0, description="Distance of the stop in ATRs")
    first_target_atr: float = parameter(
        2.0, minimum=0.5, maximum=50.0, description="Distance of the first target in ATRs; half is closed"
    )
    second_target_atr: float = parameter(
        4.0, minimum=0.5, maximum=50.0, description="Distance of the second target in ATRs; the rest"
    )

    def check(self) -> None:
        if self.fast_period >= self.slow_period:
            self.refuse("fast_period must be below slow_period")
        if self.first_target_atr >= self.second_target_atr:
            self.refuse("first_target_atr must be below second_target_atr")


class EmaAtrTrend(Strategy[EmaAtrTrendParameters]):
    name = "ema_atr_trend"
    description = "Follows a trend of two exponential averages when the price leaves an ATR band, with a ladder of targets."

    def rows_needed(self) -> int:
        return max(indicators.ema_rows(self.parameters.slow_period), indicators.atr_rows(self.parameters.atr_period)) + 1

    def signals(self, candles: Candles) -> Signals:
        settings, close = self.parameters, candles.close
        fast = indicators.ema(close, settings.fast_period)
        slow = indicators.ema(close, settings.slow_period)
        atr = indicators.atr(candles.high, candles.low, close, settings.atr_period)
        band = settings.band_atr * atr
        long = indicators.crossed_above(close, slow + band) & (fast > slow)
        return Signals.from_conditions(
            long=long,
            short=indicators.crossed_below(close, slow - band) & (fast < slow),
            exit_long=indicators.crossed_below(close, slow),
            exit_short=indicators.crossed_above(close, slow),
            stop_loss=levels.stop_behind(close, long, settings.stop_atr * atr),
            targets=(
                Target(levels.target_ahead(close, long, settings.first_target_atr * atr), 0.5),
                Target(levels.target_ahead(close, long, settings.second_target_atr * atr), 0.5),
            ),
            metadata={"fast": fast, "slow": slow, "atr": atr},
        )
