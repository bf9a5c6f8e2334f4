"""Rows at which one column crosses another."""

from __future__ import annotations

import numpy as np

from candlecast.strategy.candles import Flags, Floats


def crossed_above(first: Floats, second: Floats | float) -> Flags:
    """Rows at which `first` rises above `second`: above now, at or below one row ago. Needs one row more than its inputs."""
    return _crossed(first, second, np.greater, np.less_equal)


def crossed_below(first: Floats, second: Floats | float) -> Flags:
    """Rows at which `first` falls below `second`: below now, at or above one row ago. Needs one row more than its inputs."""
    return _crossed(first, second, np.less, np.greater_equal)


crossover = crossed_above  # the names of releases up to 0.3.0
crossunder = crossed_below


def _crossed(first: Floats, second: Floats | float, now: np.ufunc, before: np.ufunc) -> Flags:
    """Rows that compare as `now`, behind a row that compares as `before`; never the first row."""
    other = np.broadcast_to(np.asarray(second, dtype=np.float64), first.shape)
    crossed = np.zeros(len(first), dtype=np.bool_)
    now(first[1:], other[1:], out=crossed[1:])
    crossed[1:] &= before(first[:-1], other[:-1])
    return crossed
