"""The event of a schedule is believed only in its shape and near its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from candlecast.domain.market.firings import firing_in
from candlecast.domain.values.firing import CLOCK_SKEW, FiringRefused, instant_in, require_recent
from candlecast.domain.values.timeframe import Timeframe

NOW = datetime(2026, 11, 21, 2, 9, tzinfo=UTC)
BOUND = timedelta(minutes=5)
SECOND = timedelta(seconds=1)
EVENT = {"timeframe": "5m", "scheduled_time": "2026-11-21T02:09:00Z"}


@pytest.mark.parametrize(
    "event",
    [
        {},
        [],
        "2026-11-21T02:09:00Z",
        {"scheduled_time": None},
        {"scheduled_time": 1_700_000_000},
        {"scheduled_time": ""},
        {"scheduled_time": "<aws.scheduler.scheduled-time>"},
        {"scheduled_time": "2026-11-21T02:09:00"},
        {"scheduled_time": "2026-11-21T02:09:00+01:00"},
        {"scheduled_time": "2026-13-21T02:09:00Z"},
        {"scheduled_time": "2026-11-21T02:09:00Z" + " " * 40},
    ],
)
def test_an_event_without_an_instant_in_utc_is_malformed(event: Any) -> None:
    with pytest.raises(FiringRefused) as refused:
        instant_in(event, "scheduled_time")
    assert refused.value.code == "FIRING_MALFORMED"
    assert "<aws" not in refused.value.message


@pytest.mark.parametrize("text", ["2026-11-21T02:09:00Z", "2026-11-21T02:09:00+00:00", "2026-11-21T02:09:00.000000+00:00"])
def test_an_instant_is_read(text: str) -> None:
    assert instant_in({"scheduled_time": text}, "scheduled_time") == NOW


@pytest.mark.parametrize(
    "wrong", [{"timeframe": "7m"}, {"timeframe": None}, {"timeframe": {}}, {"timeframe": "1h"}, {"scheduled_time": "soon"}]
)
def test_a_timeframe_that_is_none_or_does_not_close_then_is_malformed(wrong: dict[str, Any]) -> None:
    with pytest.raises(FiringRefused, match="FIRING_MALFORMED"):
        firing_in({**EVENT, **wrong})


def test_an_event_as_scheduler_writes_it_is_read() -> None:
    assert firing_in(EVENT) == (Timeframe.M5, NOW)


@pytest.mark.parametrize(
    ("scheduled_at", "code"),
    [
        (NOW - BOUND - SECOND, "FIRING_TOO_LATE"),
        (NOW - timedelta(days=14), "FIRING_TOO_LATE"),
        (NOW + CLOCK_SKEW + SECOND, "FIRING_AHEAD"),
        (NOW + timedelta(days=365), "FIRING_AHEAD"),
    ],
)
def test_a_firing_far_from_now_is_refused(scheduled_at: datetime, code: str) -> None:
    with pytest.raises(FiringRefused, match=code):
        require_recent(scheduled_at, NOW, BOUND)


@pytest.mark.parametrize("scheduled_at", [NOW - BOUND, NOW, NOW + CLOCK_SKEW])
def test_a_firing_near_now_is_taken(scheduled_at: datetime) -> None:
    require_recent(scheduled_at, NOW, BOUND)
