"""vectorbt, backtesting.py and a plain loop agree on every trade, or differ as the README of tests/foreign/engines says."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.golden.backtests import CASES, ENGINES, FILLS, LEVELS, Case, Run, golden, runs
from tests.support.backtest_comparison import first_difference, trades_difference
from tests.support.plain_backtest import Row, Rules, read_rows, result

EQUITY_NOISE = 1e-7  # what float64 may lose of ten millions over some hundred sums
LONG_FILE = "btc-1m"  # decimals over 30,000 rows take their time
LAST_ROW_DECIDES = "sample-btc-last-row-decides"
BOTH = [case for case in CASES if case.name != LAST_ROW_DECIDES]


def name_of(value: object) -> str:
    return value.name if isinstance(value, Case) else str(value)


def rows_of(case: Case) -> list[Row]:
    if not case.path.is_file():
        pytest.skip(f"recorded candles are not on this machine: {case.file}")
    return case.of(_read(case.path))


@cache
def _read(path: Path) -> list[Row]:
    return read_rows(path)


def rules(run: Run) -> Rules:
    plain = Rules(fill=run.fill, as_vectorbt=run.engine == "vectorbt")
    return plain if run.levels == "none" else replace(plain, stop=Decimal(run.case.stop), target=Decimal(run.case.target))


@pytest.mark.parametrize("case", BOTH, ids=name_of)
@pytest.mark.parametrize("fill", FILLS)
def test_both_engines_make_the_same_trades_without_levels(case: Case, fill: str) -> None:
    vectorbt, backtesting = (golden(Run(case, engine, fill, "none")) for engine in ENGINES)
    assert len(vectorbt["trades"]) > 10
    assert first_difference(vectorbt, backtesting) is None


def plain_runs() -> list[Any]:
    """Every run; an order of the last row is apart, since backtesting.py never fills an order with no row behind."""
    return [
        pytest.param(run, id="-".join(run.key), marks=[pytest.mark.slow] if run.case.name == LONG_FILE else [])
        for run in runs()
        if (run.case.name, run.engine, run.fill) != (LAST_ROW_DECIDES, "backtesting", "close")
    ]


@pytest.mark.parametrize("run", plain_runs())
def test_a_plain_loop_makes_the_trades_of_an_engine(run: Run) -> None:
    found = result(rows_of(run.case), rules(run))
    assert first_difference(found, golden(run)) is None


@pytest.mark.parametrize("levels", LEVELS)
def test_only_vectorbt_fills_an_order_of_the_last_row_at_its_close(levels: str) -> None:
    case = next(case for case in CASES if case.name == LAST_ROW_DECIDES)
    vectorbt, backtesting = (golden(Run(case, engine, "close", levels)) for engine in ENGINES)
    turned = vectorbt["trades"][-1]
    assert trades_difference(vectorbt["trades"][:-1], backtesting["trades"]) is None
    assert turned["exit_time"] == vectorbt["open_position"]["entry_time"] > backtesting["open_position"]["entry_time"]
    assert turned["entry_time"] == backtesting["open_position"]["entry_time"]
    assert vectorbt["open_position"]["pnl"] == -vectorbt["open_position"]["fees"]
    lost = vectorbt["final_equity"] - backtesting["final_equity"]
    assert lost == pytest.approx(-2 * vectorbt["open_position"]["fees"], abs=EQUITY_NOISE)


@pytest.mark.parametrize("case", BOTH, ids=name_of)
@pytest.mark.parametrize("fill", FILLS)
def test_vectorbt_loses_the_order_of_a_row_whose_stop_or_target_fills(case: Case, fill: str) -> None:
    vectorbt, backtesting = ({trade["entry_time"]: trade for trade in stopped(case, engine, fill)} for engine in ENGINES)
    closed = {trade["exit_time"] for trade in vectorbt.values()}
    assert set(vectorbt) <= set(backtesting)
    assert set(backtesting) - set(vectorbt) <= closed


def test_levels_within_the_row_of_an_entry_count_for_backtesting_alone() -> None:
    at_once = {
        engine: [each for case in CASES for each in stopped(case, engine, "next_open") if is_at_once(each)] for engine in ENGINES
    }
    assert not at_once["vectorbt"]
    assert len(at_once["backtesting"]) > 3


@pytest.mark.parametrize("run", [pytest.param(run, id="-".join(run.key)) for run in runs()])
def test_totals_are_those_of_the_trades(run: Run) -> None:
    found = golden(run)
    ends = [*found["trades"], *([found["open_position"]] if found["open_position"] else [])]
    assert found["closed_trades"] == len(found["trades"])
    assert sum(end["fees"] for end in ends) == pytest.approx(found["fees"], rel=1e-9)
    assert sum(end["pnl"] for end in ends) == pytest.approx(found["final_equity"] - 10_000_000, rel=1e-6, abs=EQUITY_NOISE)


def stopped(case: Case, engine: str, fill: str) -> list[dict[str, Any]]:
    trades: list[dict[str, Any]] = golden(Run(case, engine, fill, "stops"))["trades"]
    return trades


def is_at_once(trade: dict[str, Any]) -> bool:
    return bool(trade["entry_time"] == trade["exit_time"])
