"""No built-in strategy looks ahead, and live decides what a whole history decides, to the bit."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candlecast.domain.signals.signal import Action
from candlecast.strategy import Candles, Floats, Side, Signals, Strategy, StrategyError, decide, evaluate, indicators
from candlecast.strategy.guard import assert_prefix_invariant
from candlecast.strategy.registry import available, load_strategy
from tests.support.candle_rows import RECORDED_NAMES, SAMPLE_NAMES, candles_of, walk
from tests.support.planted import (
    ClosedHours,
    NoParameters,
    OpenHour,
    PeekingStop,
    RunningSum,
    TomorrowsClose,
    TooFewClosedHours,
    WholeMean,
)

pytestmark = pytest.mark.slow

ROWS_OF_RECORDED = 2000  # of each recorded file: a run on the whole is compared with runs on its prefixes
CHECKED_ROWS = 250
TRADED_WINDOW = 120  # candles of a short replay, in which every strategy must find something to do
NAMES = available()


@pytest.mark.parametrize("file_name", (*SAMPLE_NAMES, *(pytest.param(name, marks=pytest.mark.slow) for name in RECORDED_NAMES)))
@pytest.mark.parametrize("name", NAMES)
def test_built_in_is_prefix_invariant(name: str, file_name: str) -> None:
    candles = candles_of(file_name).last(ROWS_OF_RECORDED)
    assert assert_prefix_invariant(load_strategy(name).with_parameters({}), candles, max_rows=CHECKED_ROWS) == CHECKED_ROWS


@pytest.mark.parametrize("file_name", (SAMPLE_NAMES[0], pytest.param(RECORDED_NAMES[0], marks=pytest.mark.slow)))
@pytest.mark.parametrize("name", NAMES)
def test_live_decision_is_the_row_of_the_whole_history(name: str, file_name: str) -> None:
    candles, strategy = candles_of(file_name), load_strategy(name).with_parameters({})
    whole = evaluate(strategy, candles)
    acting = np.flatnonzero(whole.side != Side.HOLD)
    chosen = np.concatenate(
        (acting[:: max(1, len(acting) // 60)], np.arange(strategy.lookback - 1, len(candles), len(candles) // 40))
    )
    atr = indicators.atr(candles.high, candles.low, candles.close, 14)
    for row in chosen.tolist():
        decision = decide(strategy, candles.rows(row + 1 - strategy.lookback, row + 1))
        side = Side(int(whole.side[row]))
        assert decision.action == (None if side is Side.HOLD else Action[side.name])
        assert decision.price == exact(candles.close, row)
        assert decision.atr == exact(atr, row)
        if side in (Side.LONG, Side.SHORT):
            assert decision.stop_loss == exact(whole.stop_loss, row)
            assert [rung.price for rung in decision.take_profits] == [exact(target.price, row) for target in whole.targets]


def exact(column: Floats | None, row: int) -> Decimal | None:
    return None if column is None else Decimal(repr(float(column[row])))


@pytest.mark.parametrize(
    "file_names",
    [pytest.param(SAMPLE_NAMES, id="sample"), pytest.param(RECORDED_NAMES[:1], id="recorded", marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("name", NAMES)
def test_built_in_finds_something_to_do_in_a_short_replay(name: str, file_names: tuple[str, ...]) -> None:
    entries = 0
    for file_name in file_names:
        side = evaluate(load_strategy(name).with_parameters({}), candles_of(file_name)).side[-TRADED_WINDOW:]
        entries += int(((side == Side.LONG) | (side == Side.SHORT)).sum())
    assert 2 <= entries <= TRADED_WINDOW // 2


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_of_a_built_in_has_a_stop(name: str) -> None:
    signals = evaluate(load_strategy(name).with_parameters({}), candles_of(SAMPLE_NAMES[0]))
    entries = (signals.side == Side.LONG) | (signals.side == Side.SHORT)
    assert entries.any()
    assert signals.stop_loss is not None
    assert np.isfinite(signals.stop_loss[entries]).all()


@settings(max_examples=20)
@given(name=st.sampled_from(NAMES), seed=st.integers(0, 2**32 - 1), data=st.data())
def test_built_in_with_any_allowed_parameters_is_prefix_invariant(name: str, seed: int, data: st.DataObject) -> None:
    strategy = data.draw(built(load_strategy(name)))
    candles = walk(strategy.lookback + 40, seed=seed, step=0.5)
    assert assert_prefix_invariant(strategy, candles, max_rows=12) == 12


@st.composite
def built(draw: st.DrawFn, strategy: type[Strategy[Any]]) -> Strategy[Any]:
    """The strategy with parameters drawn from their schema; levels stay inside what a price of 1,000 allows."""
    values: dict[str, object] = {}
    for field, described in strategy.parameters_type.json_schema()["properties"].items():
        if described["type"] == "integer":
            values[field] = draw(st.integers(described["minimum"], described["maximum"]), label=field)
        else:
            values[field] = draw(st.floats(described["minimum"], described["maximum"]), label=field)
    try:
        return strategy.with_parameters(values)
    except StrategyError:
        return strategy.with_parameters({})


@pytest.mark.parametrize("planted", [TomorrowsClose, WholeMean, PeekingStop, OpenHour])
def test_strategy_that_looks_ahead_is_refused(planted: type[Strategy[NoParameters]]) -> None:
    with pytest.raises(StrategyError) as refused:
        assert_prefix_invariant(planted(NoParameters()), candles_of(SAMPLE_NAMES[0]), max_rows=CHECKED_ROWS)
    assert refused.value.code == "LOOK_AHEAD"


def test_strategy_of_closed_hours_is_prefix_invariant() -> None:
    candles = candles_of(SAMPLE_NAMES[0])
    strategy = ClosedHours(NoParameters())
    assert assert_prefix_invariant(strategy, candles) == len(candles) - strategy.lookback + 1
    assert {*np.unique(evaluate(strategy, candles).side).tolist()} >= {Side.LONG, Side.SHORT}


@pytest.mark.parametrize("planted", [RunningSum, TooFewClosedHours])
def test_strategy_that_needs_more_rows_than_it_says_is_refused(planted: type[Strategy[NoParameters]]) -> None:
    with pytest.raises(StrategyError) as refused:
        assert_prefix_invariant(planted(NoParameters()), candles_of(SAMPLE_NAMES[0]), max_rows=CHECKED_ROWS)
    assert refused.value.code == "LOOKBACK_TOO_SHORT"


def test_single_peek_in_any_row_is_found_when_every_row_is_checked() -> None:
    candles = walk(230)
    honest = load_strategy("sma_cross").with_parameters({})
    peeked_row = 205

    class OnePeek(Strategy[NoParameters]):
        name = "one_peek"
        description = "Peeks in one row only."

        def rows_needed(self) -> int:
            return honest.lookback

        def signals(self, candles: Candles) -> Signals:
            signals = honest.signals(candles)
            side = signals.side.copy()
            at = np.flatnonzero(candles.time == peeked_row * 60_000)
            if len(at) and at[0] + 1 < len(candles):
                side[at[0]] = Side.EXIT_SHORT
            return replace(signals, side=side)

    with pytest.raises(StrategyError, match=f"row {peeked_row}") as refused:
        assert_prefix_invariant(OnePeek(NoParameters()), candles)
    assert refused.value.code == "LOOK_AHEAD"


def test_guard_refuses_a_verdict_without_rows() -> None:
    with pytest.raises(StrategyError) as refused:
        assert_prefix_invariant(load_strategy("sma_cross").with_parameters({}), walk(100))
    assert refused.value.code == "HISTORY_TOO_SHORT"
