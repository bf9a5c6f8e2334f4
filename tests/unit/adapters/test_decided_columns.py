"""Columns of the sandbox answer as the strategy itself would have, window by window."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from candlecast.adapters.decided_columns import decided_columns
from candlecast.domain.values.errors import Reject
from candlecast.sandbox.protocol import SignalColumns
from candlecast.strategy import Candles
from candlecast.strategy.registry import load_strategy
from infra.local.candle_files import read_candle_file, sample_files

STRATEGY = load_strategy("ema_atr_trend").with_parameters({})  # has a stop and two targets
CANDLES = Candles.from_candles(read_candle_file(sample_files()[0]).candles)


def told() -> SignalColumns:
    """The answer of the sandbox for all candles."""
    signals = STRATEGY.signals(CANDLES)
    assert signals.stop_loss is not None
    columns = {"stop_loss": signals.stop_loss, **{f"target {n}": it.price for n, it in enumerate(signals.targets, 1)}}
    return SignalColumns(
        rows=len(CANDLES),
        side=signals.side.astype(np.int8).tobytes(),
        columns={name: column.astype("<f8").tobytes() for name, column in columns.items()},
        shares=tuple(target.share for target in signals.targets),
    )


@pytest.mark.parametrize(("first", "last"), [(0, len(CANDLES)), (0, 1), (200, 500), (len(CANDLES) - 1, len(CANDLES))])
def test_a_window_has_the_rows_of_its_candles(first: int, last: int) -> None:
    wanted = STRATEGY.signals(CANDLES)
    assert wanted.stop_loss is not None and len(wanted.targets) == 2
    found = decided_columns(told(), CANDLES, STRATEGY.lookback).signals(CANDLES.rows(first, last))
    assert found.stop_loss is not None
    assert found.side.tolist() == wanted.side[first:last].tolist()
    assert np.array_equal(found.stop_loss, wanted.stop_loss[first:last], equal_nan=True)
    for found_target, target in zip(found.targets, wanted.targets, strict=True):
        assert np.array_equal(found_target.price, target.price[first:last], equal_nan=True)
        assert found_target.share == target.share
    assert (found.price, found.confidence) == (None, None)


def test_the_lookback_is_that_of_the_code() -> None:
    decided = decided_columns(told(), CANDLES, 77)
    assert (decided.lookback, decided.rows_needed()) == (77, 77)


def test_no_candle_has_no_decision() -> None:
    assert len(decided_columns(told(), CANDLES, 77).signals(CANDLES.rows(0, 0)).side) == 0


@pytest.mark.parametrize(
    "answer",
    [
        replace(told(), rows=len(CANDLES) - 1),
        replace(told(), shares=(0.2, 0.2, 0.2)),
        replace(told(), shares=(0.9, 0.9)),
    ],
)
def test_an_answer_that_is_no_decision_for_each_candle_is_refused(answer: SignalColumns) -> None:
    with pytest.raises(Reject, match="SANDBOX_RESULT_INVALID"):
        decided_columns(answer, CANDLES, 77)
