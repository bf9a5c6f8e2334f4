"""A backtest in the convention of other engines: one quantity for every entry, whole columns, and no account.

An entry on the other side reverses at one price, a repeated entry does nothing, an exit leaves. Stops and targets of the signals
are placed on demand only. Nothing of the live domain is imported, so a process that runs plain terms starts fast.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from candlecast.backtest.curve import Curve
from candlecast.backtest.fast_path import ExitBy, Trades, trades_of
from candlecast.backtest.fills import Costs, FillAt
from candlecast.backtest.result import FAST, SIDES, ClosedTrades, Note, OpenPosition, Result
from candlecast.domain.values.errors import InvalidValue
from candlecast.strategy import Candles, Floats, Side, Signals, Strategy, evaluate

NO_COSTS = Costs()
MOST_QUANTITY = 1e12  # more than the supply of nearly every coin; a product with a price stays far from an overflow
MOST_CASH = 1e15  # beyond it a float has no cents


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainTerms:
    """One quantity for all entries, at market, with stops and targets of the signals only if `levels` is set.

    `quantity` in base units, `cash` in quote units. Nothing asks whether the cash carries an entry. An order at market never
    rests, so `costs` know the taker's fee alone. Raises `InvalidValue`: QUANTITY_INVALID, CASH_INVALID.
    """

    quantity: float
    cash: float
    fill_at: FillAt = FillAt.NEXT_OPEN
    costs: Costs = NO_COSTS
    levels: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.quantity <= MOST_QUANTITY:
            raise InvalidValue(f"a quantity is above zero, and at most {MOST_QUANTITY:g}", code="QUANTITY_INVALID")
        if not 0 < self.cash <= MOST_CASH:
            raise InvalidValue(f"a backtest begins with cash above zero, and at most {MOST_CASH:g}", code="CASH_INVALID")


def run_plainly(strategy: Strategy[Any], candles: Candles, terms: PlainTerms) -> Result | None:
    """Run a strategy over candles, or None with a ladder of targets to place: whole columns know one target, which closes all.

    A decision of the last candle is not filled at a next open. Raises what `evaluate` raises.
    """
    signals, notes = evaluate(strategy, candles), tuple[Note, ...]()
    if terms.levels and (len(signals.targets) > 1 or any(target.share != 1 for target in signals.targets)):
        return None
    if not terms.levels:
        notes, signals = unplaced(signals), replace(signals, stop_loss=None, targets=())
    trades = trades_of(signals, candles, terms.fill_at, terms.costs)
    return _fast_result(strategy, candles, terms, trades, notes)


def unplaced(signals: Signals) -> tuple[Note, ...]:
    """The note of levels that the signals have and nobody places."""
    entries = np.flatnonzero(np.abs(signals.side) == Side.LONG)
    columns = [("stops", signals.stop_loss), *(("targets", target.price) for target in signals.targets)]
    found = dict.fromkeys(name for name, column in columns if column is not None and not bool(np.isnan(column[entries]).all()))
    if not found:
        return ()
    text = f"the strategy gives {' and '.join(found)}, which are not placed: --levels places them"
    return (Note("BACKTEST_LEVELS_IGNORED", text),)


def _fast_result(strategy: Strategy[Any], candles: Candles, terms: PlainTerms, trades: Trades, notes: tuple[Note, ...]) -> Result:
    """Money of trades of one quantity, by whole columns."""
    quantity, fee = terms.quantity, terms.costs.taker_fee
    closed = trades.exit_by != ExitBy.OPEN
    side, entry_price = trades.side.astype(np.float64), trades.entry_price
    exit_price = np.where(closed, trades.exit_price, 0.0)
    entry_fees, exit_fees = entry_price * (quantity * fee), exit_price * (quantity * fee)
    fees = entry_fees + exit_fees
    pnl = (exit_price - entry_price) * side * quantity - fees
    count = int(np.count_nonzero(closed))
    notes = (*notes, *_leveraged(trades, terms, pnl))
    position = None
    if count < len(trades):  # the last one
        position = _held(candles, trades, quantity, float(entry_fees[-1]))
    gained = float(pnl[:count].sum()) + (0.0 if position is None else position.pnl)
    table = ClosedTrades(
        side=trades.side[:count],
        entry_row=trades.entry_row[:count],
        exit_row=trades.exit_row[:count],
        entry_time=candles.time[trades.entry_row[:count]],
        exit_time=candles.time[trades.exit_row[:count]],
        entry_price=entry_price[:count],
        exit_price=exit_price[:count],
        quantity=np.full(count, quantity),
        fees=fees[:count],
        funding=np.zeros(count),
        pnl=pnl[:count],
        reason=trades.exit_by[:count],
    )
    return Result(
        strategy=strategy.name,
        parameters=parameters_of(strategy),
        candles=candles,
        cash=terms.cash,
        path=FAST,
        first_decision_row=first_row(strategy, candles),
        orders=count + len(trades),
        trades=table,
        open_position=position,
        fees=float(fees.sum()),
        funding=0.0,
        pnl=gained,
        curve=_fast_curve(trades, terms, side, entry_fees, pnl, count),
        notes=notes,
    )


def _leveraged(trades: Trades, terms: PlainTerms, pnl: Floats) -> tuple[Note, ...]:
    """The note of entries that the equity does not cover: an account would have needed leverage, or have refused them."""
    notional = trades.entry_price * terms.quantity
    equity = terms.cash + np.cumsum(pnl) - pnl
    beyond = int(np.count_nonzero(notional > equity))
    if not beyond:
        return ()
    text = f"{beyond:,} of {len(trades):,} entries cost more than the equity, and nothing has asked for margin"
    return (Note("BACKTEST_BEYOND_EQUITY", text),)


def _fast_curve(trades: Trades, terms: PlainTerms, side: Floats, entry_fees: Floats, pnl: Floats, count: int) -> Curve:
    """Each trade is a state while it is held, and a state behind it."""
    size = 2 * len(trades) + 1
    rows, cash, held = np.zeros(size, dtype=np.int64), np.full(size, terms.cash), np.zeros(size)
    rows[1::2], rows[2::2] = trades.entry_row, trades.exit_row
    after = terms.cash + np.cumsum(pnl)
    before = np.concatenate(([terms.cash], after))[:-1]
    cash[1::2] = before - entry_fees - side * terms.quantity * trades.entry_price
    cash[2::2] = after
    held[1::2] = side * terms.quantity
    size -= len(trades) - count
    return Curve(rows[:size], cash[:size], held[:size])


def _held(candles: Candles, trades: Trades, quantity: float, fees: float) -> OpenPosition:
    """The last trade, which is open."""
    row, price, mark = int(trades.entry_row[-1]), float(trades.entry_price[-1]), float(candles.close[-1])
    side = int(trades.side[-1])
    return OpenPosition(
        side=SIDES[side],
        entry_row=row,
        entry_time=int(candles.time[row]),
        entry_price=price,
        quantity=quantity,
        mark_price=mark,
        fees=fees,
        funding=0.0,
        pnl=(mark - price) * side * quantity - fees,
    )


def first_row(strategy: Strategy[Any], candles: Candles) -> int:
    """The first row whose decision counts: a live run has the lookback's candles from there on."""
    return min(strategy.lookback - 1, len(candles))


def parameters_of(strategy: Strategy[Any]) -> dict[str, object]:
    """Values of the strategy's parameters by name."""
    return {each.name: getattr(strategy.parameters, each.name) for each in fields(strategy.parameters)}
