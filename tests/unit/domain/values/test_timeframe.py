"""Each timeframe by its figures: schedule, boundaries, keys, refusals."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from candlecast.domain.values.timeframe import Timeframe, TimeframeError

DAY = datetime(2026, 11, 21, tzinfo=UTC)
LENGTHS = {
    "1m": 1, "3m": 3, "5m": 5, "10m": 10, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "6h": 360, "12h": 720, "1d": 1440,
}  # fmt: skip


def firings(expression: str) -> list[int]:
    """Minutes of a day at which a Scheduler cron of our form fires, by AWS's rules for `*`, `n` and `a/b`."""
    match = re.fullmatch(r"cron\((\S+) (\S+) \* \* \? \*\)", expression)
    assert match is not None, expression

    def field(text: str, size: int) -> list[int]:
        if text == "*":
            return list(range(size))
        first, _, step = text.partition("/")
        return list(range(int(first), size, int(step))) if step else [int(first)]

    minutes, hours = field(match.group(1), 60), field(match.group(2), 24)
    return [hour * 60 + minute for hour in hours for minute in minutes]


def test_there_are_the_twelve_timeframes_with_their_lengths() -> None:
    assert {timeframe.value: timeframe.minutes for timeframe in Timeframe} == LENGTHS
    assert all(timeframe.seconds * 1000 == timeframe.milliseconds for timeframe in Timeframe)
    assert Timeframe.H6.length == timedelta(hours=6)


@pytest.mark.parametrize("timeframe", Timeframe)
def test_schedule_fires_one_minute_before_every_close_of_a_day_and_at_no_other_time(timeframe: Timeframe) -> None:
    fired = [DAY + timedelta(minutes=minute) for minute in firings(timeframe.schedule_expression)]
    minutes = (DAY + timedelta(minutes=minute) for minute in range(1, 24 * 60 + 1))
    closes = [minute for minute in minutes if timeframe.is_close(minute)]
    assert [timeframe.candle_close_for_schedule(instant) for instant in fired] == closes


def test_day_closes_at_midnight() -> None:
    assert Timeframe.D1.next_close(DAY.replace(hour=23, minute=59)) == DAY + timedelta(days=1)
    assert Timeframe.D1.candle_close_for_schedule(DAY.replace(hour=23, minute=59)) == DAY + timedelta(days=1)


def test_close_belongs_to_the_next_candle() -> None:
    close = DAY.replace(hour=2, minute=10)
    assert Timeframe.M10.candle(close).open == close
    assert close not in Timeframe.M10.candle(close - timedelta(seconds=1))


def test_interval_key_is_stable() -> None:
    assert Timeframe.M1.interval_key(DAY.replace(hour=2, minute=10)) == "1m#2026-11-21T02:10:00Z"


def test_schedule_off_the_boundary_is_refused() -> None:
    with pytest.raises(TimeframeError, match="no 5m candle closes") as refused:
        Timeframe.M5.candle_close_for_schedule(DAY.replace(minute=5))
    assert refused.value.code == "NOT_A_BOUNDARY"


def test_schedule_with_seconds_is_refused() -> None:
    with pytest.raises(TimeframeError) as refused:
        Timeframe.M1.candle_close_for_schedule(DAY.replace(second=1))
    assert refused.value.code == "NOT_A_BOUNDARY"


@pytest.mark.parametrize("operation", ["floor", "next_close", "candle", "is_close", "interval_key", "candle_close_for_schedule"])
def test_naive_and_foreign_instants_are_refused(operation: str) -> None:
    for instant, code in (
        (datetime(2026, 11, 21), "NAIVE_DATETIME"),  # noqa: DTZ001 (naive on purpose)
        (datetime(2026, 11, 21, tzinfo=timezone(timedelta(hours=5, minutes=30))), "NOT_UTC"),
    ):
        with pytest.raises(TimeframeError) as refused:
            getattr(Timeframe.M1, operation)(instant)
        assert refused.value.code == code


@pytest.mark.parametrize("text", ["2m", "", "1M", "60", " 1m", "1D"])
def test_unknown_names_are_refused(text: str) -> None:
    with pytest.raises(TimeframeError) as refused:
        Timeframe.parse(text)
    assert refused.value.code == "TIMEFRAME_UNKNOWN"


def test_lengths_and_names_give_the_timeframe() -> None:
    assert [Timeframe.from_length(timeframe.length) for timeframe in Timeframe] == list(Timeframe)
    assert [Timeframe.parse(timeframe.value) for timeframe in Timeframe] == list(Timeframe)
    with pytest.raises(TimeframeError) as refused:
        Timeframe.from_length(timedelta(minutes=2))
    assert refused.value.code == "TIMEFRAME_UNKNOWN"


def test_unserved_timeframe_is_built_from_the_largest_served_one_that_fits() -> None:
    served = [Timeframe.M1, Timeframe.M3, Timeframe.M5, Timeframe.M15, Timeframe.H1]
    assert Timeframe.M10.source_among(served) is Timeframe.M5
    assert Timeframe.M15.source_among(served) is Timeframe.M15
    assert Timeframe.M30.source_among(served) is Timeframe.M15
    with pytest.raises(TimeframeError) as refused:
        Timeframe.M5.source_among([Timeframe.M3, Timeframe.H1])
    assert refused.value.code == "TIMEFRAME_NOT_SERVED"
