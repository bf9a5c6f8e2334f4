"""Candles of the cases that other engines have run, and the engine whose result ours must equal."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from candlecast.strategy import Candles
from tests.golden.backtests import Case, Run
from tests.support.plain_backtest import read_rows

LAST_ROW_DECIDES = "sample-btc-last-row-decides"


@cache
def columns(case: Case) -> Candles:
    if not case.path.is_file():
        pytest.skip(f"recorded candles are not on this machine: {case.file}")
    rows = case.of(read_rows(case.path))
    prices = {
        name: np.array([float(getattr(row, name)) for row in rows], dtype=np.float64) for name in ("open", "high", "low", "close")
    }
    return Candles(time=np.array([row.time for row in rows], dtype=np.int64), volume=np.ones(len(rows)), **prices)


def reference(case: Case, fill: str, levels: str) -> Run:
    """backtesting.py, whose stops count in the row of an entry; vectorbt, which fills an order of the last row at its close."""
    return Run(case, "vectorbt" if (case.name, fill) == (LAST_ROW_DECIDES, "close") else "backtesting", fill, levels)


def has_our_rules(run: Run) -> bool:
    """Whether an engine's run must equal ours: both engines agree without levels, but for an order of the last row."""
    ours = reference(run.case, run.fill, run.levels)
    return run == ours or (run.levels == "none" and ours.engine == "backtesting")
