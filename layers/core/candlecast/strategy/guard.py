"""The guard against look-ahead: a strategy's decision on a prefix, and in the live window, must be its decision on the whole."""

from __future__ import annotations

import numpy as np

from candlecast.strategy.base import Strategy
from candlecast.strategy.candles import Candles
from candlecast.strategy.decision import evaluate
from candlecast.strategy.errors import StrategyError
from candlecast.strategy.parameters import Parameters
from candlecast.strategy.signals import Side, Signals


def assert_prefix_invariant[P: Parameters](strategy: Strategy[P], candles: Candles, *, max_rows: int | None = None) -> int:
    """Run the strategy on every prefix and every live window and compare the last row with that of the run on the whole.

    Side, price, levels, confidence and metadata must be equal to the bit: the same operations on the same rows. With `max_rows`
    only so many rows are checked: half of them rows with a signal, all of them spread evenly. Returns the number of rows checked,
    so that a caller can refuse a verdict that rests on too few.

    Raises `StrategyError` LOOK_AHEAD if a prefix differs: a later row was used. LOOKBACK_TOO_SHORT if the live window differs:
    the decision needs more rows than the strategy says. HISTORY_TOO_SHORT if there is no row to check.
    """
    whole = evaluate(strategy, candles)
    first = strategy.lookback - 1
    if first >= len(candles):
        raise StrategyError("HISTORY_TOO_SHORT", f"{strategy.name} needs {strategy.lookback} candles, got {len(candles)}")
    rows = _rows_to_check(whole, first, max_rows)
    for row in rows:
        _compare("LOOK_AHEAD", strategy, whole, candles.rows(0, row + 1), row)
    for row in rows:
        _compare("LOOKBACK_TOO_SHORT", strategy, whole, candles.rows(row - first, row + 1), row)
    return len(rows)


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


def _compare[P: Parameters](code: str, strategy: Strategy[P], whole: Signals, part: Candles, row: int) -> None:
    partial = evaluate(strategy, part)
    if partial.side[-1] != whole.side[row]:
        told, tells = Side(int(partial.side[-1])).name, Side(int(whole.side[row])).name
        raise StrategyError(code, f"{strategy.name} says {told} at row {row} on {len(part)} rows, {tells} on {len(whole)}")
    expected, found = whole.float_columns(), partial.float_columns()
    if expected.keys() != found.keys():
        raise StrategyError(code, f"{strategy.name} returns other columns on {len(part)} rows than on {len(whole)}")
    for name, column in expected.items():
        if not np.array_equal(column[row], found[name][-1], equal_nan=True):
            message = (
                f"{strategy.name} says {name} {found[name][-1]} at row {row} on {len(part)} rows, {column[row]} on {len(whole)}"
            )
            raise StrategyError(code, message)
