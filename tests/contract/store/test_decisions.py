"""Receipts and breaches: kept once, listed newest first, each tenant its own. On the fake and on the embedded cloud's table."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from candlecast.adapters.dynamodb.decisions import DynamoDecisions
from candlecast.domain.values.errors import NotFound
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.ports.decisions import Decisions
from candlecast.ports.filters import BreachFilter, Window
from tests.support.builders import ETH, NOW, SUBSCRIPTION, a_breach
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
    first = decisions.list_breaches("tenant-1", BreachFilter(), limit=1)
    assert (list(first.items), first.cursor is not None) == ([later], True)
    second = decisions.list_breaches("tenant-1", BreachFilter(), first.cursor, limit=1)
    assert (list(second.items), second.cursor) == ([BREACH], None)


def test_breaches_are_narrowed_by_time_and_value(decisions: Decisions) -> None:
    others: dict[str, Any] = {"account_id": "account-2", "denial": Denial(Reason.STOP_MISSING)}
    kinds: list[dict[str, Any]] = [{}, others, {"subscription_id": "s-2", "market": ETH}]
    for number, changes in enumerate(kinds):
        at = NOW + timedelta(seconds=number)
        decisions.put_breach(a_breach(breach_id=f"breach-{number}", occurred_at=at, signal_id=f"signal-{number}", **changes))

    def found(**wanted: Any) -> list[str]:
        return [breach.breach_id for breach in decisions.list_breaches("tenant-1", BreachFilter(**wanted)).items]

    assert found(window=Window(ascending=True)) == ["breach-0", "breach-1", "breach-2"]
    assert found(window=Window(since=NOW + timedelta(seconds=1))) == ["breach-2", "breach-1"]
    assert found(window=Window(until=NOW + timedelta(seconds=1))) == found(signal_id="signal-0") == ["breach-0"]
    assert found(account_id="account-2") == found(reason="STOP_MISSING") == ["breach-1"]
    assert found(subscription_id="s-2") == found(market=ETH) == ["breach-2"]
    assert found(market=ETH, reason="STOP_MISSING") == []


def test_receipts_are_found_by_their_decisions_and_for_their_tenant_alone(decisions: Decisions) -> None:
    decisions.put_receipt("tenant-1", "signal-1", "s-1", '{"number":1}', NOW)
    decisions.put_receipt("tenant-1", "signal-2", "s-1", '{"number":2}', NOW)
    decisions.put_receipt("tenant-2", "signal-1", "s-1", "{}", NOW)
    wanted = [("signal-1", "s-1"), ("signal-2", "s-1"), ("signal-2", "s-2")]
    found = decisions.find_receipts("tenant-1", wanted)
    assert found == {("signal-1", "s-1"): '{"number":1}', ("signal-2", "s-1"): '{"number":2}'}
    assert decisions.find_receipts("tenant-3", wanted) == {}
    assert decisions.find_receipts("tenant-1", []) == {}
