"""A strategy file whose profit in the zigzag of `backtest_swept` is known by hand."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from candlecast.strategy import Candles, Parameters, Signals, Strategy, parameter

HOUR_MS = 3_600_000
CYCLE, HALF = 20, 10  # rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag(Parameters):
    lag: int = parameter(0, minimum=-9, maximum=9, description="Hours behind the turn")
    more: int = parameter(0, minimum=-9, maximum=9, description="Hours beyond the lag")
    fails: bool = parameter(default=False, description="Whether the strategy has a bug")
    pids: str = parameter("", description="A folder for ids of processes that never end")

    def check(self) -> None:
        if abs(self.lag + self.more) > 9:
            self.refuse("both together are at most 9 hours")


class Turner(Strategy[Lag]):
    """Goes long `lag` hours behind each trough, and short `lag` hours behind each peak."""

    name = "turner"
    description = "Turns with a zigzag."

    def rows_needed(self) -> int:
        return 1

    def signals(self, candles: Candles) -> Signals:
        if self.parameters.fails:
            raise ZeroDivisionError("planted")
        if self.parameters.pids:
            (Path(self.parameters.pids) / str(os.getpid())).touch()
            time.sleep(600)
        phase = (candles.time // HOUR_MS - self.parameters.lag - self.parameters.more) % CYCLE
        return Signals.from_conditions(long=phase == HALF, short=phase == 0)
