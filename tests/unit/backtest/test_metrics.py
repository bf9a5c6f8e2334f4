"""Metrics agree with those of other libraries and with sums on paper, and say None where there is no value."""

from __future__ import annotations

import dataclasses
import json
import math
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from candlecast.backtest.metrics import BLOCK, DAY_MS, MOST_DAYS, Metrics, day_ends, drawdown, longest_losing_streak
from candlecast.domain.values.errors import InvalidValue
from tests.support.backtest_columns import (
    MINUTE_MS,
    NOON,
    BacktestColumns,
    columns_of,
    compared_with_libraries,
    steps,
    trades_of,
    walk_of,
)

GOLDEN = json.loads((Path(__file__).parents[2] / "foreign" / "metrics" / "golden.json").read_text(encoding="utf-8"))
CASES = compared_with_libraries()
OF_DAYS = (
    *("annual_return", "volatility", "sharpe_ratio", "sortino_ratio", "calmar_ratio", "omega_ratio"),
    *("value_at_risk", "conditional_value_at_risk", "alpha", "beta", "turnover"),
)
OF_TRADES = (
    *("win_rate", "payoff_ratio", "profit_factor", "expectancy", "sqn"),
    *("average_trade_return", "best_trade_return", "worst_trade_return", "average_trade_length_ms"),
)


def value(metrics: Metrics, name: str) -> float | int | bool | None:
    return metrics.to_json()[name]


@pytest.mark.parametrize("case", CASES)
def test_metrics_equal_those_of_other_libraries(case: str) -> None:
    measured, golden = CASES[case].measured().to_json(), GOLDEN[case]["metrics"]
    assert {name: measured[name] for name in golden} == pytest.approx(golden, rel=1e-9, abs=0)


def test_the_libraries_compute_every_metric_but_simple_ones() -> None:
    ours = {field.name for field in dataclasses.fields(Metrics)}
    simple = {"ruined", "exposure", "turnover", "average_trade_return", "best_trade_return", "worst_trade_return"}
    assert {name: ours - set(golden["metrics"]) for name, golden in GOLDEN.items()} == {
        name: simple | {"average_trade_length_ms"} for name in CASES
    }


