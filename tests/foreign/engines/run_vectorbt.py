"""vectorbt runs the experiment: `run_vectorbt.py CANDLES [options]`, a result as JSON on stdout.

Averages, crossings and `Portfolio.from_signals` are vectorbt's own. It fills in the row of a signal. For fills at the next open
the signals move one row down; the README beside this file names the consequences for stops.
"""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import experiment
import pandas as pd
import vectorbt as vbt


def portfolio(rows: pd.DataFrame, asked: Namespace) -> Any:
    """Both sides, one unit, reversal in one order; a stop is measured from the price of the fill, not from the close."""
    fast, slow = vbt.MA.run(rows["close"], asked.fast), vbt.MA.run(rows["close"], asked.slow)
    long, short = fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)
    long.iloc[: asked.first_row] = short.iloc[: asked.first_row] = False
    price = rows["close"]
    if asked.fill == "next_open":
        long, short = (signal.shift(1, fill_value=False) for signal in (long, short))
        price = rows["open"]
    watched = {} if asked.stop is None and asked.target is None else levels(rows, asked)
    return vbt.Portfolio.from_signals(
        rows["close"],
        entries=long,
        short_entries=short,
        price=price,
        size=asked.quantity,
        fees=asked.fee,
        init_cash=asked.cash,
        upon_opposite_entry="reverse",
        freq="1min",
        **watched,
    )


def levels(rows: pd.DataFrame, asked: Namespace) -> dict[str, Any]:
    return {
        "open": rows["open"],
        "high": rows["high"],
        "low": rows["low"],
        "sl_stop": asked.stop,
        "tp_stop": asked.target,
        "stop_entry_price": "fillprice",
    }


def run(asked: Namespace) -> None:
    rows = experiment.candles(asked)
    result = portfolio(rows, asked)
    closed, held = [], None
    for record in result.exit_trades.records.itertuples():
        side = "SHORT" if record.direction else "LONG"
        entry = (rows.index[record.entry_idx], record.entry_price)
        if record.status:
            leave = (rows.index[record.exit_idx], record.exit_price)
            closed.append(experiment.trade(side, entry, leave, record.size, record.entry_fees + record.exit_fees, record.pnl))
        else:
            held = experiment.position(side, entry, rows["close"].iloc[-1], record.size, record.entry_fees)
    experiment.print_result("vectorbt", len(rows), closed, held, result.final_value())


if __name__ == "__main__":
    for asked in experiment.asked_runs(__doc__):
        run(asked)
