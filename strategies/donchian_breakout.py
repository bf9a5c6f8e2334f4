"""Breakout of a channel of highs and lows.

Rule: LONG when the close rises above the highest high of the `entry_period` rows before it, SHORT below the lowest low. A long is
left below the lowest low of the `exit_period` rows before it, a short above their highest high. Stop two ATRs behind the entry.
Source: the Turtles' System 1 (20/10, 2N), Faith, "The Original Turtle Trading Rules" (2003). Left out are its pyramiding and its
skip of entries after a winner, which need a memory of trades.
"""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.strategy import Candles, Parameters, Signals, Strategy, indicators, levels, parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class DonchianBreakoutParameters(Parameters):
    entry_period: int = parameter(20, minimum=2, maximum=400, description="Rows of the channel whose break opens a position")
    exit_period: int = parameter(10, minimum=1, maximum=400, description="Rows of the channel whose break closes it")
    atr_period: int = parameter(20, minimum=2, maximum=50, description="Rows of the ATR that sets the stop (the Turtles' N)")
    stop_atr: float = parameter(2.0, minimum=0.5, maximum=20.0, description="Distance of the stop in ATRs")

    def check(self) -> None:
        if self.exit_period > self.entry_period:
            self.refuse("exit_period must be at most entry_period")


class DonchianBreakout(Strategy[DonchianBreakoutParameters]):
    name = "donchian_breakout"
    description = "Follows breakouts of a Donchian channel, with the Turtles' exits and stop."

    def rows_needed(self) -> int:
        return max(self.parameters.entry_period + 2, indicators.atr_rows(self.parameters.atr_period))

    def signals(self, candles: Candles) -> Signals:
        settings, close = self.parameters, candles.close
        upper, lower = indicators.donchian(candles.high, candles.low, settings.entry_period)
        exit_upper, exit_lower = indicators.donchian(candles.high, candles.low, settings.exit_period)
        atr = indicators.atr(candles.high, candles.low, close, settings.atr_period)
        long = indicators.crossed_above(close, upper)
        return Signals.from_conditions(
            long=long,
            short=indicators.crossed_below(close, lower),
            exit_long=indicators.crossed_below(close, exit_lower),
            exit_short=indicators.crossed_above(close, exit_upper),
            stop_loss=levels.stop_behind(close, long, settings.stop_atr * atr),
            metadata={"upper": upper, "lower": lower},
        )
