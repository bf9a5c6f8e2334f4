"""Turns of runs: one suite on the fake and on DynamoDB."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from candlecast.adapters.dynamodb.turns import DynamoTurns
from tests.support.builders import NOW, TENANT
from tests.support.fakes.turns import FakeTurns

LENGTH = timedelta(minutes=5)


@pytest.fixture(params=["fake", pytest.param("dynamodb", marks=pytest.mark.e2e)])
def turns(request: pytest.FixtureRequest) -> Any:
    return FakeTurns() if request.param == "fake" else DynamoTurns(request.getfixturevalue("dynamodb_table"))


def test_a_turn_is_one_runs_until_it_ends_by_itself(turns: Any) -> None:
    assert turns.take(TENANT, "run-1", NOW, NOW + LENGTH)
    assert not turns.take(TENANT, "run-2", NOW + LENGTH - timedelta(microseconds=1), NOW + 2 * LENGTH)
    assert turns.take("tenant-2", "run-2", NOW, NOW + LENGTH), "each tenant has a turn of its own"
    assert turns.take(TENANT, "run-2", NOW + LENGTH, NOW + 2 * LENGTH)


def test_a_turn_that_is_given_back_is_free(turns: Any) -> None:
    turns.give_back(TENANT, "run-1", NOW)
    turns.take(TENANT, "run-1", NOW, NOW + LENGTH)
    turns.give_back(TENANT, "run-1", NOW)
    assert turns.take(TENANT, "run-2", NOW, NOW + LENGTH)


def test_a_turn_is_given_back_by_its_own_run_only(turns: Any) -> None:
    turns.take(TENANT, "run-1", NOW, NOW + LENGTH)
    turns.give_back(TENANT, "run-2", NOW)
    assert not turns.take(TENANT, "run-2", NOW, NOW + LENGTH)


def test_a_run_takes_its_own_turn_again(turns: Any) -> None:
    turns.take(TENANT, "run-1", NOW, NOW + LENGTH)
    assert turns.take(TENANT, "run-1", NOW, NOW + 2 * LENGTH)
    assert not turns.take(TENANT, "run-2", NOW + LENGTH, NOW + 2 * LENGTH)
