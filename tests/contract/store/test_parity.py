"""Parity by day: one suite on the fake and on DynamoDB."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from candlecast.adapters.dynamodb.parity_days import DynamoParityStore
from candlecast.domain.parity.parity import MAX_DAYS, RETENTION, end_of
from candlecast.domain.values.errors import RetryLater
from tests.contract.store.test_requests import answering, stubbed_table
from tests.support.builders import NOW, STRATEGY
from tests.support.fakes.parity import FakeParityStore
from tests.support.fakes.parity_days import a_difference, a_parity_day

TODAY = NOW.date()
A_DAY = timedelta(days=1)


@pytest.fixture(params=["fake", pytest.param("dynamodb", marks=pytest.mark.e2e)])
def store(request: pytest.FixtureRequest) -> Any:
    return FakeParityStore() if request.param == "fake" else DynamoParityStore(request.getfixturevalue("dynamodb_table"))


def test_days_come_back_as_they_went_newest_first(store: Any) -> None:
    days = [a_parity_day(TODAY - A_DAY * back) for back in range(4)]
    for day in days:
        store.put_day(day)
    assert store.list_days(STRATEGY, TODAY - A_DAY * 2, TODAY) == days[:3]
    assert store.list_days(STRATEGY, TODAY + A_DAY, TODAY + A_DAY * 9) == []


def test_a_later_check_takes_the_place_of_an_earlier_one(store: Any) -> None:
    store.put_day(a_parity_day())
    later = replace(a_parity_day(differences=[a_difference(version=None, recorded=None, before=None)]), refusal=None)
    store.put_day(later)
    assert store.list_days(STRATEGY, TODAY, TODAY) == [later]


def test_strategies_have_days_of_their_own(store: Any) -> None:
    store.put_day(a_parity_day(strategy_id="strategy-2"))
    assert store.list_days(STRATEGY, TODAY, TODAY) == []


def test_a_question_is_answered_by_a_month_at_most(store: Any) -> None:
    for back in range(MAX_DAYS + 2):
        store.put_day(a_parity_day(TODAY - A_DAY * back, differences=[]))
    found = store.list_days(STRATEGY, TODAY - A_DAY * 90, TODAY)
    assert [day.day for day in found] == [TODAY - A_DAY * back for back in range(MAX_DAYS)]


@pytest.mark.e2e
def test_a_day_ends_by_itself(dynamodb_table: Any) -> None:
    DynamoParityStore(dynamodb_table).put_day(a_parity_day())
    (item,) = dynamodb_table.client.scan(TableName=dynamodb_table.name)["Items"]
    assert int(item["expires_at"]["N"]) == int((end_of(TODAY) + RETENTION).timestamp())


def test_a_table_that_does_not_answer_is_told() -> None:
    table = stubbed_table()
    with answering(table, 500, "InternalServerError"):
        for ask in (
            lambda: DynamoParityStore(table).put_day(a_parity_day()),
            lambda: DynamoParityStore(table).list_days(STRATEGY, TODAY, TODAY),
        ):
            with pytest.raises(RetryLater, match="STORE_UNAVAILABLE"):
                ask()
