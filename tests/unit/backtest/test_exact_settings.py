"""The exact path serves resting entries, adds, moving stops, margin, and limits on a position."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st

from candlecast.backtest import exact_path
from candlecast.backtest.candle_desk import ClosedBy
from candlecast.backtest.exact_path import ExactResult, run_exactly
from candlecast.backtest.fills import FillAt
from candlecast.backtest.margin import Margin
from candlecast.domain.backtests.market_fill import Slippage
from candlecast.domain.limits.limits import Limits
from candlecast.domain.signals.entry_order import EntryPreference, EntryType
from candlecast.domain.subscriptions.subscription import Settings, Sizing, SizingMode
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.terms import MarginMode, WorkingType
from candlecast.strategy import Side, Signals, Target
from tests.support.backtest_exact import (
    FIRST,
    MINUTE_MS,
    QUIET,
    TAKER,
    candles_of,
    decided,
    fixed,
    legs,
    run,
    settings,
    terms,
    walk,
)
from tests.support.backtest_planted import Planted
from tests.support.builders import a_market

D = Decimal
MARGIN = Margin.of(((D(0), D("0.01")),), fee=D("0.005"))
LIMIT = EntryPreference(type=EntryType.LIMIT, offset_bps=D(500), rests_seconds=180)  # 5 % better than the signal's price


def test_a_limit_entry_rests_and_pays_the_maker() -> None:
    candles = candles_of(QUIET, ("100", "101", "96", "97"), ("97", "98", "94", "95"))
    result = run(candles, {0: Side.LONG}, settings=settings(entry=LIMIT), fees=TAKER)
    assert legs(result) == [(2, "ENTRY", D(1), D(95))]
    assert result.fees == D("0.019")  # 95 x 0.0002


def test_a_limit_entry_ends_with_its_time() -> None:
    candles = candles_of(QUIET, *[("100", "101", "96", "97")] * 4, ("97", "98", "94", "95"))
    result = run(candles, {0: Side.LONG}, settings=settings(entry=LIMIT))
    assert (result.fills, result.denials, result.account.intents) == ((), {"ENTRY_NOT_FILLED": 1}, {})


def test_an_exit_cancels_the_entry_that_rests() -> None:
    candles = candles_of(QUIET, ("100", "101", "96", "97"), ("97", "98", "94", "95"))
    result = run(candles, {0: Side.LONG, 1: Side.EXIT_LONG}, settings=settings(entry=LIMIT))
    assert (result.fills, result.denials) == ((), {"SIGNAL_SUPERSEDED": 1, "NOTHING_HELD": 1})


def test_a_reversal_over_an_entry_that_rests_decides_again() -> None:
    candles = candles_of(QUIET, ("100", "101", "96", "100"), ("100", "106", "99", "105"))
    result = run(candles, {0: Side.LONG, 1: Side.SHORT}, settings=settings(entry=LIMIT))
    assert [(fill.row - FIRST, fill.side.value, fill.price) for fill in result.fills] == [(2, "SELL", D(105))]
    assert result.denials == {"SIGNAL_SUPERSEDED": 1, "NOTHING_HELD": 1}


def test_the_stop_of_a_limit_entry_stands_in_the_candle_of_its_fill() -> None:
    candles = candles_of(QUIET, ("100", "101", "89", "96"))
    result = run(candles, {0: Side.LONG}, stop=90.0, settings=settings(entry=LIMIT))
    assert legs(result) == [(1, "ENTRY", D(1), D(95)), (1, "STOP_LOSS", D(1), D(90))]


def test_an_add_has_one_stop_for_all_that_is_held() -> None:
    changed = settings(limits=Limits(max_adds=1))
    candles = candles_of(QUIET, ("100", "101", "99", "100"), ("100", "101", "89", "95"))
    result = run(candles, {0: Side.LONG, 1: Side.LONG}, stop=90.0, settings=changed)
    assert [leg[:3] for leg in legs(result)] == [(1, "ENTRY", D(1)), (2, "ENTRY", D(1)), (2, "STOP_LOSS", D(2))]
    assert result.account.intents == {}


def test_a_reversal_closes_and_opens_at_one_price() -> None:
    candles = candles_of(QUIET, ("100", "101", "99", "100"), ("102", "103", "101", "102"))
    result = run(candles, {0: Side.LONG, 1: Side.SHORT})
    assert [leg[1:] for leg in legs(result)[1:]] == [("EXIT", D(1), D(102)), ("ENTRY", D(1), D(102))]


def test_the_venues_own_trailing_stop_serves_where_it_can() -> None:
    changed = settings(trailing_stop_percent=D(5))
    candles = candles_of(QUIET, ("100", "110", "99", "109"), ("109", "109", "104", "108"))
    result = run(candles, {0: Side.LONG}, settings=changed)
    assert legs(result)[1][1:] == ("TRAILING_STOP", D(1), D("104.5"))  # 5 % below 110


def test_a_stop_goes_to_break_even_after_the_first_target() -> None:
    changed = settings(break_even_after_target=True, sizing=fixed("2"))
    rows = ("100", "106", "99", "105"), ("105", "105", "99", "104")
    result = run(candles_of(QUIET, *rows), {0: Side.LONG}, stop=90.0, targets=((105.0, 0.5),), settings=changed)
    assert [leg[2:] for leg in legs(result)[1:]] == [(D(1), D(105)), (D(1), D(100))]
    assert result.trades[0].closed_by is ClosedBy.STOP_LOSS


def test_sizes_by_equity_follow_the_profit() -> None:
    changed = settings(sizing=Sizing(SizingMode.PERCENT_OF_EQUITY, D(50)))
    rows = ("100", "101", "99", "100"), ("200", "200", "200", "200"), ("200", "200", "200", "200")
    result = run(candles_of(QUIET, *rows), {0: Side.LONG, 1: Side.EXIT_LONG, 2: Side.LONG}, settings=changed, cash=D(1000))
    assert [leg[2] for leg in legs(result)] == [D(5), D(5), D("3.75")]  # 500 / 100; 750 / 200


@pytest.mark.parametrize(
    ("mode", "cash", "equity"),
    [
        (MarginMode.CROSS, D(10), D("0.4455")),  # 90.9 is (10 - 100) / (0.01 - 1); 0.9 is left, less 0.5 % of 90.9
        (MarginMode.ISOLATED, D(11), D(1)),  # the initial margin of 10 is lost
    ],
)
def test_a_liquidation_takes_the_position_at_its_price(mode: MarginMode, cash: Decimal, equity: Decimal) -> None:
    candles = candles_of(QUIET, ("100", "101", "99", "100"), ("100", "101", "85", "95"))
    changed = settings(margin_mode=mode, leverage=D(10))
    result = run(candles, {0: Side.LONG}, settings=changed, cash=cash, margin=MARGIN)
    assert legs(result)[1] == (2, "LIQUIDATED", D(1), D("90.9"))
    assert (result.trades[0].closed_by, result.final_equity) == (ClosedBy.LIQUIDATED, equity)


def test_a_liquidation_cancels_the_entry_that_rests() -> None:
    changed = settings(leverage=D(10), entry=LIMIT, limits=Limits(max_adds=1))
    rows = ("100", "101", "95", "96"), ("96", "97", "96", "97"), ("70", "101", "69", "100")
    result = run(candles_of(QUIET, *rows), {0: Side.LONG, 1: Side.LONG}, settings=changed, cash=D(20), margin=MARGIN)
    assert [leg[1] for leg in legs(result)] == ["ENTRY", "LIQUIDATED"]
    assert (result.denials, result.account.intents) == ({"CANCELLED_AT_VENUE": 1}, {})


def test_a_candle_that_reaches_the_target_and_the_liquidation_price_liquidates() -> None:
    candles = candles_of(QUIET, ("100", "101", "99", "100"), ("100", "120", "85", "95"))
    changed = settings(leverage=D(10))
    result = run(candles, {0: Side.LONG}, targets=((110.0, 1.0),), settings=changed, cash=D(10), margin=MARGIN)
    assert [leg[1] for leg in legs(result)] == ["ENTRY", "LIQUIDATED"]


def test_a_stop_before_the_liquidation_price_saves_the_rest() -> None:
    candles = candles_of(QUIET, ("100", "101", "99", "100"), ("100", "101", "85", "95"))
    result = run(candles, {0: Side.LONG}, stop=95.0, settings=settings(leverage=D(10)), cash=D(10), margin=MARGIN)
    assert (legs(result)[1][1], result.final_equity) == ("STOP_LOSS", D(5))


def test_a_gap_beyond_the_liquidation_price_leaves_nothing_below_zero() -> None:
    candles = candles_of(QUIET, ("100", "101", "99", "100"), ("60", "61", "59", "60"))
    result = run(candles, {0: Side.LONG}, stop=95.0, settings=settings(leverage=D(10)), cash=D(10), margin=MARGIN)
    assert (legs(result)[1][1], legs(result)[1][3], result.final_equity) == ("LIQUIDATED", D(60), D(0))


def test_an_entry_that_the_margin_does_not_carry_is_refused() -> None:
    changed = settings(leverage=D(5), max_order_notional=None)
    candles = candles_of(QUIET, ("110", "111", "109", "110"))
    result = run(candles, {0: Side.LONG}, settings=changed, cash=D(21), margin=MARGIN)
    assert (result.fills, result.denials) == ((), {"VENUE_REJECTED": 1})  # 100 at the decision, 110 at the open: above 105


@pytest.mark.parametrize(
    ("limits", "leg", "row"),
    [
        (Limits(max_unrealised_loss_percent=D(5)), "UNREALISED_LOSS", 3),
        (Limits(max_holding_hours=D("0.05")), "HOLDING_TIME_OVER", 4),
    ],
)
def test_a_limit_that_closes_is_acted_on_at_the_close(limits: Limits, leg: str, row: int) -> None:
    rows = ("100", "101", "99", "100"), ("100", "101", "94", "95"), ("95", "96", "94", "95"), ("95", "96", "94", "95")
    result = run(candles_of(QUIET, *rows, QUIET), {0: Side.LONG}, settings=settings(limits=limits))
    assert (legs(result)[1][0], legs(result)[1][1].startswith(leg)) == (row, True)


def test_funding_inside_a_candle_is_paid_by_the_position_of_its_open() -> None:
    at = (FIRST + 1) * MINUTE_MS + 30_000
    candles = candles_of(QUIET, ("100", "101", "89", "95"), QUIET)
    result = run(candles, {0: Side.LONG}, stop=90.0, funding=((at, D("0.001")),))
    assert result.funding == D("-0.1")  # the stop may have come later


def test_an_entry_above_the_largest_order_goes_in_parts() -> None:
    market = a_market(max_quantity=D(1))
    candles = candles_of(QUIET, ("100", "101", "99", "100"), ("100", "101", "89", "95"))
    result = run(candles, {0: Side.LONG}, stop=90.0, settings=settings(sizing=fixed("2.5")), market=market)
    assert [leg[0] for leg in legs(result)] == [1, 1, 1, 2, 2, 2]
    assert [sum(leg[2] for leg in legs(result)[half : half + 3]) for half in (0, 3)] == [D("2.5"), D("2.5")]
    assert (len(result.trades), result.trades[0].trade.pnl) == (1, D(-25))


@pytest.mark.parametrize(("seconds", "paid"), [(59, D("-0.1")), (60, D("-0.2")), (3_600, D("-0.2")), (3_601, D("-0.2"))])
def test_funding_of_a_gap_is_paid_at_the_next_open(seconds: int, paid: Decimal) -> None:
    candles = candles_of(QUIET, QUIET, ("200", "201", "199", "200"))
    gap = candles.time.copy()
    gap[-1] = gap[-2] + 3_600_000
    later = replace(candles, time=gap)
    at = int(gap[-2]) + seconds * 1000
    result = run(later, {0: Side.LONG}, funding=((at, D("0.001")),))
    assert result.funding == paid


def test_a_decision_that_a_live_run_would_not_make_is_counted() -> None:
    candles = candles_of(QUIET, QUIET, QUIET)
    side = np.zeros(len(candles), dtype=np.int8)
    side[FIRST] = Side.LONG
    result = run_exactly(Planted(candles, Signals(side=side), unsteady=True), candles, terms())
    assert (result.fills, result.decisions, result.differing_decisions) == ((), 1, 1)


def test_a_signal_that_live_would_quarantine_does_nothing() -> None:
    result = run(candles_of(QUIET, QUIET, QUIET), {0: Side.LONG}, stop=45.0)
    assert (result.fills, result.denials) == ((), {"STOP_IMPLAUSIBLE": 1})


def test_stops_by_the_mark_price_are_refused() -> None:
    for changes in ({"stop_working_type": WorkingType.MARK_PRICE}, {"stop_price_protect": True}):
        with pytest.raises(InvalidValue) as refused:
            terms(settings=settings(**changes))
        assert refused.value.code == "BACKTEST_MARK_PRICE_UNKNOWN"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"cash": D(0)}, "CASH_INVALID"),
        ({"funding": ((2, D(0)), (1, D(0)))}, "FUNDING_INVALID"),
        ({"funding": ((1, D(0)), (1, D(0)))}, "FUNDING_INVALID"),
    ],
)
def test_impossible_terms_are_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        terms(**changes)
    assert refused.value.code == code


RICH: dict[str, dict[str, Any]] = {
    "trail": {"trailing_stop_percent": D(15), "break_even_after_r": D(1)},
    "venue trails": {"trailing_stop_percent": D(3), "trailing_activation_percent": D(1)},
    "atr": {"stop_atr_multiplier": D(2), "target_atr_multiplier": D(3), "sizing": Sizing(SizingMode.RISK_PERCENT, D(1))},
    "ladder": {"break_even_after_target": True, "limit_targets": True},
    "limit entries": {"entry": EntryPreference(type=EntryType.LIMIT, offset_bps=D(20), rests_seconds=240)},
    "adds": {"limits": Limits(max_adds=2, max_unrealised_loss_percent=D(4))},
    "drawdown": {"limits": Limits(max_trailing_drawdown_percent=D(1), max_holding_hours=D("0.5"))},
    "isolated": {"margin_mode": MarginMode.ISOLATED, "leverage": D(50)},
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", RICH)
@runs(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), fill_at=st.sampled_from(FillAt), share=st.sampled_from([0.1, 0.6]))
def test_every_fill_is_in_the_equity_and_no_skipped_candle_matters(kind: str, seed: int, fill_at: FillAt, share: float) -> None:
    candles = walk(seed, FIRST + 80)
    plain = decided(candles, seed + 1, share=share, width=0.03, levels=2)
    half = np.round((candles.close + plain.targets[0].price) / 2, 8)
    ladder = (Target(half, 0.5), Target(plain.targets[0].price, 0.5))
    signals = Signals(side=plain.side, stop_loss=plain.stop_loss, targets=ladder if kind == "ladder" else plain.targets)
    funding = tuple(((FIRST + row) * MINUTE_MS + 30_000 * (row % 2), D("0.0003")) for row in range(0, 80, 7))
    changed: Settings = settings(**{"capital": D(10_000), **RICH[kind]})
    given_terms = terms(
        settings=changed,
        cash=D(300),
        fees=TAKER,
        fill_at=fill_at,
        slippage=Slippage(bps=D(1), range_share=D("0.01")),
        funding=funding,
        margin=MARGIN,
    )
    result = run_exactly(Planted(candles, signals), candles, given_terms)
    assert_adds_up(result, D(300), D(repr(float(candles.close[-1]))))
    with patch.object(exact_path._Run, "_next", lambda self, row, decision: row + 1):
        whole = run_exactly(Planted(candles, signals), candles, given_terms)
    assert (whole.trades, whole.fills, whole.denials) == (result.trades, result.fills, result.denials)
    np.testing.assert_array_equal(whole.curve.equity(candles.close), result.curve.equity(candles.close))


def assert_adds_up(result: ExactResult, cash: Decimal, close: Decimal) -> None:
    """Cash, closed trades and the open position are the equity, to the last digit of a division."""
    total, held = cash + sum((each.trade.net_pnl for each in result.trades), ZERO), result.open_position
    if held is not None:
        done = (held.exit_notional - held.entry_price * (held.opened_quantity - held.quantity)) * held.side.sign
        total += done + held.unrealised_pnl(close) - held.fees + held.funding
    assert abs(total - result.final_equity) < D("1E-15")
    last = result.curve.cash[-1] + result.curve.held[-1] * float(close)
    assert last == pytest.approx(float(result.final_equity), abs=1e-8)
