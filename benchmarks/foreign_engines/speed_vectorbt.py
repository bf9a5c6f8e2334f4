"""vectorbt's own time: `speed_vectorbt.py CANDLES warm|levels|sweep --rows n [--runs n]`, figures as JSON on stdout.

`warm` is two averages, their crossings and a portfolio until trades, fees and final value are there, compiled before. `levels`
adds a stop and a target within the candle. `sweep` is 200 pairs of averages in one call, until each pair's final value is there.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import vectorbt as vbt
from tiled import columns

FASTS, SLOWS = range(5, 55, 5), range(60, 260, 10)  # 10 x 20 pairs, the fast one always below
FEE, CASH = 0.0004, 10_000_000
LEVELS = {"sl_stop": 0.01, "tp_stop": 0.02, "stop_entry_price": "fillprice"}


def one(rows: pd.DataFrame, **levels: Any) -> tuple[int, float, float]:
    fast, slow = vbt.MA.run(rows["close"], 10), vbt.MA.run(rows["close"], 30)
    portfolio = simulated(rows, fast.ma_crossed_above(slow), fast.ma_crossed_below(slow), **levels)
    trades = portfolio.exit_trades.records_arr
    return len(trades), float(trades["entry_fees"].sum() + trades["exit_fees"].sum()), float(portfolio.final_value())


def with_levels(rows: pd.DataFrame) -> tuple[int, float, float]:
    return one(rows, open=rows["open"], high=rows["high"], low=rows["low"], **LEVELS)


def sweep(rows: pd.DataFrame) -> tuple[int, float]:
    """The number of pairs and the best final value."""
    pairs = [(fast, slow) for fast in FASTS for slow in SLOWS]
    fast = vbt.MA.run(rows["close"], [pair[0] for pair in pairs], short_name="fast")
    slow = vbt.MA.run(rows["close"], [pair[1] for pair in pairs], short_name="slow")
    final = simulated(rows, fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)).final_value()
    return len(final), float(final.max())


def simulated(rows: pd.DataFrame, long: Any, short: Any, **levels: Any) -> Any:
    """Fills at the next open: signals one row down, the price of the open."""
    return vbt.Portfolio.from_signals(
        rows["close"],
        entries=long.shift(1, fill_value=False),
        short_entries=short.shift(1, fill_value=False),
        price=rows["open"],
        size=1,
        fees=FEE,
        init_cash=CASH,
        upon_opposite_entry="reverse",
        freq="1min",
        **levels,
    )


SUBJECTS: dict[str, Callable[[pd.DataFrame], object]] = {"warm": one, "levels": with_levels, "sweep": sweep}


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("candles")
    parser.add_argument("subject", choices=SUBJECTS)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    rows, run = columns(asked.candles, asked.rows), SUBJECTS[asked.subject]
    seconds, cpu_seconds, answer = [], [], None
    for _ in range(1 + asked.runs):  # the first compiles
        started, cpu_started = time.perf_counter(), time.process_time()
        answer = run(rows)
        seconds.append(time.perf_counter() - started)
        cpu_seconds.append(time.process_time() - cpu_started)
    figures = {
        "subject": asked.subject,
        "rows": asked.rows,
        "first_seconds": seconds[0],
        "seconds": float(np.median(seconds[1:])),
        "cpu_seconds": float(np.median(cpu_seconds[1:])),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "answer": answer,
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
