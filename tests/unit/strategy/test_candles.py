"""The columns that a strategy sees are right, checked and locked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from candlecast.strategy import Candles, StrategyError
from tests.support.candle_rows import candle_at, walk

CANDLES = walk(5)


def test_domain_candles_become_columns() -> None:
    rows = [candle_at(minute, 100 + minute) for minute in range(3)]
    columns = Candles.from_candles(rows)
    assert columns.time.tolist() == [int(row.open_time.timestamp() * 1000) for row in rows]
    for name in ("open", "high", "low", "close", "volume"):
        assert getattr(columns, name).tolist() == [float(getattr(row, name)) for row in rows]


def test_strategy_can_not_write_to_its_input_nor_unlock_it() -> None:
    source = CANDLES.close.copy()
    candles = replace(CANDLES, close=source)
    for column in (candles.close, candles.last(2).close, candles.time):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1
        with pytest.raises(ValueError, match="WRITEABLE"):
            column.setflags(write=True)
    source[0] = 123456.0
    assert candles.close[0] != 123456.0


def test_rows_are_cut_from_the_oldest() -> None:
    assert CANDLES.rows(1, 3).time.tolist() == CANDLES.time[1:3].tolist()
    assert CANDLES.last(2).time.tolist() == CANDLES.time[3:].tolist()
    assert len(CANDLES.last(99)) == len(CANDLES)


@pytest.mark.parametrize(
    "change",
    [
        {"close": np.array([1.0, 2.0])},
        {"close": np.ones((5, 1))},
        {"close": np.array([1, 2, 3, 4, 5])},
        {"close": np.array([1.0, np.nan, 1.0, 1.0, 1.0])},
        {"low": np.array([1.0, 0.0, 1.0, 1.0, 1.0])},
        {"volume": np.array([1.0, -1.0, 1.0, 1.0, 1.0])},
        {"volume": np.full(5, np.inf)},
        {"time": np.array([0, 1, 1, 2, 3])},
        {"time": np.arange(5.0)},
    ],
)
def test_malformed_columns_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(StrategyError) as refused:
        replace(CANDLES, **change)
    assert refused.value.code == "CANDLES_MALFORMED"
