"""The market clock holds for every instant and every timeframe."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlecast.domain.market.candle import Candle, ClosedCandles, NotPublished, aggregate, check_contiguous, closed_before
from candlecast.domain.values.timeframe import MINUTE, Timeframe
from tests.support.candle_rows import candle_at

pytestmark = pytest.mark.slow

timeframes = st.sampled_from(Timeframe)
instants = st.datetimes(datetime(2001, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (hypothesis adds the zone)


@given(timeframes, instants)
def test_every_instant_lies_in_its_candle_and_in_no_neighbour(timeframe: Timeframe, instant: datetime) -> None:
    candle = timeframe.candle(instant)
    assert instant in candle
    assert candle.close - candle.open == timeframe.length
    assert instant not in timeframe.candle(candle.close)
    assert instant not in timeframe.candle(candle.open - timedelta(microseconds=1))


@given(timeframes, instants)
def test_floor_is_the_last_boundary(timeframe: Timeframe, instant: datetime) -> None:
    floor = timeframe.floor(instant)
    assert timeframe.is_close(floor)
    assert floor <= instant < floor + timeframe.length
    assert timeframe.floor(floor) == floor


@given(timeframes, instants)
def test_every_timeframe_closes_at_midnight(timeframe: Timeframe, instant: datetime) -> None:
    midnight = instant.replace(hour=0, minute=0, second=0, microsecond=0)
    assert timeframe.is_close(midnight)


@given(timeframes, instants)
def test_schedule_a_minute_before_a_close_names_that_close(timeframe: Timeframe, instant: datetime) -> None:
    close = timeframe.next_close(instant)
    assert timeframe.candle_close_for_schedule(close - MINUTE) == close


@given(timeframes, timeframes, instants)
def test_interval_keys_are_equal_only_for_the_same_candle(one: Timeframe, other: Timeframe, instant: datetime) -> None:
    close = one.next_close(instant)
    assert one.interval_key(close) == one.interval_key(one.next_close(close - one.length))
    assert one.interval_key(close) != one.interval_key(close + one.length)
    if one is not other:
        assert one.interval_key(one.floor(instant)) != other.interval_key(other.floor(instant))


rows = st.lists(st.integers(1, 10_000), min_size=1, max_size=90)
minutes = st.integers(0, 40)


@given(rows, minutes, st.sampled_from([Timeframe.M3, Timeframe.M5, Timeframe.M10, Timeframe.M15]))
def test_aggregates_are_made_of_whole_buckets_only(closes: list[int], first: int, timeframe: Timeframe) -> None:
    candles = [candle_at(first + index, close) for index, close in enumerate(closes)]
    built = aggregate(candles, Timeframe.M1, timeframe)
    for candle in built:
        parts = [part for part in candles if timeframe.floor(part.open_time) == candle.open_time]
        assert len(parts) == timeframe.minutes
        assert (candle.open, candle.close) == (parts[0].open, parts[-1].close)
        assert (candle.high, candle.low) == (max(part.high for part in parts), min(part.low for part in parts))
        assert candle.volume == sum(part.volume for part in parts)
    buckets = {timeframe.floor(candle.open_time) for candle in candles}
    whole = [
        bucket
        for bucket in buckets
        if candles[0].open_time <= bucket and bucket + timeframe.length <= candles[-1].close_time(Timeframe.M1)
    ]
    assert [candle.open_time for candle in built] == sorted(whole)


@given(rows, minutes)
def test_ten_minutes_are_the_same_from_ones_and_from_fives(closes: list[int], first: int) -> None:
    ones = [candle_at(first + index, close) for index, close in enumerate(closes)]
    fives = aggregate(ones, Timeframe.M1, Timeframe.M5)
    assert aggregate(fives, Timeframe.M5, Timeframe.M10) == aggregate(ones, Timeframe.M1, Timeframe.M10)


@given(st.sets(st.integers(0, 60), min_size=1), st.integers(1, 61))
def test_selection_ends_at_the_close_or_says_not_published(opens: set[int], close_minute: int) -> None:
    candles: list[Candle] = [candle_at(minute, 100 + minute) for minute in sorted(opens)]
    close = candle_at(close_minute, 1).open_time
    selected = closed_before(candles, Timeframe.M1, close)
    if close_minute - 1 in opens:
        assert isinstance(selected, ClosedCandles)
        assert selected.candles == tuple(candle for candle in candles if candle.open_time < close)
        assert selected.candles[-1].close_time(Timeframe.M1) == close
    else:
        assert isinstance(selected, NotPublished)
        assert selected.last_close is None or selected.last_close < close


@given(st.sets(st.integers(0, 60), min_size=1))
def test_gaps_and_candles_together_are_the_whole_span(opens: set[int]) -> None:
    gaps = check_contiguous([candle_at(minute, 100) for minute in sorted(opens)], Timeframe.M1)
    assert sum(gap.missing for gap in gaps) + len(opens) == max(opens) - min(opens) + 1
