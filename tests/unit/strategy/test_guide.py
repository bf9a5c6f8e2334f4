"""The guide's code runs as it is printed."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from candlecast.strategy import Side, Strategy, evaluate, indicators
from candlecast.strategy.guard import assert_prefix_invariant
from tests.support.candle_rows import SAMPLE_NAMES, candles_of

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "write-a-strategy.md"
WHOLE_STRATEGY, TRYING_IT = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)


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


def test_table_of_indicators_names_each_with_its_rows() -> None:
    table = GUIDE.read_text().partition("## Indicators\n")[2]
    named = {name for line in table.splitlines() if line.startswith("|") for name in re.findall(r"`([a-z_]+)[(`]", line)}
    assert named >= set(indicators.__all__) - {"TAIL_WEIGHT"}


def test_trial_of_the_guide_prints_counts_and_a_decision(capsys: pytest.CaptureFixture[str]) -> None:
    exec(TRYING_IT, {})  # noqa: S102 (our own text)
    counts, decision = capsys.readouterr().out.splitlines()
    assert "LONG" in counts
    assert decision.startswith("Decision(action=")
