"""A window's requests are taken until they are spent, and never more, by however many at once. On fake and table alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from candlecast.adapters.dynamodb.requests import DynamoRequestCounts
from candlecast.domain.people.request_rate import Quota, RequestKind, window_of
from candlecast.ports.requests import RequestCounts
from candlecast.services.people.admit_requests import AdmitRequests
from tests.support.builders import NOW
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.requests import FakeRequestCounts

READ, WRITE = RequestKind.READ, RequestKind.WRITE
WINDOW = window_of(NOW)


@pytest.fixture(params=["fake", pytest.param("dynamodb", marks=pytest.mark.e2e)])
def counts(request: pytest.FixtureRequest) -> RequestCounts:
    if request.param == "fake":
        return FakeRequestCounts()
    return DynamoRequestCounts(request.getfixturevalue("dynamodb_table"))


def test_requests_are_taken_until_too_few_are_left(counts: RequestCounts) -> None:
    taken = [counts.take_requests("t", READ, WINDOW, 4, 10) for _ in range(3)]
    assert taken == [4, 8, None]
    assert counts.take_requests("t", READ, WINDOW, 2, 10) == 10
    assert counts.take_requests("t", READ, WINDOW, 1, 10) is None


def test_each_tenant_kind_and_window_has_its_own_count(counts: RequestCounts) -> None:
    places = [("t", READ, WINDOW), ("u", READ, WINDOW), ("t", WRITE, WINDOW), ("t", READ, WINDOW + timedelta(minutes=1))]
    assert [counts.take_requests(*place, 10, 10) for place in places] == [10] * 4
    assert [counts.take_requests(*place, 10, 10) for place in places] == [None] * 4


def test_many_environments_at_once_admit_the_quota_and_no_more(counts: RequestCounts) -> None:
    quota = {READ: Quota(requests=60, chunk=5)}
    environments = [AdmitRequests(counts, FakeClock(), quota) for _ in range(8)]
    with ThreadPoolExecutor(1 if isinstance(counts, FakeRequestCounts) else 8) as lanes:
        admitted = lanes.map(lambda admit: sum(admit("t", READ).admitted for _ in range(20)), environments)
    assert sum(admitted) == 60
