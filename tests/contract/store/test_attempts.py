"""Tries at messages: uncounted ones are added, and a try without an end counts."""

from __future__ import annotations

import pytest

from candlecast.adapters.dynamodb.attempts import DynamoAttempts
from candlecast.ports.queue import Attempts
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.runtime import FakeAttempts


@pytest.fixture(params=["fake", pytest.param("dynamodb", marks=pytest.mark.e2e)])
def attempts(request: pytest.FixtureRequest) -> Attempts:
    if request.param == "fake":
        return FakeAttempts()
    return DynamoAttempts(request.getfixturevalue("dynamodb_table"), FakeClock())


def test_the_first_try_comes_after_those_that_nobody_has_counted(attempts: Attempts) -> None:
    assert attempts.begin("message-1", 4) == 4
    assert attempts.begin("message-2", 0) == 0


def test_a_try_that_has_ended_counts_as_its_end_says(attempts: Attempts) -> None:
    attempts.begin("message-1", 4)
    attempts.end("message-1", 0)
    assert attempts.begin("message-1", 0) == 0
    attempts.end("message-1", 1)
    assert attempts.begin("message-1", 0) == 1


def test_a_try_that_was_killed_counts(attempts: Attempts) -> None:
    assert [attempts.begin("message-1", 0) for _ in range(3)] == [0, 1, 2]
    attempts.end("message-1", 3)
    assert [attempts.begin("message-1", 0) for _ in range(2)] == [3, 4]
