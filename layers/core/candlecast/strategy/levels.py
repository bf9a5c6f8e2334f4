"""Prices of protective and winning orders relative to a reference price, for columns that hold entries of both sides."""

from __future__ import annotations

import numpy as np

from candlecast.strategy.candles import Flags, Floats


def stop_behind(reference: Floats, long: Flags, distance: Floats) -> Floats:
    """Price on the losing side of `reference`: below it on `long` rows, above it on all others."""
    return reference - np.where(long, distance, -distance)


def target_ahead(reference: Floats, long: Flags, distance: Floats) -> Floats:
    """Price on the winning side of `reference`: above it on `long` rows, below it on all others."""
    return reference + np.where(long, distance, -distance)
