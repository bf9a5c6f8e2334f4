"""Curves of few points keep the extremes of all, and months end where they end."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlecast.backtest.pictures.report import Report, ShownTrades, Sweep, blocks, extremes, merged, monthly_returns
from candlecast.domain.values.errors import InvalidValue
from candlecast.strategy.candles import Integers
from tests.support.backtest_reports import CASH, report_of, sweep_of, walk


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400), most=st.integers(4, 100))
def test_a_curve_of_few_points_keeps_its_extremes(values: list[float], most: int) -> None:
    curve = np.array(values)
    rows, points = extremes(curve, most)
    assert len(rows) <= max(most, 4)
    assert (np.diff(rows) > 0).all()
    assert points.tolist() == curve[rows].tolist()
    assert (points.min(), points.max(), points[0], points[-1]) == (curve.min(), curve.max(), curve[0], curve[-1])


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=30, max_size=400), most=st.integers(10, 29))
def test_every_part_of_a_curve_keeps_its_extremes(values: list[float], most: int) -> None:
    curve = np.array(values)
    rows, _ = extremes(curve, most)
    begins = blocks(len(curve), (most - 2) // 2)
    for begin, end in zip(begins, [*begins[1:], len(curve)], strict=True):
        kept = curve[rows[(rows >= begin) & (rows < end)]]
        assert (kept.min(), kept.max()) == (curve[begin:end].min(), curve[begin:end].max())


@given(rows=st.integers(1, 300), most=st.integers(1, 320))
def test_longer_candles_keep_extremes_opens_and_closes(rows: int, most: int) -> None:
    candles = walk(rows)
    begins = blocks(rows, most)
    longer = merged(candles, begins)
    assert len(longer) <= most
    for index, (begin, end) in enumerate(zip(begins, [*begins[1:], rows], strict=True)):
        part = candles.rows(int(begin), int(end))
        found = [float(getattr(longer, name)[index]) for name in ("open", "high", "low", "close", "volume")]
        assert found == [part.open[0], part.high.max(), part.low.min(), part.close[-1], part.volume.sum()]


def times(*days: str) -> Integers:
    return np.array(days, dtype="datetime64[ms]").astype(np.int64)


def test_a_month_is_measured_against_the_month_before() -> None:
    time = times("2021-12-31T23:59", "2022-01-01T00:00", "2022-01-31T23:59", "2022-03-01", "2023-02-01")
    months = monthly_returns(time, np.array([110.0, 50.0, 121.0, 60.5, 121.0]), 100.0)
    assert months.years == (2021, 2022, 2023)
    assert months.returns[0, 11] == pytest.approx(0.1)
    assert months.returns[1, :3].tolist() == pytest.approx([0.1, np.nan, -0.5], nan_ok=True)
    assert months.returns[2, 1] == pytest.approx(1.0)
    assert int(np.isfinite(months.returns).sum()) == 4
    assert months.totals.tolist() == pytest.approx([0.1, -0.45, 1.0])


def test_a_month_behind_ruin_has_no_return() -> None:
    months = monthly_returns(times("2022-01-01", "2022-02-01", "2022-03-01"), np.array([50.0, -1.0, 80.0]), 100.0)
    assert months.returns[0, :3].tolist() == pytest.approx([-0.5, -1.02, np.nan], nan_ok=True)


@given(seed=st.integers(0, 1000), step=st.integers(1, 40))
def test_months_and_years_compound_to_the_whole(seed: int, step: int) -> None:
    random = np.random.default_rng(seed)
    time = times("2020-03-05")[0] + np.arange(60) * step * 86_400_000
    equity = CASH * np.exp(np.cumsum(random.normal(0, 0.1, 60)))
    months = monthly_returns(time, equity, CASH)
    for returns in (months.returns, months.totals):
        assert np.prod(1 + returns[np.isfinite(returns)]) == pytest.approx(equity[-1] / CASH)


def test_the_drawdown_starts_from_the_cash() -> None:
    report = dataclasses.replace(report_of(4), equity=np.array([90.0, 120.0, 60.0, -10.0]), cash=100.0)
    assert report.fall.tolist() == pytest.approx([-0.1, 0.0, -0.5, -1.0])
    assert report.held[0] == 100.0


@pytest.mark.parametrize("change", [{"equity": np.ones(3)}, {"equity": np.full(4, np.nan)}, {"cash": 0.0}, {"cash": np.inf}])
def test_a_report_without_a_sound_equity_is_refused(change: dict[str, object]) -> None:
    report = report_of(4)
    with pytest.raises(InvalidValue):
        Report(**{**{field.name: getattr(report, field.name) for field in dataclasses.fields(report)}, **change})


def test_trades_out_of_order_and_sweeps_that_make_no_picture_are_refused() -> None:
    two, sides = np.ones(2), np.ones(2, dtype=np.int8)
    with pytest.raises(InvalidValue, match="order"):
        ShownTrades(sides, np.array([2, 1]), np.array([3, 4]), two, two, two)
    with pytest.raises(InvalidValue, match="equal"):
        ShownTrades(sides, np.array([1]), np.array([3, 4]), two, two, two)
    with pytest.raises(InvalidValue, match="row"):
        dataclasses.replace(sweep_of(), values=np.ones((3, 2)))
    with pytest.raises(InvalidValue, match="finite"):
        dataclasses.replace(sweep_of(), values=np.full((2, 3), np.inf))
    with pytest.raises(InvalidValue, match="cells"):
        Sweep("pnl", "x", (), "y", (1.0,), np.ones((1, 0)), 0)
