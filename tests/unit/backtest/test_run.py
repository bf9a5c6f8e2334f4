"""One result for both paths: that of other engines, the same to a cent on either path, and the same in every column."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candlecast.backtest.candle_venue import Fees
from candlecast.backtest.document import document
from candlecast.backtest.exact_path import Terms
from candlecast.backtest.fast_path import ExitBy
from candlecast.backtest.fills import Costs, FillAt
from candlecast.backtest.plain import PlainTerms
from candlecast.backtest.result import EXACT, FAST, Result
from candlecast.backtest.run import fine_market, run, terms_of_plain
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.timeframe import Timeframe
from candlecast.strategy import Candles, Side, Signals, Strategy, Target
from candlecast.strategy.registry import load_strategy
from tests.golden.backtests import CASES, FILLS, LEVELS, Case, Run, golden
from tests.support.backtest_comparison import first_difference
from tests.support.backtest_exact import QUIET, candles_of, decided, terms, walk
from tests.support.backtest_planted import Planted
from tests.support.crossing_with_levels import CrossingWithLevels
from tests.support.engine_cases import columns, reference

CASH = 10_000_000.0
FEE = 0.0004
SMA = {"fast_period": 10, "slow_period": 30}


def strategy_of(wanted: Run) -> Strategy[Any]:
    if wanted.levels == "none":
        return load_strategy("sma_cross").with_parameters(SMA)
    levels = {"stop": float(wanted.case.stop), "target": float(wanted.case.target), "fill": wanted.fill}
    return CrossingWithLevels.with_parameters(levels)


def as_json(result: Result) -> dict[str, Any]:
    return document(result, versions={})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("levels", LEVELS)
def test_a_run_is_that_of_other_engines(case: Case, fill: str, levels: str) -> None:
    wanted = reference(case, fill, levels)
    plain = PlainTerms(quantity=1.0, cash=CASH, fill_at=FillAt(fill), costs=Costs(taker_fee=FEE), levels=levels != "none")
    result = run(strategy_of(wanted), columns(case), plain)
    found = as_json(result)
    assert result.path == FAST
    assert first_difference(found, golden(wanted)) is None
    assert found["first_decision_row"] == 187
    assert found["pnl"] == pytest.approx(sum(trade["pnl"] for trade in found["trades"]) + _open_pnl(found), abs=1e-9)
    assert result.equity[-1] == pytest.approx(found["final_equity"], abs=1e-6)


def _open_pnl(found: dict[str, Any]) -> float:
    return found["open_position"]["pnl"] if found["open_position"] else 0.0


@pytest.mark.parametrize("fill_at", FillAt)
@settings(max_examples=25)  # `test_exact_path` compares the trades themselves in more cases
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 150),
    share=st.sampled_from([0.05, 0.3, 1.0]),
    levels=st.integers(0, 2),
    quantity=st.sampled_from([0.25, 1.0, 40.0]),
)
def test_both_paths_give_one_result(fill_at: FillAt, seed: int, rows: int, share: float, levels: int, quantity: float) -> None:
    candles = walk(seed, 187 + rows)
    strategy = Planted(candles, decided(candles, seed + 1, share=share, width=0.02, levels=levels))
    plain = PlainTerms(
        quantity=quantity, cash=1e6, fill_at=fill_at, costs=Costs(taker_fee=FEE, slippage_bps=2.0), levels=levels > 0
    )
    fast, exact = run(strategy, candles, plain), run(strategy, candles, terms_of_plain(plain, Timeframe.M1))
    assert (fast.path, exact.path) == (FAST, EXACT)
    one, other = as_json(fast), as_json(exact)
    for name in ("rows", "first_decision_row", "orders", "closed_trades"):
        assert one[name] == other[name], name
    for name in ("fees", "pnl", "final_equity"):
        assert other[name] == pytest.approx(one[name], abs=1e-5), name
    for trade, same in zip(other["trades"], one["trades"], strict=True):
        assert (trade.pop("side"), trade.pop("reason")) == (same.pop("side"), same.pop("reason"))
        assert trade == pytest.approx(same, abs=1e-5)
    np.testing.assert_allclose(exact.equity, fast.equity, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(exact.exposed, fast.exposed)
    if fast.open_position is not None:
        held, same = one["open_position"], other["open_position"]
        assert (held.pop("side"), held) == (same.pop("side"), pytest.approx(same, abs=1e-5))


def test_the_equity_of_each_row_is_cash_and_what_is_held() -> None:
    """By a loop over rows, from the trades alone."""
    candles = walk(5, 400)
    strategy = Planted(candles, decided(candles, 6, share=0.2, width=0.02, levels=2))
    result = run(strategy, candles, PlainTerms(quantity=3.0, cash=1e6, costs=Costs(taker_fee=FEE), levels=True))
    trades, held = result.trades, result.open_position
    assert held is not None
    assert len(trades) > 10
    for row in range(len(candles)):
        equity, exposed = 1e6, False
        for at in range(len(trades)):
            if trades.exit_row[at] <= row:
                equity += trades.pnl[at]
            elif trades.entry_row[at] <= row:
                price, side = trades.entry_price[at], int(trades.side[at])
                equity, exposed = equity + (candles.close[row] - price) * side * 3 - price * 3 * FEE, True
        if held.entry_row <= row:
            sign = 1 if held.side == "LONG" else -1
            equity += (candles.close[row] - held.entry_price) * sign * 3 - held.entry_price * 3 * FEE
            exposed = True
        assert result.equity[row] == pytest.approx(equity, abs=1e-7)
        assert bool(result.exposed[row]) == exposed


# -- the choice of the path --------------------------------------------------------------------------------------------------


def fine(**changes: Any) -> Terms:
    return terms(**{"market": fine_market(), **changes})


def of(candles: Candles, terms_given: Terms | PlainTerms, **columns_given: Any) -> Result:
    side = np.zeros(len(candles), dtype=np.int8)
    side[187] = Side.LONG
    return run(Planted(candles, Signals(side=side, **columns_given)), candles, terms_given)


def test_settings_take_the_exact_path_with_its_denials() -> None:
    candles = walk(3, 300)
    result = of(candles, fine(), stop_loss=candles.close * 0.1)
    assert (result.path, result.denials) == (EXACT, {"STOP_IMPLAUSIBLE": 1})


def test_a_market_that_stands_nearly_still_is_denied() -> None:
    candles = candles_of(("100", "100.0001", "100", "100"), QUIET, QUIET)
    assert of(candles, fine()).denials == {"ATR_IMPLAUSIBLE": 1}


def test_a_ladder_of_plain_terms_is_run_by_the_live_domain() -> None:
    candles = candles_of(QUIET, ("100", "106", "99", "105"), ("105", "111", "104", "110"), ("110", "110", "90", "95"))
    rows = np.ones(len(candles))
    ladder = (Target(105 * rows, 0.5), Target(110 * rows, 0.5))
    plain = PlainTerms(quantity=2.0, cash=1000.0, levels=True)
    result = of(candles, plain, stop_loss=90 * rows, targets=ladder)
    assert (result.path, result.orders, result.pnl) == (EXACT, 3, 15.0)
    assert ExitBy(result.trades.reason[0]) is ExitBy.TAKE_PROFIT


def test_levels_that_are_not_placed_are_noted() -> None:
    candles = walk(3, 300)
    plain = PlainTerms(quantity=1.0, cash=1000.0)
    result = of(candles, plain, stop_loss=candles.close * 0.9)
    assert [note.code for note in result.notes] == ["BACKTEST_LEVELS_IGNORED"]
    assert "stops, which" in result.notes[0].text
    assert of(candles, plain).notes == ()
    assert of(candles, replace(plain, levels=True), stop_loss=candles.close * 0.9).notes == ()


def test_entries_beyond_the_equity_are_counted() -> None:
    """The cash of 100 carries the first entry to the cent. The second comes after a loss of 10; the third, at 80, is carried."""
    candles = candles_of(QUIET, ("100", "100", "90", "90"), ("90", "100", "90", "100"), ("100", "100", "80", "80"), ("80",) * 4)
    side = np.zeros(len(candles), dtype=np.int8)
    side[187:191] = (Side.LONG, Side.EXIT_LONG, Side.SHORT, Side.LONG)
    strategy, plain = Planted(candles, Signals(side=side)), PlainTerms(quantity=1.0, cash=100.0, fill_at=FillAt.CLOSE)
    (note,) = run(strategy, candles, plain).notes
    assert note.code == "BACKTEST_BEYOND_EQUITY"
    assert note.text.startswith("1 of 3 entries cost more than the equity")
    assert run(strategy, candles, replace(plain, cash=110.0)).notes == ()


def test_terms_without_levels_place_none() -> None:
    """The stop would have closed the trade."""
    candles = candles_of(QUIET, ("100", "101", "80", "90"), QUIET)
    rows = np.ones(len(candles))
    given_terms = fine(fees=Fees())
    assert of(candles, given_terms, stop_loss=95 * rows).trades.reason.tolist() == [ExitBy.STOP_LOSS]
    without = of(candles, replace(given_terms, levels=False), stop_loss=95 * rows)
    assert (without.path, len(without.trades)) == (EXACT, 0)
    assert without.open_position is not None


@pytest.mark.parametrize(
    ("amounts", "code"),
    [
        ((0.0, 1.0), "QUANTITY_INVALID"),
        ((float("nan"), 1.0), "QUANTITY_INVALID"),
        ((1.1e12, 1.0), "QUANTITY_INVALID"),
        ((1.0, 1.1e15), "CASH_INVALID"),
        ((1.0, 0.0), "CASH_INVALID"),
        ((1.0, float("inf")), "CASH_INVALID"),
    ],
)
def test_plain_terms_refuse_what_is_no_amount(amounts: tuple[float, float], code: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        PlainTerms(quantity=amounts[0], cash=amounts[1])
    assert caught.value.code == code
