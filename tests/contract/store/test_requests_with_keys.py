"""A key is for one request, and is free again after a day, a death or a refusal. On fake and table alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from candlecast.adapters.dynamodb.requests import DynamoKeptRequests
from candlecast.domain.people.kept_request import KEPT_FOR, UNDER_WAY_FOR, KeptAnswer, KeptRequest
from candlecast.domain.values.copying import replace
from candlecast.ports.requests import KeptRequests
from tests.support.builders import NOW
from tests.support.fakes.requests import FakeKeptRequests

ANSWER = KeptAnswer(status=201, text='{"made":"schön"}')
SECOND = timedelta(seconds=1)


@pytest.fixture(params=["fake", pytest.param("dynamodb", marks=pytest.mark.e2e)])
def requests(request: pytest.FixtureRequest) -> KeptRequests:
    if request.param == "fake":
        return FakeKeptRequests()
    return DynamoKeptRequests(request.getfixturevalue("dynamodb_table"))


def a_request(attempt: str, asked_for: str = "this", begun_at: datetime = NOW) -> KeptRequest:
    return KeptRequest(asked_for=asked_for, attempt=attempt, begun_at=begun_at)


def begin(
    requests: KeptRequests, request: KeptRequest, *, tenant: str = "t", operation: str = "o", key: str = "k"
) -> KeptRequest:
    return requests.begin_request(tenant, operation, key, request, request.begun_at)


def test_the_first_request_has_the_key_and_a_repeat_is_told_of_it(requests: KeptRequests) -> None:
    first = a_request("1")
    assert begin(requests, first) == first
    assert begin(requests, a_request("2")) == first
    requests.end_request("t", "o", "k", "1", ANSWER)
    assert begin(requests, a_request("3", "that")) == replace(first, answer=ANSWER)


def test_an_answer_without_its_text_is_kept_as_such(requests: KeptRequests) -> None:
    begin(requests, a_request("1"))
    secret = KeptAnswer(status=201, text=None)
    requests.end_request("t", "o", "k", "1", secret)
    assert begin(requests, a_request("2")).answer == secret


def test_keys_are_of_one_tenant_and_operation(requests: KeptRequests) -> None:
    begin(requests, a_request("1"))
    for number, place in enumerate(({"tenant": "other"}, {"operation": "other"}, {"key": "K"}, {"key": "a#b/c"}), start=2):
        request = a_request(str(number))
        assert begin(requests, request, **place) == request


def test_the_place_of_a_dead_request_is_free_for_the_same_alone(requests: KeptRequests) -> None:
    begin(requests, a_request("1"))
    at_last = NOW + UNDER_WAY_FOR
    assert begin(requests, a_request("2", begun_at=at_last - SECOND)).attempt == "1"
    assert begin(requests, a_request("3", "that", begun_at=at_last)).attempt == "1"
    assert begin(requests, a_request("4", begun_at=at_last)).attempt == "4"
    requests.end_request("t", "o", "k", "1", ANSWER)
    requests.forget_request("t", "o", "k", "1")
    assert begin(requests, a_request("5", begun_at=at_last)) == a_request("4", begun_at=at_last)


def test_a_request_that_was_done_never_dies_within_its_day(requests: KeptRequests) -> None:
    begin(requests, a_request("1"))
    requests.end_request("t", "o", "k", "1", ANSWER)
    assert begin(requests, a_request("2", begun_at=NOW + KEPT_FOR - SECOND)).attempt == "1"
    assert begin(requests, a_request("3", "that", begun_at=NOW + KEPT_FOR)).attempt == "3"


def test_a_refused_request_frees_its_key(requests: KeptRequests) -> None:
    begin(requests, a_request("1"))
    requests.forget_request("t", "o", "k", "1")
    assert begin(requests, a_request("2", "that")).attempt == "2"
    requests.forget_request("t", "o", "unknown", "1")
    requests.end_request("t", "o", "unknown", "1", ANSWER)
    assert begin(requests, a_request("3"), key="unknown").attempt == "3"


def test_of_many_at_once_one_has_the_key(requests: KeptRequests) -> None:
    if isinstance(requests, FakeKeptRequests):
        pytest.skip("the fake has no races")
    with ThreadPoolExecutor(8) as lanes:
        winners = set(lanes.map(lambda number: begin(requests, a_request(str(number))).attempt, range(16)))
    assert len(winners) == 1
