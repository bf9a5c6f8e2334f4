"""The equity of a run from the few rows at which it traded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from candlecast.strategy import Flags, Floats
from candlecast.strategy.candles import Integers


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Cash and held quantity from the close of each of these rows on, as columns of equal length.

    `rows` ascend and begin with 0; the last of equal rows counts. `cash` counts every fill at its price, in quote units. `held`
    is below zero for a short position.
    """

    rows: Integers
    cash: Floats
    held: Floats

    def equity(self, close: Floats) -> Floats:
        """Cash and value of the held quantity at each close."""
        lengths = self._lengths(len(close))
        equity = np.repeat(self.held, lengths)
        equity *= close
        equity += np.repeat(self.cash, lengths)
        return equity

    def exposed(self, rows: int) -> Flags:
        """Whether something is held at each of `rows` closes."""
        return np.repeat(self.held != 0, self._lengths(rows))

    def _lengths(self, rows: int) -> Integers:
        """The number of closes for which each state lasts."""
        return np.diff(self.rows, append=rows) if rows else np.zeros(len(self.rows), dtype=np.int64)
