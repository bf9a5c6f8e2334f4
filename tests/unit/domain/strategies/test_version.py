"""The version of a strategy: another one for each change that decides, the same for a change that does not."""

from __future__ import annotations

from typing import Any

import pytest

from candlecast.adapters.strategy_code import BuiltInStrategies
from candlecast.domain.strategies.version import VERSION_LENGTH, strategy_version
from candlecast.domain.values.timeframe import Timeframe
from tests.support.builders import a_strategy, an_external_strategy


def test_a_version_is_short_and_the_same_each_time() -> None:
    first = strategy_version(a_strategy(parameters={"a": 1, "b": 2}), "code")
    assert len(first) == VERSION_LENGTH
    assert (
        strategy_version(a_strategy(parameters={"b": 2, "a": 1}, description="other words", subscriber_count=9), "code") == first
    )


@pytest.mark.parametrize(
    "change",
    [{"parameters": {"a": 2}}, {"code": "other"}, {"market": "ETH/USDT:USDT"}, {"timeframe": Timeframe.M5}, {"venue": "live"}],
)
def test_each_thing_that_decides_makes_another_version(change: dict[str, Any]) -> None:
    before = strategy_version(a_strategy(parameters={"a": 1}), "code")
    assert strategy_version(a_strategy(**{"parameters": {"a": 1}, **change}), "code") != before


def test_changed_code_is_another_version() -> None:
    assert strategy_version(a_strategy(), "code") != strategy_version(a_strategy(), "other code")


def test_an_external_strategy_is_known_by_its_source() -> None:
    one, other = an_external_strategy(source_id="one"), an_external_strategy(source_id="other")
    assert strategy_version(one) != strategy_version(other)


def test_built_in_code_is_hashed_with_its_text() -> None:
    strategy = a_strategy(code="sma_cross")
    assert BuiltInStrategies().version(strategy) != strategy_version(strategy)
    assert BuiltInStrategies().version(strategy) == BuiltInStrategies().version(strategy)
