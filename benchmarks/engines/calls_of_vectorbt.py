"""vectorbt's calls: `calls_of_vectorbt.py CANDLES warm|levels|sweep --rows n`, one for each line of stdin (`measured.serve`).

`warm` is two averages, their crossings and a portfolio until trades, fees and final value are there. `levels` adds a stop and a
target within the candle. `sweep` is all pairs of averages in one call, until each pair's final value is there.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from typing import Any

import measured
import pandas as pd
import vectorbt as vbt
from experiment_values import CASH, FAST, FASTS, FEE, FIRST_ROW, SLOW, SLOWS, STOP, TARGET
from tiled import columns

LEVELS = {"sl_stop": STOP, "tp_stop": TARGET, "stop_entry_price": "fillprice"}


def warm(rows: pd.DataFrame, **levels: Any) -> tuple[int, float, float]:
    """The number of trades, with the open one; fees; the final value."""
    fast, slow = vbt.MA.run(rows["close"], FAST), vbt.MA.run(rows["close"], SLOW)
    portfolio = simulated(rows, fast.ma_crossed_above(slow), fast.ma_crossed_below(slow), **levels)
    trades = portfolio.exit_trades.records_arr
    return len(trades), float(trades["entry_fees"].sum() + trades["exit_fees"].sum()), float(portfolio.final_value())


def with_levels(rows: pd.DataFrame) -> tuple[int, float, float]:
    return warm(rows, open=rows["open"], high=rows["high"], low=rows["low"], **LEVELS)


def sweep(rows: pd.DataFrame) -> tuple[int, float]:
    """The number of pairs and the best final value; each average is computed once, not once for each pair."""
    pairs = [(fast, slow) for fast in FASTS for slow in SLOWS]
    fast = vbt.MA.run(rows["close"], [pair[0] for pair in pairs], short_name="fast", run_unique=True)
    slow = vbt.MA.run(rows["close"], [pair[1] for pair in pairs], short_name="slow", run_unique=True)
    final = simulated(rows, fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)).final_value()
    return len(final), float(final.max())


def simulated(rows: pd.DataFrame, long: Any, short: Any, **levels: Any) -> Any:
    """Fills at the next open: signals one row down, the price of the open."""
    long.iloc[:FIRST_ROW] = short.iloc[:FIRST_ROW] = False
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


SUBJECTS: dict[str, Callable[[pd.DataFrame], object]] = {"warm": warm, "levels": with_levels, "sweep": sweep}


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("candles")
    parser.add_argument("subject", choices=SUBJECTS)
    parser.add_argument("--rows", type=int, required=True)
    asked = parser.parse_args()
    measured.serve(partial(SUBJECTS[asked.subject], columns(asked.candles, asked.rows)))


if __name__ == "__main__":
    main()
