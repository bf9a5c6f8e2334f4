"""The public ping: one request to the venue's clock, whose answer must be a time."""

from __future__ import annotations

import pytest

from candlecast.adapters.ccxt.ping import VenuePing
from candlecast.domain.values.errors import RetryLater
from tests.support.raw_venue import RawVenue


def test_a_ping_is_one_request() -> None:
    venue = RawVenue()
    VenuePing(venue.templates(), "paper").check()
    assert venue.asked == [("GET", "time", {})]


@pytest.mark.parametrize("answer", [{}, [], {"serverTime": "soon"}, {"serverTime": 7}, {"serverTime": None}])
def test_an_answer_that_is_no_time_is_no_ping(answer: dict[str, object]) -> None:
    venue = RawVenue()
    venue.say("GET", "time", answer)
    with pytest.raises(RetryLater, match="ANSWER_UNUSABLE"):
        VenuePing(venue.templates(), "paper").check()


def test_a_venue_in_maintenance_is_no_ping() -> None:
    venue = RawVenue()
    venue.say_bytes(b"", 503)
    with pytest.raises(RetryLater):
        VenuePing(venue.templates(), "paper").check()
