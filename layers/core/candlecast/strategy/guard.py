"""The guard against look-ahead: a strategy's decision on a prefix, and in the live window, must be its decision on the whole."""

from __future__ import annotations

import numpy as np

from candlecast.strategy.base import Strategy
from candlecast.strategy.candles import Candles
from candlecast.strategy.decision import evaluate
from candlecast.strategy.errors import StrategyError
from candlecast.strategy.parameters import Parameters
from candlecast.strategy.signals import Side, Signals

MAX_ROWS_BACK = 20_000  # from a row that differs to the first: with more, the search would take hours


def assert_prefix_invariant[P: Parameters](strategy: Strategy[P], candles: Candles, *, max_rows: int | None = None) -> int:
    """Refuse a strategy for which `first_difference` finds a row, by prefix or by live window.

    Returns the number of rows checked, so that a caller can refuse a verdict that rests on too few. Raises `StrategyError` with
    the row: LOOK_AHEAD if a prefix differs, LOOKBACK_TOO_SHORT if a live window does. HISTORY_TOO_SHORT if there is no row.
    """
    for live_window in (False, True):
        found = first_difference(strategy, candles, live_window=live_window, max_rows=max_rows)
        if found is not None:
            raise found
    return len(_rows_to_check(evaluate(strategy, candles), strategy.lookback - 1, max_rows))


def first_difference[P: Parameters](
    strategy: Strategy[P], candles: Candles, *, live_window: bool, max_rows: int | None = None
) -> StrategyError | None:
    """Find the first row whose decision differs between a part of the candles that ends with the row, and the whole.

    The part is the row's prefix, which shows that a later row was used (LOOK_AHEAD). With `live_window` the part is the row's
    last `lookback` rows, and shows that the decision needs more (LOOKBACK_TOO_SHORT). None means that no checked row differs.

    Side, price, levels, confidence and metadata must be equal to the bit: the same operations on the same rows. With `max_rows`
    only so many rows are checked: half of them rows with a signal, all of them spread evenly. From a row that differs the search
    goes back, up to `MAX_ROWS_BACK`. Raises `StrategyError` HISTORY_TOO_SHORT and the errors of `evaluate`.
    """
    whole = evaluate(strategy, candles)
    first = strategy.lookback - 1
    if first >= len(candles):
        raise StrategyError("HISTORY_TOO_SHORT", f"{strategy.name} needs {strategy.lookback} candles, got {len(candles)}")

    def compared(row: int) -> StrategyError | None:
        return difference_at(strategy, whole, candles, row, live_window=live_window)

    rows = _rows_to_check(whole, first, max_rows)
    differing = next(filter(None, map(compared, rows)), None)
    if differing is None or differing.row is None:
        return None
    earlier = range(max(first, differing.row - MAX_ROWS_BACK), differing.row)
    return next(filter(None, map(compared, earlier)), differing)


def first_unequal(one: Signals, other: Signals) -> int | None:
    """The first row in which two answers to the same candles differ; columns that only one of them has differ in row 0."""
    mine, theirs = one.float_columns(), other.float_columns()
    if mine.keys() != theirs.keys():
        return 0
    unequal = one.side != other.side
    for name, column in mine.items():
        unequal |= (column != theirs[name]) & ~(np.isnan(column) & np.isnan(theirs[name]))
    rows = np.flatnonzero(unequal)
    return int(rows[0]) if len(rows) else None


def _rows_to_check(whole: Signals, first: int, max_rows: int | None) -> list[int]:
    rows = np.arange(first, len(whole))
    if max_rows is None or len(rows) <= max_rows:
        return [int(row) for row in rows]
    acting = rows[whole.side[first:] != Side.HOLD]
    chosen = _thinned(acting, max_rows // 2)
    resting = np.setdiff1d(rows, chosen)
    return sorted(int(row) for row in np.concatenate((chosen, _thinned(resting, max_rows - len(chosen)))))


def _thinned(rows: np.ndarray, count: int) -> np.ndarray:
    if len(rows) <= count:
        return rows
    return rows[np.linspace(0, len(rows) - 1, count).astype(np.int64)]


def difference_at[P: Parameters](
    strategy: Strategy[P], whole: Signals, candles: Candles, row: int, *, live_window: bool
) -> StrategyError | None:
    """The error of a row whose prefix or live window decides otherwise than `whole`, as in `first_difference`; None elsewhere.

    The strategy gets these rows in memory of their own, so the rows behind them are out of reach.
    """
    code = "LOOKBACK_TOO_SHORT" if live_window else "LOOK_AHEAD"
    part = candles.rows(row + 1 - strategy.lookback if live_window else 0, row + 1)
    partial = evaluate(strategy, part.apart())
    if partial.side[-1] != whole.side[row]:
        told, tells = Side(int(partial.side[-1])).name, Side(int(whole.side[row])).name
        message = f"{strategy.name} says {told} at row {row} on {len(part)} rows, {tells} on {len(whole)}"
        return StrategyError(code, message, row=row)
    expected, found = whole.float_columns(), partial.float_columns()
    if expected.keys() != found.keys():
        return StrategyError(code, f"{strategy.name} returns other columns on {len(part)} rows than on {len(whole)}", row=row)
    for name, column in expected.items():
        if not np.array_equal(column[row], found[name][-1], equal_nan=True):
            message = (
                f"{strategy.name} says {name} {found[name][-1]} at row {row} on {len(part)} rows, {column[row]} on {len(whole)}"
            )
            return StrategyError(code, message, row=row)
    return None
