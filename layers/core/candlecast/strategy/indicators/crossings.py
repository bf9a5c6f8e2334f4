"""Rows at which one column crosses another."""

from __future__ import annotations

import numpy as np

from candlecast.strategy.candles import Flags, Floats
from candlecast.strategy.indicators.windows import shift


def crossed_above(first: Floats, second: Floats | float) -> Flags:
    """Rows at which `first` rises above `second`: above now, at or below one row ago. Needs one row more than its inputs."""
    other = np.broadcast_to(np.asarray(second, dtype=np.float64), first.shape)
    return (first > other) & (shift(first, 1) <= shift(other, 1))


def crossed_below(first: Floats, second: Floats | float) -> Flags:
    """Rows at which `first` falls below `second`: below now, at or above one row ago. Needs one row more than its inputs."""
    other = np.broadcast_to(np.asarray(second, dtype=np.float64), first.shape)
    return (first < other) & (shift(first, 1) >= shift(other, 1))


crossover = crossed_above  # the names of releases up to 0.3.0
crossunder = crossed_below
