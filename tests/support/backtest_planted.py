"""A strategy whose decisions were planted: it finds its columns again by the time of a candle."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace as changed

import numpy as np

from candlecast.strategy import Candles, Parameters, Signals, Strategy, Target


@dataclass(frozen=True)
class NoParameters(Parameters):
    """Nothing to set."""


class Planted(Strategy[NoParameters]):
    """Answers any window of its candles with the rows of planted columns; an `unsteady` one holds on the lookback alone."""

    name = "planted"
    description = "Decisions of a test."

    def __init__(self, candles: Candles, signals: Signals, *, unsteady: bool = False) -> None:
        super().__init__(NoParameters())
        self.candles, self.columns, self.unsteady = candles, signals, unsteady

    def rows_needed(self) -> int:
        return 1

    def signals(self, candles: Candles) -> Signals:
        rows = np.searchsorted(self.candles.time, candles.time)
        columns = self.columns
        holds = self.unsteady and len(candles) <= self.lookback
        return changed(
            columns,
            side=np.zeros_like(columns.side[rows]) if holds else columns.side[rows],
            stop_loss=None if columns.stop_loss is None else columns.stop_loss[rows],
            targets=tuple(Target(each.price[rows], each.share) for each in columns.targets),
        )
