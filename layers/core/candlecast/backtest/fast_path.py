"""Trades of a strategy from whole columns: entries of one size, stops and targets of the signals, no state between trades.

A trade follows from three rows. They are the decision to enter, the first row that reaches its stop or target, and the first
decision to leave. All three are found for every possible entry at once. Only the choice of entries that meet no open position
goes trade by trade.

Inside a candle the order of prices is unknown, so the worse one counts: the stop comes before the target. A candle that opens
beyond the stop or the target fills it at the open.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from candlecast.backtest.fills import Costs, FillAt
from candlecast.strategy import Candles, Floats, Side, Signals
from candlecast.strategy.candles import Integers

NEVER = np.iinfo(np.int64).max  # a row that no file has
BLOCK = 64  # rows whose extremes are looked at together; about the square root of the longest trades


class ExitBy(IntEnum):
    """The cause of a trade's end. Those from `TRAILING_STOP` to `LIQUIDATED` are of the exact path alone."""

    OPEN = 0  # nothing yet
    SIGNAL = 1
    REVERSAL = 2
    STOP_LOSS = 3
    TAKE_PROFIT = 4
    TRAILING_STOP = 5
    LIMIT = 6
    LIQUIDATED = 7
    WINDOW_END = 8  # of a walk forward


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """Trades as columns of equal length, in the order of their entries; the last one may be open.

    Rows count candles from 0. The exit row of an open trade is the number of candles, and its exit price NaN. Prices include
    slippage.
    """

    side: NDArray[np.int8]
    entry_row: Integers
    exit_row: Integers
    entry_price: Floats
    exit_price: Floats
    exit_by: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.side)


def trades_of(signals: Signals, candles: Candles, fill_at: FillAt, costs: Costs) -> Trades:
    """The trades of signals with at most one target, which closes all of a position.

    A decision of the last candle is not filled at a next open. An entry on the side that is held does nothing.
    """
    later = int(fill_at is FillAt.NEXT_OPEN)
    decided = np.flatnonzero(signals.side != Side.HOLD)
    decided = decided[decided < len(candles) - later]
    codes = signals.side[decided]
    is_entry = np.abs(codes) == Side.LONG
    entries, sides = decided[is_entry], codes[is_entry]
    leaves = _leaves(decided, codes, entries, sides)
    stops, targets = _levels(signals, entries)
    reached = _reached(candles, entries, sides, np.minimum(leaves, len(candles) - 1), stops, targets)
    chosen = _one_after_another(entries, np.minimum(leaves, reached))
    entries, sides, leaves, reached = entries[chosen], sides[chosen], leaves[chosen], reached[chosen]
    entry_price = _fill_prices(candles, entries, later) * (1 + sides * costs.slippage)
    exit_row, exit_price, exit_by = _exits(candles, signals, sides, leaves, reached, stops[chosen], targets[chosen], later)
    return Trades(
        side=sides,
        entry_row=entries + later,
        exit_row=exit_row,
        entry_price=entry_price,
        exit_price=exit_price * (1 - sides * costs.slippage),
        exit_by=exit_by,
    )


def _leaves(decided: Integers, codes: NDArray[np.int8], entries: Integers, sides: NDArray[np.int8]) -> Integers:
    """The row of the first decision behind each entry that closes it; `NEVER` where there is none."""
    leaves = np.empty(len(entries), dtype=np.int64)
    for side, opposite, leave in ((Side.LONG, Side.SHORT, Side.EXIT_LONG), (Side.SHORT, Side.LONG, Side.EXIT_SHORT)):
        closing = np.append(decided[(codes == opposite) | (codes == leave)], NEVER)
        mine = sides == side
        leaves[mine] = closing[np.searchsorted(closing, entries[mine], side="right")]
    return leaves


def _levels(signals: Signals, entries: Integers) -> tuple[Floats, Floats]:
    """Stop and target of each entry; NaN for none."""
    none = np.full(len(entries), np.nan)
    stops = none if signals.stop_loss is None else signals.stop_loss[entries]
    targets = signals.targets[0].price[entries] if signals.targets else none
    return stops, targets


