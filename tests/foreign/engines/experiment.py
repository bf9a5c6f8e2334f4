"""The experiment that every engine runs: its arguments, its candles, and the form of its result.

Two simple moving averages of the close. LONG where the fast average is above the slow one, and was at or below one row ago.
SHORT where it is below, and was at or above. This is the rule of `strategies/sma_cross.py` without its stop. The scripts run in
the environment `engines`, so nothing of the product is imported.
"""

from __future__ import annotations

import json
import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

FIRST_ROW = 187  # sma_cross decides from here: its lookback is 188 rows, for the ATR that every decision carries


def asked_runs(description: str | None) -> Iterator[Namespace]:
    """The run of the command line; without one, a run for each line of stdin, since an engine takes seconds to start."""
    if len(sys.argv) > 1:
        yield arguments(description, sys.argv[1:])
        return
    for line in sys.stdin:
        yield arguments(description, shlex.split(line))


def arguments(description: str | None, words: Sequence[str]) -> Namespace:
    parser = ArgumentParser(description=description)
    parser.add_argument("candles", help="timestamp,open,high,low,close,volume; .csv or .csv.gz")
    parser.add_argument("--fill", choices=("next_open", "close"), default="next_open")
    parser.add_argument("--fast", type=int, default=10, help="rows of the fast average")
    parser.add_argument("--slow", type=int, default=30, help="rows of the slow average")
    parser.add_argument("--first-row", type=int, default=FIRST_ROW, help="first row, from 0, whose decision counts")
    parser.add_argument("--quantity", type=int, default=1)
    parser.add_argument("--cash", type=float, default=10_000_000)
    parser.add_argument("--fee", type=float, default=0.0004, help="share of the value, each side")
    parser.add_argument("--stop", type=float, help="share of the entry price, such as 0.01")
    parser.add_argument("--target", type=float, help="share of the entry price, such as 0.02")
    parser.add_argument("--rows", type=int, help="read this many rows")
    parser.add_argument("--without", help="leave rows out, START:STOP, so that the file has a gap")
    return parser.parse_args(words)


def candles(asked: Namespace) -> pd.DataFrame:
    """The rows of the file in their order, indexed by the time of their open."""
    rows = pd.read_csv(asked.candles, nrows=asked.rows)
    if asked.without:
        start, stop = map(int, asked.without.split(":"))
        rows = rows.drop(index=range(start, stop))
    rows.index = pd.to_datetime(rows.pop("timestamp"), unit="ms")
    return rows.astype(float)


def trade(
    side: str, entry: tuple[Any, float], leave: tuple[Any, float], quantity: float, fees: float, pnl: float
) -> dict[str, Any]:
    """A closed trade: entry and exit are an open time of a candle and a price; `pnl` is after `fees`, both in the quote."""
    return {
        "side": side,
        "entry_time": milliseconds(entry[0]),
        "entry_price": float(entry[1]),
        "exit_time": milliseconds(leave[0]),
        "exit_price": float(leave[1]),
        "quantity": float(quantity),
        "fees": float(fees),
        "pnl": float(pnl),
    }


def position(side: str, entry: tuple[Any, float], mark_price: float, quantity: float, fees: float) -> dict[str, Any]:
    """The position that is open at the end, marked to the last close; `pnl` is after the fee of the entry."""
    gained = (float(mark_price) - float(entry[1])) * float(quantity) * (1 if side == "LONG" else -1)
    return {
        "side": side,
        "entry_time": milliseconds(entry[0]),
        "entry_price": float(entry[1]),
        "quantity": float(quantity),
        "mark_price": float(mark_price),
        "fees": float(fees),
        "pnl": gained - float(fees),
    }


def print_result(engine: str, rows: int, trades: list[dict[str, Any]], held: dict[str, Any] | None, final_equity: float) -> None:
    result = {
        "engine": engine,
        "rows": rows,
        "closed_trades": len(trades),
        "fees": sum(each["fees"] for each in trades) + (held["fees"] if held else 0.0),
        "final_equity": float(final_equity),
        "open_position": held,
        "trades": trades,
    }
    sys.stdout.write(json.dumps(result) + "\n")


def milliseconds(time: Any) -> int:
    return int(pd.Timestamp(time).value // 1_000_000)
