"""Laws of metrics for any backtest: ratios know no currency, shares stay shares, and no number is NaN or infinite."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlecast.backtest.metrics import DAY_MS, TradeColumns
from tests.support.backtest_columns import MINUTE_MS, BacktestColumns, trades_of

RATIOS = (
    *(
        "total_return",
        "annual_return",
        "volatility",
        "sharpe_ratio",
        "sortino_ratio",
        "calmar_ratio",
        "omega_ratio",
        "alpha",
        "beta",
    ),
    *(
        "max_drawdown",
        "value_at_risk",
        "conditional_value_at_risk",
        "turnover",
        "win_rate",
        "payoff_ratio",
        "profit_factor",
        "sqn",
    ),
)
returns = st.floats(-0.3, 0.3).map(lambda value: round(value, 4))
profits = st.integers(-10_000, 10_000).map(float)

pytestmark = pytest.mark.slow


@st.composite
def backtests(draw: st.DrawFn, *, ruin: bool = False) -> BacktestColumns:
    rows = draw(st.integers(1, 40))
    own, market = (np.array(draw(st.lists(returns, min_size=rows, max_size=rows))) for _ in range(2))
    gaps = draw(st.lists(st.sampled_from((1, 1, 1, 2, 9)), min_size=rows, max_size=rows))
    step = draw(st.sampled_from((5 * MINUTE_MS, 4 * 60 * MINUTE_MS, DAY_MS)))
    equity = 1000.0 * np.cumprod(1 + own)
    if ruin:
        equity -= draw(st.floats(0.0, 2000.0))
    return BacktestColumns(
        cash=1000.0,
        time=np.cumsum(np.array(gaps, dtype=np.int64)) * step,
        equity=equity,
        close=10.0 * np.cumprod(1 + market),
        exposed=np.array(draw(st.lists(st.booleans(), min_size=rows, max_size=rows))),
        trades=trades_of(draw(st.lists(profits, max_size=20))),
    )


def in_another_currency(columns: BacktestColumns, rate: float) -> BacktestColumns:
    trades = columns.trades
    return dataclasses.replace(
        columns,
        cash=columns.cash * rate,
        equity=columns.equity * rate,
        close=columns.close * rate,
        trades=dataclasses.replace(
            trades, pnl=trades.pnl * rate, entry_price=trades.entry_price * rate, exit_price=trades.exit_price * rate
        ),
    )


@given(backtests(), st.integers(-8, 8))
def test_ratios_do_not_depend_on_the_currency(columns: BacktestColumns, power: int) -> None:
    rate = 2.0**power  # exact, so that no rounding stands between the two
    here, there = columns.measured().to_json(), in_another_currency(columns, rate).measured().to_json()
    assert {name: there[name] for name in RATIOS} == {name: here[name] for name in RATIOS}
    if columns.trades.pnl.any():
        assert there["expectancy"] == pytest.approx(here["expectancy"] * rate)  # type: ignore[operator] # there are trades


@given(backtests(ruin=True))
def test_no_number_is_nan_or_infinite_and_shares_stay_shares(columns: BacktestColumns) -> None:
    metrics = columns.measured()
    json.dumps(metrics.to_json(), allow_nan=False)
    for share in (metrics.max_drawdown, metrics.buy_and_hold_max_drawdown, metrics.exposure, metrics.win_rate or 0.0):
        assert 0.0 <= share <= 1.0
    assert metrics.ruined == bool((columns.equity <= 0).any())
    assert metrics.max_drawdown == 1.0 or not metrics.ruined
    assert 0 <= metrics.max_drawdown_length_ms <= metrics.longest_drawdown_ms
    assert (metrics.max_drawdown > 0) == (metrics.longest_drawdown_ms > 0) or len(columns.time) == 1


@given(backtests())
def test_order_of_the_ratios(columns: BacktestColumns) -> None:
    metrics = columns.measured()
    if metrics.value_at_risk is not None and metrics.conditional_value_at_risk is not None:
        assert metrics.conditional_value_at_risk >= metrics.value_at_risk - 1e-12
    if metrics.omega_ratio is not None and metrics.sharpe_ratio is not None:
        assert (metrics.omega_ratio > 1 + 1e-9) <= (metrics.sharpe_ratio > 0)
        assert (metrics.omega_ratio < 1 - 1e-9) <= (metrics.sharpe_ratio < 0)
    if metrics.sortino_ratio is not None and metrics.sharpe_ratio is not None:
        assert math.copysign(1, metrics.sortino_ratio) == math.copysign(1, metrics.sharpe_ratio)


@given(backtests())
def test_the_order_of_trades_does_not_matter(columns: BacktestColumns) -> None:
    trades = columns.trades
    turned = TradeColumns(**{field.name: getattr(trades, field.name)[::-1] for field in dataclasses.fields(trades)})
    here, there = columns.measured().to_json(), dataclasses.replace(columns, trades=turned).measured().to_json()
    assert [name for name in here if here[name] is None] == [name for name in there if there[name] is None]
    for name, number in here.items():
        if number is not None:
            assert there[name] == pytest.approx(number, rel=1e-12, abs=1e-12)


@given(backtests())
def test_an_equity_that_holds_the_market_has_a_beta_of_one_and_no_alpha(columns: BacktestColumns) -> None:
    held = dataclasses.replace(columns, cash=float(columns.close[0]), equity=columns.close).measured()
    if held.beta is not None:
        assert held.beta == pytest.approx(1.0)
        assert held.alpha == pytest.approx(0.0, abs=1e-9)
    assert held.total_return == held.buy_and_hold_return
    assert held.sharpe_ratio == held.buy_and_hold_sharpe_ratio
    assert held.max_drawdown == held.buy_and_hold_max_drawdown
