"""Two moving averages by a plain loop in exact decimals: the measure of every engine.

Nothing of the product is used, and nothing of another engine.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

LONG, SHORT = "LONG", "SHORT"


@dataclass(frozen=True, slots=True)
class Row:
    """A candle; `time` is its open in milliseconds since the epoch."""

    time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings of a run; the defaults are those of `tests/foreign/engines/experiment.py`.

    `stop` and `target` are shares of the entry price. With `as_vectorbt` a fill at the open has no stop before the next row, and
    a row whose stop or target fills takes no order.
    """

    fill: str = "next_open"
    fast: int = 10
    slow: int = 30
    first_row: int = 187
    quantity: Decimal = Decimal(1)
    fee: Decimal = Decimal("0.0004")
    stop: Decimal | None = None
    target: Decimal | None = None
    as_vectorbt: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    side: str
    row: int
    price: Decimal


@dataclass(frozen=True, slots=True)
class Trade:
    side: str
    entry_time: int
    entry_price: Decimal
    exit_time: int
    exit_price: Decimal


def read_rows(path: Path) -> list[Row]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [
            Row(int(row["timestamp"]), *(Decimal(row[name]) for name in ("open", "high", "low", "close")))
            for row in csv.DictReader(lines)
        ]


def decisions(rows: Sequence[Row], rules: Rules) -> list[str | None]:
    """The side that each row decides: the sign of fast minus slow, where it is another than one row ago."""
    sums = [Decimal(0)]
    for row in rows:
        sums.append(sums[-1] + row.close)
    apart = [
        (sums[at] - sums[at - rules.fast]) * rules.slow - (sums[at] - sums[at - rules.slow]) * rules.fast
        for at in range(rules.slow, len(sums))
    ]
    decided: list[str | None] = [None] * len(rows)
    for at in range(max(rules.slow, rules.first_row), len(rows)):
        before, now = apart[at - rules.slow], apart[at - rules.slow + 1]
        if now > 0 >= before:
            decided[at] = LONG
        elif now < 0 <= before:
            decided[at] = SHORT
    return decided


def backtest(rows: Sequence[Row], rules: Rules) -> tuple[list[Trade], Held | None]:
    """The closed trades in their order, and the position that is open at the end."""
    decided, trades = decisions(rows, rules), list[Trade]()
    held: Held | None = None
    for at, row in enumerate(rows):
        ordered = decided[at] if rules.fill == "close" else decided[at - 1] if at else None
        at_open = rules.fill == "next_open" and not rules.as_vectorbt
        watched = at_open or (held is not None and held.row < at)
        if at_open:
            held = _turned(held, ordered, at, row.open, rows, trades)
        level = _level(held, row, rules) if held is not None and watched else None
        if held is not None and level is not None:
            trades.append(_closed(held, at, level, rows))
            held = None
        if not at_open and not (level is not None and rules.as_vectorbt):
            held = _turned(held, ordered, at, row.close if rules.fill == "close" else row.open, rows, trades)
    return trades, held


def _turned(
    held: Held | None, ordered: str | None, at: int, price: Decimal, rows: Sequence[Row], trades: list[Trade]
) -> Held | None:
    """The position after an order: nothing changes without one, or on the side that is held."""
    if ordered is None or (held is not None and held.side == ordered):
        return held
    if held is not None:
        trades.append(_closed(held, at, price, rows))
    return Held(ordered, at, price)


def _level(held: Held, row: Row, rules: Rules) -> Decimal | None:
    """The price at which the row closes a position: its stop before its target, the open where the row opens beyond a level."""
    sign = 1 if held.side == LONG else -1
    worst, best = (row.low, row.high) if sign > 0 else (row.high, row.low)
    if rules.stop is not None:
        stop = held.price * (1 - sign * rules.stop)
        if (worst - stop) * sign <= 0:
            return row.open if (row.open - stop) * sign <= 0 else stop
    if rules.target is not None:
        target = held.price * (1 + sign * rules.target)
        if (best - target) * sign >= 0:
            return row.open if (row.open - target) * sign >= 0 else target
    return None


def _closed(held: Held, at: int, price: Decimal, rows: Sequence[Row]) -> Trade:
    return Trade(held.side, rows[held.row].time, held.price, rows[at].time, price)


def fees(trade: Trade, rules: Rules) -> Decimal:
    return (trade.entry_price + trade.exit_price) * rules.quantity * rules.fee


def pnl(trade: Trade, rules: Rules) -> Decimal:
    """Profit of a trade after fees, in the quote."""
    sign = 1 if trade.side == LONG else -1
    return (trade.exit_price - trade.entry_price) * sign * rules.quantity - fees(trade, rules)


def result(rows: Sequence[Row], rules: Rules, cash: Decimal = Decimal(10_000_000)) -> dict[str, Any]:
    """The backtest in the form of the engines' results."""
    trades, held = backtest(rows, rules)
    closed = [
        {**asdict(trade), "quantity": rules.quantity, "fees": fees(trade, rules), "pnl": pnl(trade, rules)} for trade in trades
    ]
    position = None
    if held is not None:
        mark, fee = rows[-1].close, held.price * rules.quantity * rules.fee
        gained = (mark - held.price) * (1 if held.side == LONG else -1) * rules.quantity - fee
        position = {"side": held.side, "entry_time": rows[held.row].time, "entry_price": held.price, "quantity": rules.quantity}
        position |= {"mark_price": mark, "fees": fee, "pnl": gained}
    ends = [*closed, *([position] if position else [])]
    return {
        "rows": len(rows),
        "fees": float(sum(end["fees"] for end in ends)),
        "final_equity": float(cash + sum(end["pnl"] for end in ends)),
        "open_position": position,
        "trades": closed,
    }
