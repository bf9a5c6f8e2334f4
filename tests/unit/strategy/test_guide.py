"""The guide's code runs as it is printed."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from candlecast.domain.strategies.definition import MAX_LOOKBACK
from candlecast.strategy import Candles, HigherTimeframe, Side, Strategy, evaluate, indicators
from candlecast.strategy.guard import assert_prefix_invariant
from tests.support.candle_rows import SAMPLE_NAMES, candles_of, walk

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "write-a-strategy.md"
WHOLE_STRATEGY, SEVERAL_TIMEFRAMES = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)


def test_strategy_of_the_guide_is_sound_and_trades(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("three_highs")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # dataclasses look their module up
    exec(WHOLE_STRATEGY, module.__dict__)  # noqa: S102 (our own text)
    strategy: Strategy[Any] = module.__dict__["ThreeHighs"].with_parameters({})
    candles = candles_of(SAMPLE_NAMES[0])
    assert assert_prefix_invariant(strategy, candles) == len(candles) - strategy.lookback + 1
    sides = evaluate(strategy, candles).side
    assert (sides == Side.LONG).sum() > 5
    assert (sides == Side.EXIT_LONG).sum() > 5


def test_strategy_of_two_timeframes_is_sound_and_trades(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("hourly_pullback")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(SEVERAL_TIMEFRAMES, module.__dict__)  # noqa: S102 (our own text)
    strategy: Strategy[Any] = module.__dict__["HourlyPullback"].with_parameters({})
    minutes = walk(1000, seed=3)
    candles = Candles(minutes.time * 5, minutes.open, minutes.high, minutes.low, minutes.close, minutes.volume)
    assert assert_prefix_invariant(strategy, candles, max_rows=200) == 200
    sides = evaluate(strategy, candles).side
    assert (sides == Side.LONG).sum() > 5
    assert (sides == Side.EXIT_LONG).sum() > 5


def test_lookback_holds_as_many_higher_candles_as_the_guide_says() -> None:
    assert HigherTimeframe("1h", base="5m").rows(124) <= MAX_LOOKBACK < HigherTimeframe("1h", base="5m").rows(125)
    assert HigherTimeframe("1d", base="1h").rows(61) <= MAX_LOOKBACK < HigherTimeframe("1d", base="1h").rows(62)


def test_table_of_indicators_names_each_with_its_rows() -> None:
    table = GUIDE.read_text().partition("## Indicators\n")[2]
    named = {name for line in table.splitlines() if line.startswith("|") for name in re.findall(r"`([a-z_]+)[(`]", line)}
    assert named >= set(indicators.__all__) - {"TAIL_WEIGHT"}
