"""The result of a backtest, in one form for both paths: trades as columns, an equity for each candle, the metrics.

Columns of candles are made when they are asked for. So a sweep that reads final equities pays for no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from candlecast.backtest.curve import Curve
from candlecast.backtest.metrics import Metrics, TradeColumns, day_ends, day_returns, measure
from candlecast.strategy import Candles, Flags, Floats
from candlecast.strategy.candles import Integers

SIDES = {1: "LONG", -1: "SHORT"}
FAST, EXACT = "fast", "exact"


@dataclass(frozen=True, slots=True, eq=False)
class ClosedTrades:
    """Closed trades as columns of equal length, in the order of their entries. Rows count candles from 0; times are their opens.

    Prices are averages over the fills of a trade and include slippage. Money is in quote units.
    """

    side: NDArray[np.int8]  # 1 for long, -1 for short
    entry_row: Integers
    exit_row: Integers
    entry_time: Integers  # ms since the epoch: the open of the candle of the first fill
    exit_time: Integers  # ms since the epoch: the open of the candle of the last fill
    entry_price: Floats
    exit_price: Floats
    quantity: Floats  # of the base asset, above zero for both sides
    fees: Floats
    funding: Floats  # received, below zero where it was paid
    pnl: Floats  # after fees and funding
    reason: NDArray[np.int8]  # `fast_path.ExitBy`

    def __len__(self) -> int:
        return len(self.side)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPosition:
    """The position that is held at the end, marked to the last close; `pnl` is after the fees of its entry and its funding."""

    side: str
    entry_row: int
    entry_time: int  # ms since the epoch
    entry_price: float
    quantity: float
    mark_price: float
    fees: float
    funding: float
    pnl: float

    def to_json(self) -> dict[str, Any]:
        names = ("side", "entry_time", "entry_price", "quantity", "mark_price", "fees", "funding", "pnl")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Note:
    """A fact that a reader of the numbers must know. `code` is stable."""

    code: str
    text: str

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """A finished backtest. Money in quote units.

    `orders` counts filled orders: an entry and an exit each, so a reversal is two, as live sends two. `pnl` is the final equity
    less the cash: the open position counts at the last close, and every fee has been paid. `first_decision_row` is the first row
    whose decision counts. `denials` counts the reasons of orders that the live domain refused. `differing_decisions` is that of
    `ExactResult`, and None on the fast path, which asks every row once.
    """

    strategy: str
    parameters: Mapping[str, object]
    candles: Candles
    cash: float
    path: str  # `FAST` or `EXACT`
    first_decision_row: int
    orders: int
    trades: ClosedTrades
    open_position: OpenPosition | None
    fees: float
    funding: float
    pnl: float
    curve: Curve
    denials: Mapping[str, int] = field(default_factory=dict)
    differing_decisions: int | None = None
    notes: tuple[Note, ...] = ()

    @property
    def rows(self) -> int:
        return len(self.candles)

    @property
    def final_equity(self) -> float:
        return self.cash + self.pnl

    @cached_property
    def equity(self) -> Floats:
        """Equity at each candle's close."""
        return self.curve.equity(self.candles.close)

    @cached_property
    def exposed(self) -> Flags:
        """Whether a position is open at each candle's close."""
        return self.curve.exposed(self.rows)

    @cached_property
    def day_returns(self) -> Floats:
        """Returns of UTC days; none after ruin."""
        return day_returns(self.equity, day_ends(self.candles.time), self.cash)

    @cached_property
    def metrics(self) -> Metrics:
        """Raises what `measure` raises: a backtest of no candles has no metrics."""
        trades = self.trades
        return measure(
            cash=self.cash,
            time=self.candles.time,
            equity=self.equity,
            close=self.candles.close,
            exposed=self.exposed,
            trades=TradeColumns(
                pnl=trades.pnl,
                returns=trades.pnl / (trades.entry_price * trades.quantity),
                entry_time=trades.entry_time,
                exit_time=trades.exit_time,
                quantity=trades.quantity,
                entry_price=trades.entry_price,
                exit_price=trades.exit_price,
            ),
        )


def without_history(result: Result, first: int) -> Result:
    """The same backtest from row `first` on; nothing was traded before it. Rows are counted from there."""
    if not first:
        return result
    candles, trades, position, curve = result.candles, result.trades, result.open_position, result.curve
    return replace(
        result,
        candles=candles.rows(first, len(candles)),
        first_decision_row=max(0, result.first_decision_row - first),
        trades=replace(trades, entry_row=trades.entry_row - first, exit_row=trades.exit_row - first),
        open_position=None if position is None else replace(position, entry_row=position.entry_row - first),
        curve=replace(curve, rows=np.maximum(curve.rows - first, 0)),
    )
