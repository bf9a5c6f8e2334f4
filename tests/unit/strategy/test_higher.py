"""Candles of a higher timeframe count once they have closed, and are those that a venue would make."""

from __future__ import annotations

import numpy as np
import pytest

from candlecast.domain.values.timeframe import Timeframe
from candlecast.strategy import Candles, HigherTimeframe, StrategyError
from candlecast.strategy.guard import assert_prefix_invariant
from tests.support.candle_rows import SAMPLE_NAMES, candles_of, walk
from tests.support.planted import ClosedHours, NoParameters, OpenHour, TooFewClosedHours

HOURS = HigherTimeframe("1h", base="1m")
MINUTE_MS = 60_000


def test_candle_of_an_hour_is_made_of_its_minutes() -> None:
    minutes = walk(240)
    hours = HOURS.candles(minutes)
    assert hours.time.tolist() == [hour * 60 * MINUTE_MS for hour in range(4)]
    for hour in range(4):
        rows = minutes.rows(60 * hour, 60 * hour + 60)
        assert (hours.open[hour], hours.close[hour]) == (rows.open[0], rows.close[-1])
        assert (hours.high[hour], hours.low[hour]) == (rows.high.max(), rows.low.min())
        assert hours.volume[hour] == pytest.approx(rows.volume.sum(), rel=1e-12)


def test_candle_counts_from_the_row_with_whose_close_it_closes() -> None:
    hours = HOURS.candles(walk(200))
    number = hours.to_base(np.arange(len(hours), dtype=np.float64))
    assert np.isnan(number[:59]).all()
    assert number[59:119].tolist() == [0.0] * 60
    assert number[119:179].tolist() == [1.0] * 60
    assert number[179:].tolist() == [2.0] * 21
    assert np.flatnonzero(hours.just_closed).tolist() == [59, 119, 179]


def test_candle_that_is_open_is_not_among_the_candles() -> None:
    assert len(HOURS.candles(walk(119))) == 1
    assert len(HOURS.candles(walk(120))) == 2


def test_candle_that_began_before_the_rows_is_not_among_the_candles() -> None:
    minutes = walk(240)
    whole, cut = HOURS.candles(minutes), HOURS.candles(minutes.rows(1, 240))
    assert cut.time.tolist() == whole.time[1:].tolist()
    assert np.isnan(cut.to_base(cut.close)[:118]).all()
    np.testing.assert_array_equal(cut.to_base(cut.close)[118:], whole.to_base(whole.close)[119:])


def test_flag_is_down_before_the_first_closed_candle() -> None:
    hours = HOURS.candles(walk(130))
    flags = hours.to_base(hours.close > 0)
    assert flags.dtype == np.bool_
    assert np.flatnonzero(flags).tolist() == list(range(59, 130))


def test_rows_without_their_neighbours_make_a_candle_once_its_end_is_past() -> None:
    minutes = walk(200)
    kept = np.setdiff1d(np.arange(200), [0, *range(50, 65), *range(70, 140)])
    gappy = Candles(*(column[kept] for column in columns(minutes)))
    hours = HOURS.candles(gappy)
    assert hours.time.tolist() == [60 * MINUTE_MS, 120 * MINUTE_MS]  # minute 0 is missing, so the first may have begun before
    assert hours.open.tolist() == [minutes.open[65], minutes.open[140]]
    at = hours.to_base(hours.open)
    assert np.isnan(at[kept < 140]).all()
    assert set(at[(kept >= 140) & (kept < 179)].tolist()) == {minutes.open[65]}
    assert set(at[kept >= 179].tolist()) == {minutes.open[140]}


def columns(candles: Candles) -> tuple[np.ndarray, ...]:
    return candles.time, candles.open, candles.high, candles.low, candles.close, candles.volume


@pytest.mark.parametrize("count", [1, 2, 5])
def test_rows_bring_that_many_candles_wherever_the_newest_row_stands(count: int) -> None:
    minutes = walk(600)
    found = [len(HOURS.candles(minutes.rows(row + 1 - HOURS.rows(count), row + 1))) for row in range(HOURS.rows(count) - 1, 600)]
    assert min(found) == count
    assert len(HOURS.candles(minutes.rows(60, 60 + HOURS.rows(count) - 1).rows(1, HOURS.rows(count) - 1))) == count - 1


def test_no_rows_make_no_candles() -> None:
    hours = HOURS.candles(walk(9).rows(0, 0))
    assert (len(hours), len(hours.newest)) == (0, 0)


def test_candles_can_not_be_written_to() -> None:
    hours = HOURS.candles(walk(200))
    for column in (*columns(hours), hours.newest):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1


@pytest.mark.parametrize(("higher", "base"), [("1h", "1h"), ("5m", "1h"), ("10m", "3m"), ("1h", "12h")])
def test_timeframe_that_is_no_multiple_is_refused(higher: str, base: str) -> None:
    with pytest.raises(StrategyError) as refused:
        HigherTimeframe(higher, base)
    assert refused.value.code == "TIMEFRAME_NOT_A_MULTIPLE"


@pytest.mark.parametrize(("higher", "base"), [("7m", "1m"), ("1h", "1")])
def test_unknown_timeframe_is_refused(higher: str, base: str) -> None:
    with pytest.raises(StrategyError) as refused:
        HigherTimeframe(higher, base)
    assert refused.value.code == "TIMEFRAME_UNKNOWN"


def test_every_timeframe_has_the_higher_ones_that_it_divides() -> None:
    for base in Timeframe:
        for higher in Timeframe:
            if base != higher and base.divides(higher):
                assert HigherTimeframe(higher.value, base.value).ratio * base.minutes == higher.minutes


@pytest.mark.parametrize("base", ["5m", "3m"])
def test_candles_of_a_shorter_timeframe_are_refused(base: str) -> None:
    with pytest.raises(StrategyError) as refused:
        HigherTimeframe("1h", base).candles(walk(30))
    assert refused.value.code == "TIMEFRAME_MISMATCH"


def test_candles_of_a_longer_timeframe_are_refused() -> None:
    minutes = walk(60)
    longer = Candles(minutes.time * 5, *columns(minutes)[1:])
    with pytest.raises(StrategyError) as refused:
        HOURS.candles(longer)
    assert refused.value.code == "TIMEFRAME_MISMATCH"


def test_column_of_the_base_is_no_column_of_the_higher_candles() -> None:
    minutes = walk(130)
    with pytest.raises(StrategyError) as refused:
        HOURS.candles(minutes).to_base(minutes.close)
    assert refused.value.code == "CANDLES_MALFORMED"


def test_guard_tells_closed_hours_from_a_repaint() -> None:
    candles = candles_of(SAMPLE_NAMES[0])
    assert assert_prefix_invariant(ClosedHours(NoParameters()), candles, max_rows=200) == 200
    with pytest.raises(StrategyError) as repaints:
        assert_prefix_invariant(OpenHour(NoParameters()), candles, max_rows=200)
    with pytest.raises(StrategyError) as forgets:
        assert_prefix_invariant(TooFewClosedHours(NoParameters()), candles, max_rows=200)
    assert (repaints.value.code, forgets.value.code) == ("LOOK_AHEAD", "LOOKBACK_TOO_SHORT")
