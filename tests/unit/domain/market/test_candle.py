"""A candle refuses what no venue prints; a selection never holds the future."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.market.candle import Candle, CandleError, Gap, NotPublished, aggregate, check_contiguous, closed_before
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.timeframe import Timeframe, TimeframeError
from tests.support.candle_rows import START, candle_at

CANDLE = Candle(START, Decimal(10), Decimal(12), Decimal(9), Decimal(11), Decimal(5))


@pytest.mark.parametrize(
    "change",
    [
        {"open": Decimal("NaN")},
        {"high": Decimal("Infinity")},
        {"low": Decimal(0)},
        {"low": Decimal(-1)},
        {"close": 11.0},
        {"close": 11},
        {"volume": Decimal(-1)},
        {"volume": Decimal("NaN")},
        {"high": Decimal("10.9")},
        {"low": Decimal("10.1")},
        {"open_time": datetime(2026, 11, 21)},  # noqa: DTZ001 (naive on purpose)
    ],
)
def test_impossible_candle_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        replace(CANDLE, **change)


def test_candle_without_trades_is_a_candle() -> None:
    still = replace(CANDLE, high=Decimal(10), low=Decimal(10), close=Decimal(10), volume=Decimal(0))
    assert still.close_time(Timeframe.H4) == START + timedelta(hours=4)


def test_candle_in_the_making_is_dropped() -> None:
    rows = [candle_at(minute, 100) for minute in range(5)]
    selected = closed_before(rows, Timeframe.M1, rows[3].open_time)
    assert not isinstance(selected, NotPublished)
    assert selected.candles == tuple(rows[:3])


def test_missing_last_candle_is_not_published_even_if_later_ones_are_there() -> None:
    rows = [candle_at(minute, 100) for minute in (0, 1, 3)]
    close = START + timedelta(minutes=3)
    assert closed_before(rows, Timeframe.M1, close) == NotPublished(close, START + timedelta(minutes=2))
    assert closed_before([], Timeframe.M1, close) == NotPublished(close, None)


def test_selection_refuses_an_instant_at_which_nothing_closes() -> None:
    with pytest.raises(TimeframeError) as refused:
        closed_before([CANDLE], Timeframe.M5, START + timedelta(minutes=4))
    assert refused.value.code == "NOT_A_BOUNDARY"


@pytest.mark.parametrize("minutes", [(1, 0), (0, 0)])
def test_rows_that_do_not_ascend_are_refused(minutes: tuple[int, int]) -> None:
    rows = [candle_at(minute, 100) for minute in minutes]
    close = START + timedelta(minutes=5)
    for operation in (
        lambda: closed_before(rows, Timeframe.M1, close),
        lambda: check_contiguous(rows, Timeframe.M1),
        lambda: aggregate(rows, Timeframe.M1, Timeframe.M5),
    ):
        with pytest.raises(CandleError) as refused:
            operation()
        assert refused.value.code == "CANDLES_UNSORTED"


def test_candle_off_its_timeframe_is_refused() -> None:
    with pytest.raises(CandleError) as refused:
        check_contiguous([candle_at(1, 100)], Timeframe.M5)
    assert refused.value.code == "CANDLE_MISALIGNED"


def test_gap_is_named_with_its_neighbours_and_size() -> None:
    rows = [candle_at(minute, 100) for minute in (0, 1, 4, 5)]
    assert check_contiguous(rows, Timeframe.M1) == (Gap(rows[1].open_time, rows[2].open_time, 2),)
    assert check_contiguous(rows[:2], Timeframe.M1) == ()


def test_incomplete_buckets_are_dropped_at_both_ends_and_in_the_middle() -> None:
    rows = [candle_at(minute, 100 + minute) for minute in (*range(3, 12), *range(13, 20), 20)]
    built = aggregate(rows, Timeframe.M1, Timeframe.M5)
    assert [(candle.open_time - START) // timedelta(minutes=1) for candle in built] == [5, 15]
    assert (built[0].open, built[0].close) == (Decimal(105), Decimal(109))


def test_ten_minutes_can_not_be_built_from_three() -> None:
    with pytest.raises(CandleError) as refused:
        aggregate([], Timeframe.M3, Timeframe.M10)
    assert refused.value.code == "AGGREGATION_IMPOSSIBLE"