def _reached(
    candles: Candles, entries: Integers, sides: NDArray[np.int8], last: Integers, stops: Floats, targets: Floats
) -> Integers:
    """The first row behind each entry's, up to its `last`, at which its stop or target is reached; `NEVER` where none is."""
    reached = np.full(len(entries), NEVER)
    for side, below, above in ((Side.LONG, stops, targets), (Side.SHORT, targets, stops)):
        mine = np.flatnonzero((sides == side) & ~(np.isnan(stops) & np.isnan(targets)))
        if len(mine):
            low, high = below[mine], above[mine]
            low, high = np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)
            reached[mine] = first_reached(candles.low, candles.high, entries[mine] + 1, last[mine], low, high)
    return reached


def first_reached(low: Floats, high: Floats, first: Integers, last: Integers, below: Floats, above: Floats) -> Integers:
    """The first row from `first` to `last` whose low is at most `below` or whose high is at least `above`; `NEVER` if none is.

    All searches go on side by side, row by row. A search at the begin of a block skips the block if the extremes of the block lie
    between the search's bounds.
    """
    found, row, left = np.full(len(first), NEVER), first.copy(), np.arange(len(first))
    floor, roof = _extremes(low, high)
    while len(left := left[row[left] <= last[left]]):
        at = row[left]
        block = at // BLOCK
        whole = at % BLOCK == 0
        quiet = np.zeros(len(left), dtype=np.bool_)
        begins = np.flatnonzero(whole)
        if len(begins):
            some = left[begins]
            quiet[begins] = (floor[block[begins]] > below[some]) & (roof[block[begins]] < above[some])
        hit = ~quiet & ((low[at] <= below[left]) | (high[at] >= above[left]))
        found[left[hit]] = at[hit]
        row[left] = at + np.where(quiet, BLOCK, 1)
        left = left[~hit]
    return found


def _extremes(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Lowest low and highest high of each block of rows."""
    begins = np.arange(0, len(low), BLOCK)
    return np.minimum.reduceat(low, begins), np.maximum.reduceat(high, begins)


def _one_after_another(entries: Integers, ends: Integers) -> Integers:
    """The entries that meet no open position: each is decided at or behind the end of the one before."""
    following = np.searchsorted(entries, ends)
    chosen = np.ones(len(entries), dtype=np.bool_)
    index = 0
    for skipping in np.flatnonzero(following != np.arange(1, len(entries) + 1)).tolist():
        if skipping >= index:
            index = int(following[skipping])
            chosen[skipping + 1 : index] = False
    return np.flatnonzero(chosen)


def _fill_prices(candles: Candles, decided: Integers, later: int) -> Floats:
    return candles.open[decided + 1] if later else candles.close[decided]


def _exits(
    candles: Candles,
    signals: Signals,
    sides: NDArray[np.int8],
    leaves: Integers,
    reached: Integers,
    stops: Floats,
    targets: Floats,
    later: int,
) -> tuple[Integers, Floats, NDArray[np.int8]]:
    """Row, price before slippage and reason of each trade's exit."""
    count = len(sides)
    row = np.full(count, len(candles))
    price = np.full(count, np.nan)
    by = np.full(count, ExitBy.OPEN, dtype=np.int8)
    hit = reached <= leaves
    hit &= reached != NEVER
    at, side, stop, target = reached[hit], sides[hit], stops[hit], targets[hit]
    opened = candles.open[at]
    at_target = (opened - target) * side >= 0
    worst = np.where(side == Side.LONG, candles.low[at], candles.high[at])
    stopped = ~at_target & ((worst - stop) * side <= 0)
    adverse = side * np.minimum(opened * side, stop * side)
    favourable = side * np.maximum(opened * side, target * side)
    row[hit], price[hit] = at, np.where(stopped, adverse, favourable)
    by[hit] = np.where(stopped, ExitBy.STOP_LOSS, ExitBy.TAKE_PROFIT)
    left = ~hit & (leaves != NEVER)
    row[left] = leaves[left] + later
    price[left] = _fill_prices(candles, leaves[left], later)
    by[left] = np.where(np.abs(signals.side[leaves[left]]) == Side.LONG, ExitBy.REVERSAL, ExitBy.SIGNAL)
    return row, price, by
