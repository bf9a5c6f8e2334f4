"""The newest health: one suite on the fake and on DynamoDB."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from candlecast.adapters.dynamodb.health import DynamoHealth
from candlecast.domain.health.health import ComponentHealth, HealthState
from candlecast.domain.values.errors import RetryLater
from tests.contract.store.test_requests import answering, stubbed_table
from tests.support.builders import NOW
from tests.support.fakes.health import FakeHealthStore, a_health


@pytest.fixture(params=["fake", pytest.param("dynamodb", marks=pytest.mark.e2e)])
def store(request: pytest.FixtureRequest) -> Any:
    return FakeHealthStore() if request.param == "fake" else DynamoHealth(request.getfixturevalue("dynamodb_table"))


def test_the_newest_health_takes_the_place_of_the_one_before(store: Any) -> None:
    down = ComponentHealth(state=HealthState.DOWN, latency_ms=3_000, error="TIMED_OUT", failures=2)
    later = replace(a_health(**{"venue:paper": down}), written_at=NOW + timedelta(minutes=1))
    for health in (a_health(), later):
        store.save_health(health)
        assert store.load_health() == health


def test_a_table_that_does_not_answer_is_told_and_fails_its_probe() -> None:
    table = stubbed_table()
    with answering(table, 500, "InternalServerError"):
        for ask in (
            DynamoHealth(table).load_health,
            DynamoHealth(table).check,
            lambda: DynamoHealth(table).save_health(a_health()),
        ):
            with pytest.raises(RetryLater, match="STORE_UNAVAILABLE"):
                ask()
