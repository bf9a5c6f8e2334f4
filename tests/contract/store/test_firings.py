"""The memory of firings: one suite on the fake and on DynamoDB."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from candlecast.adapters.dynamodb.firings import DynamoFirings
from candlecast.domain.market.firings import Firings
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.timeframe import Timeframe
from tests.contract.store.test_requests import answering, stubbed_table
from tests.support.builders import NOW
from tests.support.fakes.firings import FakeFirings

MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["fake", pytest.param("dynamodb", marks=pytest.mark.e2e)])
def firings(request: pytest.FixtureRequest) -> Any:
    return FakeFirings() if request.param == "fake" else DynamoFirings(request.getfixturevalue("dynamodb_table"))


def test_nothing_is_known_before_the_first_firing(firings: Any) -> None:
    assert firings.load_firings() == Firings()


def test_each_timeframe_keeps_its_newest_firing_whatever_comes_later(firings: Any) -> None:
    for timeframe, at in (
        (Timeframe.M1, NOW),
        (Timeframe.H1, NOW - MINUTE),
        (Timeframe.M1, NOW - 5 * MINUTE),
        (Timeframe.M1, NOW),
    ):
        firings.note_firing(timeframe, at)
    assert firings.load_firings().newest == {Timeframe.M1: NOW, Timeframe.H1: NOW - MINUTE}


def test_the_writers_leave_each_others_fields_alone(firings: Any) -> None:
    firings.note_firing(Timeframe.M1, NOW)
    watched = firings.load_firings().watched(NOW)
    firings.note_firing(Timeframe.M1, NOW + MINUTE)
    firings.save_watch(watched)
    firings.note_firing(Timeframe.M3, NOW + MINUTE)
    for at in (NOW, NOW - MINUTE):
        firings.note_parity(at)
    assert firings.load_firings() == Firings(
        newest={Timeframe.M1: NOW + MINUTE, Timeframe.M3: NOW + MINUTE},
        watched_since=NOW,
        watched_at=NOW,
        parity=NOW,
        parity_since=NOW,
    )


def test_a_throttled_table_is_told() -> None:
    table = stubbed_table()
    with answering(table, 400, "ProvisionedThroughputExceededException"), pytest.raises(RetryLater, match="STORE_UNAVAILABLE"):
        DynamoFirings(table).note_firing(Timeframe.M1, NOW)
