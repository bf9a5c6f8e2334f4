"""The exit of a mean reversion always comes after its entry: no candle uses it up."""

from __future__ import annotations

import numpy as np
import pytest

from candlecast.strategy import indicators
from candlecast.strategy.registry import load_strategy
from candlecast.strategy.signals import Side
from tests.support.candle_rows import RECORDED_NAMES, SAMPLE_NAMES, candles_of

NAMES = (*RECORDED_NAMES, *SAMPLE_NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_position_is_left_at_the_first_candle_beyond_the_middle(name: str) -> None:
    candles = candles_of(name)
    strategy = load_strategy("rsi_mean_reversion").with_parameters({})
    settings, signals = strategy.parameters, strategy.signals(candles)
    rsi = indicators.rsi(candles.close, settings.rsi_period)
    ways = (
        (Side.LONG, rsi > settings.middle, (Side.EXIT_LONG, Side.SHORT)),
        (Side.SHORT, rsi < settings.middle, (Side.EXIT_SHORT, Side.LONG)),
    )
    for entry, beyond, leaving in ways:
        entries = np.flatnonzero(signals.side == entry)
        assert len(entries) > 10
        firsts = [row + int(np.argmax(beyond[row:])) for row in entries if beyond[row:].any()]
        assert [row for row in entries if beyond[row]] == []  # such an entry has used its exit up
        assert {int(signals.side[first]) for first in firsts} <= set(map(int, leaving))
