"""A backtest row by row, as a person would do it by hand: the oracle of the fast path."""

from __future__ import annotations

import math
from dataclasses import dataclass

from candlecast.backtest.fast_path import ExitBy
from candlecast.backtest.fills import Costs, FillAt
from candlecast.strategy import Candles, Side, Signals

CLOSES = {Side.LONG: (Side.SHORT, Side.EXIT_LONG), Side.SHORT: (Side.LONG, Side.EXIT_SHORT)}


@dataclass
class Held:
    """The open position of the oracle."""

    side: int
    row: int
    price: float
    stop: float
    target: float


type Row = tuple[int, int, int, float, float, ExitBy]


class Book:
    """The trades so far, and the position."""

    def __init__(self, signals: Signals, costs: Costs) -> None:
        self.signals, self.costs = signals, costs
        self.trades: list[Row] = []
        self.held: Held | None = None

    def leave(self, row: int, price: float, by: ExitBy) -> None:
        assert self.held is not None
        side, entered, paid = self.held.side, self.held.row, self.held.price
        self.trades.append((side, entered, row, paid, price * (1 - side * self.costs.slippage), by))
        self.held = None

    def act(self, decision: int, row: int, price: float) -> None:
        """Fill a decision: it closes the other side first, and opens what it asks for if nothing is held."""
        side = Side(int(self.signals.side[decision]))
        if self.held is not None and side in CLOSES[Side(self.held.side)]:
            self.leave(row, price, ExitBy.REVERSAL if side in CLOSES else ExitBy.SIGNAL)
        if self.held is None and side in CLOSES:
            stop = math.nan if self.signals.stop_loss is None else float(self.signals.stop_loss[decision])
            target = float(self.signals.targets[0].price[decision]) if self.signals.targets else math.nan
            self.held = Held(int(side), row, price * (1 + int(side) * self.costs.slippage), stop, target)


def trades_by_row(signals: Signals, candles: Candles, fill_at: FillAt, costs: Costs) -> list[Row]:
    """Side, entry row, exit row, entry price, exit price and reason of each trade; an open one ends behind the last row."""
    book, decided = Book(signals, costs), None
    for row in range(len(candles)):
        if fill_at is FillAt.NEXT_OPEN and decided is not None:
            book.act(decided, row, float(candles.open[row]))
        if book.held is not None:
            at, by = price_inside(book.held, candles, row)
            if by is not None:
                book.leave(row, at, by)
        decided = row if signals.side[row] else None
        if fill_at is FillAt.CLOSE and decided is not None:
            book.act(decided, row, float(candles.close[row]))
    if book.held is not None:
        held = book.held
        book.trades.append((held.side, held.row, len(candles), held.price, math.nan, ExitBy.OPEN))
    return book.trades


def price_inside(held: Held, candles: Candles, row: int) -> tuple[float, ExitBy | None]:
    """Where the candle fills the position's stop or target."""
    opened, low, high = float(candles.open[row]), float(candles.low[row]), float(candles.high[row])
    worst, best = (low, high) if held.side > 0 else (high, low)
    if not math.isnan(held.target) and (opened - held.target) * held.side >= 0:
        return opened, ExitBy.TAKE_PROFIT
    if not math.isnan(held.stop) and (worst - held.stop) * held.side <= 0:
        gapped = (opened - held.stop) * held.side <= 0
        return opened if gapped else held.stop, ExitBy.STOP_LOSS
    if not math.isnan(held.target) and (best - held.target) * held.side >= 0:
        return held.target, ExitBy.TAKE_PROFIT
    return math.nan, None
