"""backtesting.py runs the experiment: `run_backtesting.py CANDLES [options]`, a result as JSON on stdout.

`trade_on_close` is the choice of fills, `exclusive_orders` the reversal. The averages are pandas'. The crossing is written out,
because `backtesting.lib.crossover` misses a crossing with a row of equal averages between.
"""

from __future__ import annotations

import os
import warnings
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

import experiment
import pandas as pd

os.environ.setdefault("TQDM_DISABLE", "1")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # on Jupyter, which is not there
    from backtesting import Backtest, Strategy


def crossing_strategy(asked: Namespace, opens: Sequence[float]) -> type:
    """The experiment as a strategy; a signal on the side of the position does nothing, since an order would close and reopen."""

    class Crossing(Strategy):  # type: ignore[misc]
        def init(self) -> None:
            close = self.data.Close.s
            self.fast = self.I(lambda: close.rolling(asked.fast).mean())
            self.slow = self.I(lambda: close.rolling(asked.slow).mean())

        def next(self) -> None:
            if len(self.data) - 1 < asked.first_row:
                return
            (fast_before, fast), (slow_before, slow) = self.fast[-2:], self.slow[-2:]
            if fast > slow and fast_before <= slow_before and not self.position.is_long:
                self.enter(1)
            elif fast < slow and fast_before >= slow_before and not self.position.is_short:
                self.enter(-1)

        def enter(self, sign: int) -> None:
            """Order with the levels of the coming fill, which this script may know: the close, or the open of the next row."""
            row = len(self.data)
            fill = self.data.Close[-1] if asked.fill == "close" or row == len(opens) else opens[row]
            stop = None if asked.stop is None else fill * (1 - sign * asked.stop)
            target = None if asked.target is None else fill * (1 + sign * asked.target)
            (self.buy if sign > 0 else self.sell)(size=asked.quantity, sl=stop, tp=target)

    return Crossing


def run(asked: Namespace) -> None:
    rows = experiment.candles(asked)
    rows.columns = [name.capitalize() for name in rows.columns]
    test = Backtest(
        rows,
        crossing_strategy(asked, rows["Open"].to_numpy()),
        cash=asked.cash,
        commission=asked.fee,
        trade_on_close=asked.fill == "close",
        exclusive_orders=True,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Some trades remain open")  # `open_position` says so
        stats = test.run()
    closed = [closed_trade(rows, each) for each in stats["_trades"].sort_values("EntryBar").itertuples()]
    held = None
    for each in stats["_strategy"].trades:
        side = "LONG" if each.size > 0 else "SHORT"
        fee = abs(each.size) * each.entry_price * asked.fee
        entry = (rows.index[each.entry_bar], each.entry_price)
        held = experiment.position(side, entry, rows["Close"].iloc[-1], abs(each.size), fee)
    experiment.print_result("backtesting", len(rows), closed, held, stats["_equity_curve"]["Equity"].iloc[-1])


def closed_trade(rows: pd.DataFrame, each: Any) -> dict[str, Any]:
    side = "LONG" if each.Size > 0 else "SHORT"
    entry, leave = (rows.index[each.EntryBar], each.EntryPrice), (rows.index[each.ExitBar], each.ExitPrice)
    closed: dict[str, Any] = experiment.trade(side, entry, leave, abs(each.Size), each.Commission, each.PnL)
    return closed


if __name__ == "__main__":
    for asked in experiment.asked_runs(__doc__):
        run(asked)