def test_days_end_with_the_last_candle_that_opens_in_them() -> None:
    time = np.array([NOON, NOON + DAY_MS // 2 - MINUTE_MS, NOON + DAY_MS // 2, NOON + 3 * DAY_MS], dtype=np.int64)
    assert day_ends(time).tolist() == [1, 2, 2, 3]  # the third day has no candle and keeps the second's row


def test_minutes_and_five_minutes_give_the_same_ratios_of_days() -> None:
    minutes = walk_of(5 * 1440, 1, drift=1e-5, deviation=1e-3, seed=3)
    fives = dataclasses.replace(
        minutes,
        time=minutes.time[::5],
        equity=minutes.equity[4::5],
        close=np.concatenate((minutes.close[:1], minutes.close[9::5])),
        exposed=minutes.exposed[::5],
    )
    fine, coarse = minutes.measured(), fives.measured()
    for name in ("days", "total_return", "annual_return", "volatility", "sharpe_ratio", "sortino_ratio", "omega_ratio"):
        assert value(coarse, name) == pytest.approx(value(fine, name), rel=1e-12)


def test_the_first_day_starts_from_the_cash() -> None:
    metrics = columns_of([110.0, 99.0], cash=100.0).measured()
    assert metrics.total_return == pytest.approx(-0.01)
    assert metrics.value_at_risk == pytest.approx(0.09)  # between +10 % and -10 %, a twentieth of the way
    assert metrics.conditional_value_at_risk == pytest.approx(0.1)
    assert metrics.omega_ratio == pytest.approx(1.0)
    assert metrics.annual_return == pytest.approx(0.99 ** (365 / 2) - 1)


def test_drawdown_counts_from_its_peak_to_the_recovery() -> None:
    metrics = columns_of([90.0, 100.0, 120.0, 60.0, 119.0, 120.0, 110.0], candle_ms=MINUTE_MS).measured()
    assert metrics.max_drawdown == pytest.approx(0.5)
    assert metrics.max_drawdown_length_ms == 3 * MINUTE_MS
    assert metrics.longest_drawdown_ms == 3 * MINUTE_MS


def test_a_drawdown_from_the_cash_lasts_from_the_first_open() -> None:
    fall = drawdown(100.0, np.array([90.0, 95.0]), np.array([0, MINUTE_MS], dtype=np.int64))
    assert fall.depth == pytest.approx(0.1)
    assert (fall.length_ms, fall.longest_ms) == (2 * MINUTE_MS, 2 * MINUTE_MS)


def test_the_deepest_drawdown_may_be_shorter_than_the_longest() -> None:
    fall = drawdown(100.0, np.array([99.0, 98.0, 99.0, 100.0, 50.0, 100.0]), np.arange(6, dtype=np.int64))
    assert fall.depth == pytest.approx(0.5)
    assert (fall.length_ms, fall.longest_ms) == (2, 4)


def test_missing_candles_between_two_peaks_are_no_drawdown() -> None:
    fall = drawdown(100.0, np.array([101.0, 102.0, 101.0, 103.0]), np.array([0, 50, 51, 52], dtype=np.int64))
    assert (fall.length_ms, fall.longest_ms) == (2, 2)


@pytest.mark.parametrize("drift", (-1e-3, 0.0, 1e-3))
def test_drawdown_of_many_blocks_equals_its_definition(drift: float) -> None:
    values = 100.0 * np.exp(np.cumsum(steps(5 * BLOCK + 17, drift, 1e-2, seed=5)))
    values[BLOCK - 1 : BLOCK + 2] = values.max()  # a peak at the end of a block, and again in the next
    time = np.arange(len(values), dtype=np.int64)
    fall = drawdown(100.0, values, time)
    high, begin, deepest, longest = 100.0, -1, (0.0, 0, 0), 0
    for row, price in enumerate(values.tolist()):
        if price >= high:
            longest = max(longest, row - begin if row - begin > 1 else 0)
            high, begin = price, row
        elif 1 - price / high > deepest[0]:
            deepest = (1 - price / high, row, begin)
    longest = max(longest, len(values) - 1 - begin)
    recovery = next((row for row in range(deepest[1], len(values)) if values[row] >= values[: deepest[1]].max()), len(values) - 1)
    assert fall.depth == pytest.approx(deepest[0], rel=1e-12)
    assert fall.length_ms == recovery - deepest[2]
    assert fall.longest_ms == longest


def test_a_rising_equity_has_no_drawdown_and_no_ratio_to_one() -> None:
    metrics = columns_of([100.0, 101.0, 103.0]).measured()
    assert (metrics.max_drawdown, metrics.max_drawdown_length_ms, metrics.longest_drawdown_ms) == (0.0, 0, 0)
    assert (metrics.calmar_ratio, metrics.sortino_ratio, metrics.omega_ratio) == (None, None, None)
    assert metrics.sharpe_ratio is not None


def test_one_day_has_returns_but_no_ratios_of_days() -> None:
    metrics = columns_of([101.0, 102.0, 99.0], candle_ms=MINUTE_MS, pnl=(1.0, -2.0)).measured()
    assert {name: value(metrics, name) for name in OF_DAYS} == dict.fromkeys(OF_DAYS)
    assert metrics.buy_and_hold_annual_return is None
    assert metrics.buy_and_hold_sharpe_ratio is None
    assert metrics.days == 1
    assert metrics.total_return == pytest.approx(-0.01)
    assert metrics.max_drawdown == pytest.approx(3 / 102)
    assert metrics.win_rate == 0.5


def test_no_trades_have_no_metrics_of_trades() -> None:
    metrics = columns_of([101.0, 102.0]).measured()
    assert {name: value(metrics, name) for name in OF_TRADES} == dict.fromkeys(OF_TRADES)
    assert (metrics.trades, metrics.longest_losing_streak, metrics.turnover) == (0, 0, 0.0)


def test_an_equity_that_stands_still_has_no_ratios() -> None:
    metrics = columns_of([100.0] * 5).measured()
    assert (metrics.total_return, metrics.annual_return, metrics.volatility, metrics.max_drawdown) == (0.0, 0.0, 0.0, 0.0)
    assert (metrics.sharpe_ratio, metrics.sortino_ratio, metrics.calmar_ratio, metrics.omega_ratio) == (None,) * 4
    assert (metrics.alpha, metrics.beta) == (None, None)  # the market stands still as well


def test_equal_returns_have_no_sharpe_ratio_though_rounding_differs() -> None:
    metrics = columns_of([100.0 * 1.01**day for day in range(1, 50)]).measured()
    assert (metrics.volatility, metrics.sharpe_ratio) == (0.0, None)


def test_a_loss_of_rounding_is_no_divisor() -> None:
    metrics = columns_of([100.0, np.nextafter(100.0, 0.0), 110.0]).measured()
    assert (metrics.sortino_ratio, metrics.omega_ratio, metrics.calmar_ratio) == (None, None, None)
    assert metrics.sharpe_ratio is not None


def test_many_candles_need_less_memory_than_four_more_columns() -> None:
    rows = 200_000
    columns = walk_of(rows // 100, 1, drift=0.0, deviation=1e-3, seed=9)
    time = NOON + np.arange(rows, dtype=np.int64) * MINUTE_MS
    equity, close, exposed = np.tile(columns.equity, 100), np.tile(columns.close, 100), np.tile(columns.exposed, 100)
    large = BacktestColumns(columns.cash, time, equity, close, exposed, columns.trades)
    tracemalloc.start()
    large.measured()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * time.nbytes


@pytest.mark.parametrize("lowest", (0.0, -50.0))
def test_a_ruined_equity_has_no_metrics_of_days(lowest: float) -> None:
    metrics = columns_of([110.0, lowest, 40.0, 50.0], pnl=(10.0, -60.0)).measured()
    assert {name: value(metrics, name) for name in OF_DAYS} == dict.fromkeys(OF_DAYS)
    assert (metrics.ruined, metrics.max_drawdown, metrics.total_return) == (True, 1.0, -0.5)
    assert metrics.buy_and_hold_annual_return == 0.0
    assert metrics.profit_factor == pytest.approx(1 / 6)


def test_an_annual_return_beyond_float64_is_none() -> None:
    assert columns_of([100.0, 1e6]).measured().annual_return is None


@pytest.mark.parametrize("case", CASES)
def test_every_number_is_finite_in_json(case: str) -> None:
    text = json.dumps(CASES[case].measured().to_json(), allow_nan=False)
    assert json.loads(text) == CASES[case].measured().to_json()


def test_trades_by_hand() -> None:
    metrics = columns_of([100.0, 107.0], pnl=(10.0, -4.0, 0.0, -2.0, -1.0, 4.0)).measured()
    assert metrics.trades == 6
    assert metrics.win_rate == pytest.approx(2 / 6)
    assert metrics.payoff_ratio == pytest.approx(7 / (7 / 3))
    assert metrics.profit_factor == pytest.approx(2.0)
    assert metrics.expectancy == pytest.approx(7 / 6)
    assert metrics.sqn == pytest.approx(math.sqrt(6) * (7 / 6) / np.std([10, -4, 0, -2, -1, 4], ddof=1))
    assert metrics.longest_losing_streak == 2
    assert metrics.average_trade_return == pytest.approx(7 / 600)
    assert metrics.best_trade_return == pytest.approx(0.1)
    assert metrics.worst_trade_return == pytest.approx(-0.04)
    assert metrics.average_trade_length_ms == 60 * MINUTE_MS


def test_turnover_is_the_notional_of_entries_and_exits_to_the_mean_equity() -> None:
    metrics = columns_of([100.0, 120.0], pnl=(10.0, -4.0)).measured()
    assert metrics.turnover == pytest.approx((100 + 110 + 100 + 96) / 110 * 365 / 2)


def test_exposure_is_the_share_of_candles_with_a_position() -> None:
    columns = dataclasses.replace(columns_of([100.0] * 4), exposed=np.array([True, False, False, False]))
    assert columns.measured().exposure == 0.25


def test_winners_alone_have_no_payoff_ratio_and_no_profit_factor() -> None:
    metrics = columns_of([100.0, 101.0], pnl=(1.0, 2.0)).measured()
    assert (metrics.payoff_ratio, metrics.profit_factor, metrics.win_rate) == (None, None, 1.0)


def test_one_trade_and_equal_trades_have_no_system_quality_number() -> None:
    assert columns_of([100.0, 101.0], pnl=(1.0,)).measured().sqn is None
    assert columns_of([100.0, 101.0], pnl=(0.1, 0.1, 0.1)).measured().sqn is None


def test_a_losing_streak_follows_the_order_of_exits() -> None:
    trades = trades_of([-1.0, 1.0, -1.0], entry_time=np.array([0, 7_200_000, 3_600_000], dtype=np.int64))
    assert dataclasses.replace(columns_of([100.0]), trades=trades).measured().longest_losing_streak == 2
    assert longest_losing_streak(np.array([-1.0, -1.0, 0.0, -1.0])) == 2
    assert longest_losing_streak(np.array([])) == 0


def test_a_hedge_has_a_beta_of_minus_one_and_its_own_drift_as_alpha() -> None:
    market = np.array([0.02, -0.01, 0.03, -0.02])
    columns = columns_of(100.0 * np.cumprod(1.001 - market))
    columns = dataclasses.replace(columns, close=np.concatenate(([50.0], 50.0 * np.cumprod(1 + market[1:]))))
    metrics = columns.measured()  # the market's first day has no return, the equity's is 0.001 - 0.02
    expected = np.polyfit(np.array([0.0, *market[1:]]), 0.001 - market, 1)
    assert metrics.beta == pytest.approx(expected[0])
    assert metrics.alpha == pytest.approx(expected[1] * 365)


@pytest.mark.parametrize(
    ("changed", "message"),
    (
        ({"cash": 0.0}, "cash"),
        ({"cash": math.nan}, "cash"),
        ({"equity": np.array([1.0])}, "equal lengths"),
        ({"equity": np.array([1.0, math.nan])}, "finite"),
        ({"close": np.array([1.0, math.inf])}, "finite"),
        ({"close": np.array([1.0, 0.0])}, "above zero"),
        ({"time": np.array([5, 5], dtype=np.int64)}, "ascending"),
        ({"time": np.array([0, MOST_DAYS * DAY_MS], dtype=np.int64)}, "milliseconds"),
    ),
)
def test_columns_that_make_no_sense_are_refused(changed: dict[str, object], message: str) -> None:
    columns = dataclasses.replace(columns_of([100.0, 101.0]), **changed)  # type: ignore[arg-type] # any field
    with pytest.raises(InvalidValue, match=message):
        columns.measured()


def test_no_candles_are_refused() -> None:
    with pytest.raises(InvalidValue, match="no candles"):
        columns_of([]).measured()


def test_columns_of_trades_that_make_no_sense_are_refused() -> None:
    trades = trades_of([1.0, 2.0])
    with pytest.raises(InvalidValue, match="equal lengths"):
        dataclasses.replace(trades, quantity=np.ones(1))
    with pytest.raises(InvalidValue, match="finite"):
        dataclasses.replace(trades, pnl=np.array([1.0, math.nan]))
