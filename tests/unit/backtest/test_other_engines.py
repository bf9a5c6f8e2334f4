"""The trades of whole columns are those of vectorbt and backtesting.py, by their golden results."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from candlecast.backtest.fast_path import ExitBy, trades_of
from candlecast.backtest.fills import Costs, FillAt
from candlecast.strategy import Floats, Signals, Target, evaluate
from candlecast.strategy.registry import load_strategy
from tests.golden.backtests import CASES, FILLS, LEVELS, Case, Run, golden
from tests.support.backtest_comparison import trades_difference
from tests.support.engine_cases import columns, reference

FEE = 0.0004
QUANTITY = 1.0
SIDES = {1: "LONG", -1: "SHORT"}


@cache
def crossings(case: Case) -> Signals:
    """The decisions of sma_cross, without its own stop."""
    strategy = load_strategy("sma_cross").with_parameters({"fast_period": 10, "slow_period": 30})
    return replace(evaluate(strategy, columns(case)), stop_loss=None)


def signals_of(run: Run) -> Signals:
    """Levels are measured from the price of the fill, which other engines do and no live strategy can at a next open."""
    signals = crossings(run.case)
    if run.levels == "none":
        return signals
    candles = columns(run.case)
    fill = candles.close if run.fill == "close" else np.append(candles.open[1:], candles.close[-1])
    side = signals.side.astype(np.float64)
    stop: Floats = fill * (1 - side * float(run.case.stop))
    target: Floats = fill * (1 + side * float(run.case.target))
    return replace(signals, stop_loss=stop, targets=(Target(target),))


def closed_trades(run: Run) -> list[dict[str, Any]]:
    candles = columns(run.case)
    trades = trades_of(signals_of(run), candles, FillAt(run.fill), Costs(taker_fee=FEE))
    found = []
    for index in np.flatnonzero(trades.exit_by != ExitBy.OPEN):
        side, entry, leave = int(trades.side[index]), float(trades.entry_price[index]), float(trades.exit_price[index])
        fees = (entry + leave) * QUANTITY * FEE
        found.append(
            {
                "side": SIDES[side],
                "entry_time": int(candles.time[trades.entry_row[index]]),
                "entry_price": entry,
                "exit_time": int(candles.time[trades.exit_row[index]]),
                "exit_price": leave,
                "quantity": QUANTITY,
                "fees": fees,
                "pnl": (leave - entry) * side * QUANTITY - fees,
            }
        )
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("levels", LEVELS)
def test_trades_of_whole_columns_are_those_of_other_engines(case: Case, fill: str, levels: str) -> None:
    run = reference(case, fill, levels)
    assert trades_difference(closed_trades(run), golden(run)["trades"]) is None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_first_decision_is_that_of_the_lookback(case: Case) -> None:
    strategy = load_strategy("sma_cross").with_parameters({"fast_period": 10, "slow_period": 30})
    assert strategy.lookback == 188
    assert not crossings(case).side[:187].any()
