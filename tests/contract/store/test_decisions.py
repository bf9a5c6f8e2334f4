"""Receipts and breaches: kept once, listed newest first, each tenant its own. On the fake and on the embedded cloud's table."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from candlecast.adapters.dynamodb.decisions import DynamoDecisions
from candlecast.domain.values.errors import NotFound
from candlecast.ports.decisions import Decisions
from tests.support.builders import NOW, SUBSCRIPTION, a_breach
from tests.support.fakes.decisions import FakeDecisions

BREACH = a_breach()


@pytest.fixture(params=["fake", pytest.param("dynamodb", marks=pytest.mark.e2e)])
def decisions(request: pytest.FixtureRequest) -> Decisions:
    if request.param == "fake":
        return FakeDecisions()
    return DynamoDecisions(request.getfixturevalue("dynamodb_table"))


def test_the_first_receipt_of_a_decision_stays(decisions: Decisions) -> None:
    decisions.put_receipt("tenant-1", "signal-1", SUBSCRIPTION, '{"traded":true}', NOW)
    decisions.put_receipt("tenant-1", "signal-1", SUBSCRIPTION, '{"traded":false}', NOW)
    assert decisions.get_receipt("tenant-1", "signal-1", SUBSCRIPTION) == '{"traded":true}'


@pytest.mark.parametrize("place", [("tenant-2", "signal-1", SUBSCRIPTION), ("tenant-1", "signal-2", SUBSCRIPTION)])
def test_another_tenants_receipt_is_no_receipt(decisions: Decisions, place: tuple[str, str, str]) -> None:
    decisions.put_receipt("tenant-1", "signal-1", SUBSCRIPTION, "{}", NOW)
    with pytest.raises(NotFound):
        decisions.get_receipt(*place)


def test_breaches_are_listed_newest_first_and_a_repeat_is_the_same_one(decisions: Decisions) -> None:
    later = replace(BREACH, breach_id="breach-2", occurred_at=NOW + timedelta(seconds=1))
    for breach in (BREACH, later, BREACH, replace(BREACH, tenant_id="tenant-2")):
        decisions.put_breach(breach)
    first = decisions.list_breaches("tenant-1", limit=1)
    assert (list(first.items), first.cursor is not None) == ([later], True)
    second = decisions.list_breaches("tenant-1", first.cursor, limit=1)
    assert (list(second.items), second.cursor) == ([BREACH], None)
