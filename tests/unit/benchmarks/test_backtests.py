"""The benchmark of backtests measures runs that are right, and its report has every row that the summary asks for."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest

from benchmarks import backtests
from benchmarks.backtests import CALLED, CPU, MEMORY, PEAK, WALL, WHOLE, Run
from benchmarks.engines.experiment_values import CASH, FASTS, FEE, SLOWS
from benchmarks.harness.measuring import Figure
from benchmarks.report import summary
from candlecast.backtest.fills import Costs
from candlecast.backtest.plain import PlainTerms
from candlecast.backtest.run import run
from candlecast.backtest.strategy_file import strategy_class
from tests.golden.backtests import CASES, golden
from tests.support.engine_cases import columns, reference

CASE = {case.name: case for case in CASES}
ONE = Run(seconds=2.0, cpu_seconds=1.0, peak_bytes=100, answer=(3.0, 4.0, 5.0))


def call(subject: str, case: str) -> tuple[float, ...]:
    """One call of ours over all candles of a case."""
    path, rows = CASE[case].path, len(columns(CASE[case]))
    script = str(backtests.HERE / "calls_of_candlecast.py")
    with backtests.caller([sys.executable, script, str(path), subject, "--rows", str(rows)]) as answers:
        return next(answers).answer


@pytest.mark.slow
@pytest.mark.parametrize(
    ("subject", "case", "levels"),
    [("averages", "sample-btc", "none"), ("sma_cross", "sample-btc", "none"), ("levels", "btc-1m", "stops")],
)
def test_a_measured_call_finds_the_trades_of_other_engines(subject: str, case: str, levels: str) -> None:
    wanted = golden(reference(CASE[case], "next_open", levels))
    trades = wanted["closed_trades"] + (wanted["open_position"] is not None)
    assert trades > 0
    assert call(subject, case) == pytest.approx((trades, wanted["fees"], wanted["final_equity"]), rel=1e-9)


@pytest.mark.slow
def test_a_measured_sweep_finds_the_best_of_all_pairs() -> None:
    strategy, candles = strategy_class(str(backtests.HERE / "two_averages.py")), columns(CASE["sample-btc"])
    terms = PlainTerms(quantity=1.0, cash=float(CASH), costs=Costs(taker_fee=FEE))
    pairs = [{"fast_period": fast, "slow_period": slow} for fast in FASTS for slow in SLOWS]
    best = max(run(strategy.with_parameters(pair), candles, terms).final_equity for pair in pairs)
    assert call("sweep", "sample-btc") == pytest.approx((len(pairs), best), rel=1e-12)


def test_the_report_has_every_ratio_that_has_a_bound() -> None:
    rows = (*CALLED, *WHOLE)
    others = {row.other: Figure(name="", unit="", values=(6.0, 8.0, 1.0)) for row in rows}
    figures = [
        replace(figure, name=backtests.figure_name(subject, clock))
        for subject, figure in {**others, **{row.ours: Figure(name="", unit="", values=(2.0, 1.0, 1.0)) for row in rows}}.items()
        for clock in (CPU, WALL, PEAK)
    ]
    found = backtests.section(figures)
    bounded = {key for section, key, *_ in summary.RATIOS if section == "backtest"}
    assert bounded == {row.key for row in (*rows, *MEMORY)} == found.keys() - {"spread"}
    assert {found[row.key] for row in rows} == {3.0}
    assert {found[row.key] for row in MEMORY} == {0.25}
    assert found["spread"] == {row.key: {CPU: (1.0, 3.0, 8.0), WALL: (1.0, 3.0, 8.0)} for row in rows}


def test_figures_of_engines_that_disagree_are_refused() -> None:
    runs = {"theirs": [ONE], "ours": [replace(ONE, answer=(3.0, 4.0, 5.00001))]}
    with pytest.raises(ValueError, match="ours finds"):
        list(backtests.compared(runs))


def test_subjects_that_agree_have_figures_of_both_clocks_and_of_memory() -> None:
    runs = {"theirs": [ONE], "ours": [Run(seconds=1.0, cpu_seconds=0.5, peak_bytes=30, answer=ONE.answer)]}
    found = {figure.name: (figure.median, figure.ratio) for figure in backtests.compared(runs)}
    assert {name: found[name] for name in found if ": ours" in name} == {
        "backtest: ours, CPU": (0.5, 0.5),
        "backtest: ours, wall": (1.0, 0.5),
        "backtest: ours, peak memory": (30.0, 0.3),
    }


@pytest.mark.slow
def test_a_whole_process_has_its_own_time_and_memory() -> None:
    answer = {"closed_trades": 3, "fees": 4.0, "final_equity": 5.0}
    held = f"data = bytearray(200_000_000); print('''{json.dumps(answer)}''')"
    found = backtests.whole([sys.executable, "-c", held], None)
    assert found.answer == (3.0, 4.0, 5.0)
    assert 200_000_000 < found.peak_bytes < 260_000_000
    assert found.cpu_seconds > 0


@pytest.mark.slow
def test_a_whole_process_that_fails_shows_its_last_words() -> None:
    with pytest.raises(ChildProcessError, match="no candles"):
        backtests.whole([sys.executable, "-c", "raise SystemExit('no candles')"], None)
