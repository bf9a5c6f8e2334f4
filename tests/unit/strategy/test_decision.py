"""A decision is the last row in Decimals; a row that cannot be traded is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import talib

from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.strategies.execution import MAX_LOG_CHARACTERS, MAX_LOG_LINES
from candlecast.strategy import (
    Candles,
    Decision,
    Floats,
    Side,
    Signals,
    Strategy,
    StrategyError,
    Target,
    decide,
    decide_rows,
    evaluate,
)
from candlecast.strategy.decision import decision_at
from tests.support.candle_rows import walk
from tests.support.planted import NoParameters, Scripted

CANDLES = walk(400)
ROWS = Scripted(NoParameters()).lookback
CLOSE = float(CANDLES.close[-1])


def scripted(answer: object) -> Scripted:
    strategy = Scripted(NoParameters())
    strategy.answer = answer
    return strategy


def last_row(value: float, rows: int = ROWS) -> Floats:
    column = np.full(rows, np.nan)
    column[-1] = value
    return column


def answer(side: Side, **columns: Any) -> Signals:
    sides = np.zeros(ROWS, dtype=np.int8)
    sides[-1] = side
    return Signals(side=sides, **columns)


def decided(side: Side, **columns: Any) -> Decision:
    return decide(scripted(answer(side, **columns)), CANDLES)


def test_entry_carries_its_levels_as_the_decimals_that_the_floats_show() -> None:
    decision = decided(
        Side.LONG,
        price=last_row(1000.1),
        stop_loss=last_row(990.1),
        targets=(Target(last_row(1010.3), 0.25), Target(last_row(np.nan), 0.25), Target(last_row(1020.7), 0.5)),
        confidence=last_row(0.8),
        metadata={"slope": last_row(1 / 3)},
        logs=("why",),
    )
    assert decision.action is Action.LONG
    assert (decision.price, decision.stop_loss, decision.confidence) == (Decimal("1000.1"), Decimal("990.1"), Decimal("0.8"))
    rungs = (TakeProfit(Decimal("1010.3"), Decimal("0.25")), TakeProfit(Decimal("1020.7"), Decimal("0.5")))
    assert decision.take_profits == rungs
    assert decision.metadata == {"slope": "0.3333333333"}
    assert decision.logs == ("why",)
    assert decision.candle_open_ms == CANDLES.time[-1]


def test_reference_price_is_the_close_if_the_strategy_names_none() -> None:
    assert decided(Side.SHORT).price == Decimal(repr(CLOSE))
    assert decided(Side.SHORT, price=last_row(np.nan)).price == Decimal(repr(CLOSE))


@pytest.mark.parametrize("side", [Side.HOLD, Side.EXIT_LONG, Side.EXIT_SHORT])
def test_levels_belong_to_entries_only(side: Side) -> None:
    decision = decided(side, stop_loss=last_row(CLOSE - 1), targets=(Target(last_row(CLOSE + 1)),))
    assert decision.action == (None if side is Side.HOLD else Action[side.name])
    assert (decision.stop_loss, decision.take_profits) == (None, ())


def test_every_decision_carries_wilders_atr() -> None:
    atr = decided(Side.HOLD).atr
    assert atr is not None
    assert float(atr) == pytest.approx(talib.ATR(CANDLES.high, CANDLES.low, CANDLES.close, 14)[-1], rel=1e-4)


def test_market_that_stands_still_has_no_atr() -> None:
    flat = np.full(ROWS, 10.0)
    candles = Candles(np.arange(ROWS, dtype=np.int64), flat, flat, flat, flat, flat)
    assert decide(scripted(answer(Side.HOLD)), candles).atr is None


def test_decision_rests_on_the_lookback_whatever_else_is_passed() -> None:
    strategy = scripted(answer(Side.LONG))
    assert decide(strategy, CANDLES) == decide(strategy, CANDLES.last(ROWS))


def test_history_below_the_lookback_is_refused() -> None:
    with pytest.raises(StrategyError) as refused:
        decide(scripted(answer(Side.LONG)), CANDLES.last(ROWS - 1))
    assert refused.value.code == "HISTORY_TOO_SHORT"


@pytest.mark.parametrize(
    "columns",
    [
        {"stop_loss": CLOSE},
        {"stop_loss": CLOSE + 1},
        {"stop_loss": 0.0},
        {"stop_loss": -np.inf},
        {"price": np.inf},
        {"price": -1.0},
        {"price": 5.0, "stop_loss": 6.0},
    ],
)
def test_entry_that_can_not_be_traded_is_refused(columns: dict[str, float]) -> None:
    with pytest.raises(StrategyError) as refused:
        decided(Side.LONG, **{name: last_row(value) for name, value in columns.items()})
    assert refused.value.code == "LEVEL_INVALID"


@pytest.mark.parametrize(
    ("side", "price"), [(Side.LONG, CLOSE - 1), (Side.SHORT, CLOSE + 1), (Side.LONG, np.inf), (Side.SHORT, 0.0)]
)
def test_target_on_the_losing_side_is_refused(side: Side, price: float) -> None:
    with pytest.raises(StrategyError, match="target 2") as refused:
        decided(side, targets=(Target(last_row(np.nan), 0.5), Target(last_row(price), 0.5)))
    assert refused.value.code == "LEVEL_INVALID"


def test_short_has_its_stop_above() -> None:
    assert decided(Side.SHORT, stop_loss=last_row(CLOSE + 1)).stop_loss == Decimal(repr(CLOSE + 1))
    with pytest.raises(StrategyError):
        decided(Side.SHORT, stop_loss=last_row(CLOSE - 1))


@pytest.mark.parametrize("reply", [None, [0], Signals(side=np.zeros(3, dtype=np.int8))])
def test_answer_of_another_type_or_length_is_refused(reply: object) -> None:
    with pytest.raises(StrategyError) as refused:
        decide(scripted(reply), CANDLES)
    assert refused.value.code == "SIGNALS_MALFORMED"


@pytest.mark.parametrize(
    "columns",
    [
        {"side": np.zeros(3)},
        {"side": np.array([0, 3], dtype=np.int8)},
        {"side": np.zeros((1, 2), dtype=np.int8)},
        {"stop_loss": np.zeros(2)},
        {"stop_loss": np.zeros(3, dtype=np.int64)},
        {"targets": (Target(np.ones(3), 0.6), Target(np.ones(3), 0.5))},
        {"targets": (Target(np.ones(3), 0.0),)},
        {"targets": tuple(Target(np.ones(3), 0.1) for _ in range(5))},
        {"confidence": np.array([0.0, 1.1, 0.0])},
        {"metadata": {"short": np.zeros(2)}},
        {"metadata": {"x" * 65: np.zeros(3)}},
        {"metadata": {str(number): np.zeros(3) for number in range(17)}},
    ],
)
def test_malformed_columns_are_refused(columns: dict[str, Any]) -> None:
    with pytest.raises(StrategyError) as refused:
        Signals(**{"side": np.zeros(3, dtype=np.int8), **columns})
    assert refused.value.code == "SIGNALS_MALFORMED"


def test_logs_are_capped_and_say_so() -> None:
    logs = Signals(side=np.zeros(1, dtype=np.int8), logs=tuple("x" * 1000 for _ in range(200))).logs
    assert len(logs) == MAX_LOG_LINES
    assert all(len(line) <= MAX_LOG_CHARACTERS for line in logs)
    assert logs[-1] == f"{200 - MAX_LOG_LINES + 1} more lines were dropped"


def test_conditions_become_sides_and_contradictions_hold() -> None:
    def flags(text: str) -> np.ndarray:
        return np.array([letter == "x" for letter in text], dtype=np.bool_)

    signals = Signals.from_conditions(
        long=flags("x..x.x.."), short=flags(".x.x..x."), exit_long=flags("..x..x.x"), exit_short=flags("....x.xx")
    )
    wanted = [Side.LONG, Side.SHORT, Side.EXIT_LONG, Side.HOLD, Side.EXIT_SHORT, Side.LONG, Side.SHORT, Side.HOLD]
    assert signals.side.tolist() == [int(side) for side in wanted]


def test_rows_without_the_lookback_behind_them_hold() -> None:
    rows = len(CANDLES)
    signals = evaluate(scripted(Signals(side=np.full(rows, Side.LONG, dtype=np.int8))), CANDLES)
    assert (signals.side[: ROWS - 1] == Side.HOLD).all()
    assert (signals.side[ROWS - 1 :] == Side.LONG).all()


def test_evaluation_names_the_first_candle_that_can_not_be_traded() -> None:
    rows = len(CANDLES)
    stops = np.full(rows, 1e9)
    with pytest.raises(StrategyError, match=str(int(CANDLES.time[ROWS - 1]))) as refused:
        evaluate(scripted(Signals(side=np.full(rows, Side.LONG, dtype=np.int8), stop_loss=stops)), CANDLES)
    assert refused.value.code == "LEVEL_INVALID"


# -- every row by itself -----------------------------------------------------------------------------------------------------


class Turning(Strategy[NoParameters]):
    """Turns where three closes rise or fall, with levels; `shares` divide its ladder by the newest side."""

    name = "turning"
    description = "Turns often."
    stop: float = 0.1
    shares: Mapping[int, tuple[float, ...]] = {1: (0.5, 0.25), -1: (0.5, 0.25)}

    def rows_needed(self) -> int:
        return 3

    def signals(self, candles: Candles) -> Signals:
        side = np.zeros(len(candles), dtype=np.int8)
        change = np.sign(np.diff(candles.close))
        side[2:] = np.where(change[1:] == change[:-1], change[1:], 0)
        exits = np.flatnonzero((side == 0) & (np.floor(candles.close * 100) % 7 == 0))
        side[exits] = Side.EXIT_LONG
        levels = candles.close * (1 - self.stop * np.sign(side))
        targets = self.shares.get(int(side[-1]), ())
        return Signals(
            side=side,
            price=np.where(side == Side.SHORT, np.nan, candles.close),
            stop_loss=levels,
            targets=tuple(
                Target(candles.close * (1 + 0.1 * np.sign(side) * rung), share) for rung, share in enumerate(targets, 1)
            ),
            metadata={"change": levels},
        )


def test_every_row_by_itself_is_what_decide_says_there() -> None:
    strategy, candles = Turning(NoParameters()), CANDLES
    rows = decide_rows(strategy, candles)
    assert not rows.side[: strategy.lookback - 1].any()
    assert set(rows.side.tolist()) == {Side.SHORT, Side.HOLD, Side.LONG, Side.EXIT_LONG}
    for row in range(strategy.lookback - 1, len(candles)):
        wanted = decide(strategy, candles.rows(0, row + 1))
        assert decision_at(rows, candles, row) == replace(wanted, atr=None, metadata={})


def test_a_row_that_cannot_be_traded_is_named() -> None:
    strategy = Turning(NoParameters())
    strategy.stop = -0.1
    with pytest.raises(StrategyError, match="stop_loss must be a price on the losing side") as raised:
        decide_rows(strategy, CANDLES)
    assert raised.value.row is not None
    first = np.flatnonzero(np.abs(decide_rows(Turning(NoParameters()), CANDLES).side) == Side.LONG)[0]
    assert raised.value.row == first


def test_entries_of_one_side_may_have_no_targets() -> None:
    for longs, shorts in (((), (0.5, 0.25)), ((0.5, 0.25), ())):
        strategy = Turning(NoParameters())
        strategy.shares = {1: longs, -1: shorts}
        rows = decide_rows(strategy, CANDLES)
        for row in np.flatnonzero(rows.side):
            wanted = decide(strategy, CANDLES.rows(0, int(row) + 1))
            assert decision_at(rows, CANDLES, int(row)).take_profits == wanted.take_profits


def test_entries_that_divide_a_position_otherwise_are_refused() -> None:
    strategy = Turning(NoParameters())
    strategy.shares = {1: (0.5,), -1: (0.25,)}
    with pytest.raises(StrategyError, match="SIGNALS_MALFORMED"):
        decide_rows(strategy, CANDLES)
