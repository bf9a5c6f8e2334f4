"""The exact path gives the numbers of a pencil, and the trades of the fast path where that serves."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlecast.backtest.exact_path import ExactResult, run_exactly
from candlecast.backtest.fast_path import ExitBy, trades_of
from candlecast.backtest.fills import Costs, FillAt
from candlecast.domain.backtests.market_fill import Slippage
from candlecast.domain.subscriptions.subscription import Sizing, SizingMode
from candlecast.strategy import Side, evaluate
from tests.support.backtest_exact import (
    FIRST,
    MINUTE_MS,
    QUIET,
    TAKER,
    candles_of,
    decided,
    fine_market,
    fixed,
    legs,
    run,
    settings,
    terms,
    walk,
)
from tests.support.backtest_planted import Planted

D = Decimal


def closed_rows(result: ExactResult) -> list[tuple[int, int, int, str]]:
    return [(t.trade.side.sign, t.entry_row, t.exit_row, t.closed_by.value) for t in result.trades]


@pytest.mark.slow
@pytest.mark.parametrize("fill_at", FillAt)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 200),
    share=st.sampled_from([0.05, 0.2, 1.0]),
    width=st.sampled_from([0.002, 0.02, 0.3]),
    levels=st.integers(0, 2),
    slippage=st.sampled_from([0, 3]),
)
def test_both_paths_make_the_same_trades(
    fill_at: FillAt, seed: int, rows: int, share: float, width: float, levels: int, slippage: int
) -> None:
    candles = walk(seed, FIRST + rows)
    strategy = Planted(candles, decided(candles, seed + 1, share=share, width=width, levels=levels))
    signals = evaluate(strategy, candles)
    given_terms = terms(market=fine_market(), fill_at=fill_at, slippage=Slippage(bps=D(slippage)))
    result = run_exactly(strategy, candles, given_terms)
    fast = trades_of(signals, candles, fill_at, Costs(slippage_bps=float(slippage)))
    closed = fast.exit_by != ExitBy.OPEN
    expected = [
        (int(side), int(entry), int(exit_row), ExitBy(by).name)
        for side, entry, exit_row, by, ended in zip(fast.side, fast.entry_row, fast.exit_row, fast.exit_by, closed, strict=True)
        if ended
    ]
    assert closed_rows(result) == expected
    for trade, entry, leave in zip(result.trades, fast.entry_price[closed], fast.exit_price[closed], strict=True):
        assert float(trade.trade.entry_price) == pytest.approx(entry, abs=2e-8)
        assert float(trade.trade.exit_price) == pytest.approx(leave, abs=2e-8)
    assert (result.open_position is not None) == bool(len(fast) and not closed[-1])
    if result.open_position is not None:
        assert result.open_row == fast.entry_row[-1]
        assert float(result.open_position.entry_price) == pytest.approx(fast.entry_price[-1], abs=2e-8)


# -- by hand -----------------------------------------------------------------------------------------------------------------


def test_fees_and_profit_of_a_trade_add_up_to_the_equity() -> None:
    candles = candles_of(QUIET, ("100", "120", "100", "110"), ("110", "112", "109", "111"), ("120", "121", "119", "120"))
    result = run(candles, {0: Side.LONG, 2: Side.EXIT_LONG}, fees=TAKER)
    assert legs(result) == [(1, "ENTRY", D(1), D(100)), (3, "EXIT", D(1), D(120))]
    assert result.fees == D("0.11")  # 100 x 0.0005 + 120 x 0.0005
    assert result.final_equity == D(1_000_000) + 20 - D("0.11")
    equity = result.curve.equity(candles.close)[FIRST:].tolist()
    assert equity == pytest.approx([1_000_000, 1_000_009.95, 1_000_010.95, 1_000_019.89])
    assert result.denials == {}


def test_a_ladder_closes_its_shares_and_the_stop_the_rest() -> None:
    candles = candles_of(QUIET, ("100", "106", "99", "105"), ("105", "111", "104", "110"), ("110", "110", "90", "95"))
    result = run(candles, {0: Side.LONG}, stop=95.0, targets=((105.0, 0.5), (110.0, 0.25)), settings=settings(sizing=fixed("2")))
    assert legs(result) == [
        (1, "ENTRY", D(2), D(100)),
        (1, "TAKE_PROFIT_1", D(1), D(105)),
        (2, "TAKE_PROFIT_2", D("0.5"), D(110)),
        (3, "STOP_LOSS", D("0.5"), D(95)),
    ]
    assert result.trades[0].trade.pnl == D("7.5")  # 5 + 5 - 2.5


def test_a_limit_target_pays_the_maker() -> None:
    candles = candles_of(QUIET, ("100", "111", "99", "105"))
    for limit, fee in ((True, "0.022"), (False, "0.055")):  # 110 x 0.0002, 110 x 0.0005
        changed = settings(limit_targets=limit)
        result = run(candles, {0: Side.LONG}, targets=((110.0, 1.0),), settings=changed, fees=TAKER)
        assert result.fills[-1].fee == D(fee)


def test_risk_sizing_loses_the_risk_at_the_stop() -> None:
    changed = settings(capital=D(10_000), sizing=Sizing(SizingMode.RISK_PERCENT, D(1)))
    candles = candles_of(QUIET, ("100", "101", "95", "96"))
    result = run(candles, {0: Side.LONG}, stop=96.0, settings=changed)
    assert result.fills[0].quantity == D(25)  # 1 % of 10,000 over a distance of 4
    assert result.trades[0].trade.pnl == D(-100)


def test_a_trailing_stop_of_ours_moves_at_the_close() -> None:
    changed = settings(trailing_stop_percent=D(20))  # above what the venue trails: ours moves
    rows = ("100", "102", "99", "100"), ("100", "130", "100", "125"), ("125", "126", "99", "110")
    result = run(candles_of(QUIET, *rows), {0: Side.LONG}, settings=changed)
    assert legs(result)[1][0] == 3
    assert legs(result)[1][2:] == (D(1), D(100))  # 20 % below the close of 125, not below the high of 130


def test_a_stop_goes_to_break_even_with_its_fees() -> None:
    changed = settings(break_even_after_r=D(1))
    rows = ("100", "106", "99", "105"), ("105", "105", "99", "100")
    result = run(candles_of(QUIET, *rows), {0: Side.LONG}, stop=95.0, settings=changed, fees=TAKER)
    assert legs(result)[1][2:] == (D(1), D("100.2"))  # 100 x 1.0005 / 0.9995 = 100.10005, on the tick of 0.1 above
    assert result.trades[0].trade.net_pnl > 0


def test_a_limit_that_denies_is_counted_by_its_reason() -> None:
    changed = settings(max_order_notional=D(50))
    result = run(candles_of(QUIET, QUIET, QUIET), {0: Side.LONG, 1: Side.EXIT_LONG}, settings=changed)
    assert (result.fills, result.denials) == ((), {"MAX_ORDER_NOTIONAL": 1, "NOTHING_HELD": 1})


def test_funding_is_paid_on_what_is_held_at_its_time() -> None:
    open_ms = [(FIRST + row) * MINUTE_MS for row in range(4)]
    rates = tuple((at, D("0.001")) for at in open_ms)
    rows = ("100", "101", "99", "100"), ("110", "111", "109", "110"), ("120", "121", "119", "120")
    result = run(candles_of(QUIET, *rows), {0: Side.LONG, 2: Side.EXIT_LONG}, funding=rates)
    assert result.funding == D("-0.23")  # not at the open of the entry; 110 x 0.001 and, before the exit, 120 x 0.001
    assert result.trades[0].trade.funding == D("-0.23")
    assert result.final_equity == D(1_000_000) + 20 - D("0.23")
    short = run(candles_of(QUIET, *rows), {0: Side.SHORT, 2: Side.EXIT_SHORT}, funding=rates)
    assert short.funding == D("0.23")


def test_a_repeated_signal_on_the_held_side_does_nothing() -> None:
    result = run(candles_of(*[QUIET] * 4), {0: Side.LONG, 1: Side.LONG, 2: Side.LONG})
    assert (len(result.fills), result.denials) == (1, {"POSITION_ALREADY_OPEN": 2})
