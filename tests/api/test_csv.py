"""Every list as CSV: the entries of the JSON answer in rows, safe in a spreadsheet."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest

from candlecast.domain.account.events import EventType
from candlecast.domain.orders.intent import IntentState
from candlecast.domain.strategies.execution import ExecutionStatus
from candlecast.domain.strategies.versions import StrategyChange
from candlecast.domain.values.reasons import Denial, Reason
from functions.api.csv_pages import cell
from tests.api.conftest import Deployment
from tests.support.builders import (
    ACCOUNT,
    NOW,
    STRATEGY,
    SUBSCRIPTION,
    TENANT,
    a_trade,
    after,
    an_account,
    an_execution,
    an_intent,
)
from tests.support.fakes.parity_days import a_parity_day
from tests.support.gateway import Answer
from tests.support.routes import Operation, operations

IDS = {"strategy_id": STRATEGY, "subscription_id": SUBSCRIPTION, "account_id": ACCOUNT}
MORE = {"browse_marketplace": {"venue_kind": "paper"}}
ADMINS = {"list_approvals", "list_clock_entries", "list_dead_letters", "list_quarantined_signals"}
LISTS = [it for it in operations() if it.method == "GET" and "text/csv" in it.description["responses"]["200"]["content"]]
OTHERS = {
    "browse_marketplace",
    "get_account_equity",
    "get_daily_totals",
    "get_effective_limits",
    "get_execution_statistics",
    "get_strategy_equity",
    "get_strategy_parity",
    "get_subscription_equity",
    "get_usage",
}
"""Lists whose names do not begin as those of lists do."""


def rows(answer: Answer) -> list[dict[str, str]]:
    assert answer.status == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    return list(csv.DictReader(StringIO(answer.text, newline=""), strict=True))


def flat(value: object, column: str) -> object:
    """The value of a column by its name."""
    for name in column.split("."):
        value = value[name] if isinstance(value, dict) else None
    return value


def test_every_list_is_one_as_csv_too() -> None:
    named = {it.operation_id for it in operations() if it.operation_id.startswith("list_")}
    assert {it.operation_id for it in LISTS} == named | OTHERS


@pytest.fixture
def filled(populated: Deployment) -> Deployment:
    """Every list has an entry: an ended run, a compared day and a change of the strategy as well."""
    run = populated.executions.begin(an_execution(after(60), drift_seconds=0.3))
    assert run is not None
    populated.executions.finish(replace(run, status=ExecutionStatus.FAILED, finished_at=after(62), duration_ms=120.0))
    populated.parity_days.put_day(a_parity_day(NOW.date() - timedelta(days=1)))
    change = StrategyChange(
        strategy_id=STRATEGY,
        revision=1,
        type=EventType.STRATEGY_VERSION_RELEASED,
        changed_by=TENANT,
        changed_at=NOW,
        values={"version": "2"},
    )
    populated.database.changes[STRATEGY] = [change]
    return populated


@pytest.mark.parametrize("operation", LISTS, ids=lambda it: it.operation_id)
def test_rows_are_the_entries_of_the_json_answer(filled: Deployment, operation: Operation) -> None:
    client = filled.admin if operation.operation_id in ADMINS else filled.client
    query = MORE.get(operation.operation_id, {})
    page = client.send("GET", operation.url(**IDS), query=query).json
    answer = client.send("GET", operation.url(**IDS), query={**query, "format": "csv"})
    found, entries = rows(answer), page.get("items", page.get("days"))
    assert len(found) == len(entries)
    assert entries
    for row, entry in zip(found, entries, strict=True):
        assert row == {column: cell(flat(entry, column)) for column in row}
        assert {column.split(".")[0] for column in row} == set(entry)


def test_nested_values_have_columns_of_their_own_and_money_is_exact(populated: Deployment) -> None:
    denial = Denial(Reason.MAX_ORDER_NOTIONAL, Decimal("-1500.10"), Decimal(1000))
    denied = an_intent(signal_id="signal-2", state=IntentState.DENIED, denial=denial, created_at=NOW + timedelta(seconds=1))
    populated.history.put_order(denied, 2)
    first, *others = rows(populated.client.get("/v1/orders", format="csv"))
    assert (first["reason.code"], first["reason.value"], first["reason.bound"]) == ("MAX_ORDER_NOTIONAL", "-1500.10", "1000")
    assert {it["reason.code"] for it in others} == {""}
    assert (first["reduce_only"], first["quantity"], first["settled_at"]) == ("false", "10", "")


def test_a_loss_stays_a_number(populated: Deployment) -> None:
    populated.history.put_trade(a_trade("lost", pnl=Decimal("-3.50"), closed_at=NOW + timedelta(days=1)), 1)
    lost, won = rows(populated.client.get("/v1/trades", format="csv"))
    assert (lost["pnl"], lost["net_pnl"], won["pnl"]) == ("-3.50", "-4.34", "100")


@pytest.mark.parametrize(
    "label", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "-", "=", "\uff1d1+1", "\uff20SUM(A1)", '=HYPERLINK("http://x","y")']
)
def test_text_is_no_formula(populated: Deployment, label: str) -> None:
    populated.accounts.create(an_account("account-9", label=label, subscriptions={}))
    answer = populated.client.get("/v1/accounts", format="csv")
    assert "'" + label in {it["label"] for it in rows(answer)}


@pytest.mark.parametrize("label", ["a,b", 'say "no"', "two; words", "-12.5", "Müller"])
def test_other_text_is_itself(populated: Deployment, label: str) -> None:
    populated.accounts.create(an_account("account-9", label=label, subscriptions={}))
    assert label in {it["label"] for it in rows(populated.client.get("/v1/accounts", format="csv"))}


def test_pages_follow_by_a_header_and_the_form_may_change_between_them(populated: Deployment) -> None:
    for number in range(3):
        populated.history.put_order(an_intent(intent_id=f"order-{number}", created_at=NOW + timedelta(minutes=number)), 1)
    query = {"limit": "2", "kind": "ENTRY"}
    first = populated.client.get("/v1/orders", format="csv", **query)
    assert [it["order_id"] for it in rows(first)] == ["order-2", "order-1"]
    second = populated.client.get("/v1/orders", cursor=first.headers["x-next-cursor"], **query)
    assert second.json["items"][0]["order_id"] == "order-0"
    whole = populated.client.get("/v1/orders", format="csv")
    assert len(rows(whole)) == 5
    assert "x-next-cursor" not in whole.headers


def test_a_list_without_entries_has_its_header(deployment: Deployment) -> None:
    answer = deployment.client.get("/v1/trades", format="csv")
    assert answer.text.startswith("trade_id,subscription_id,")
    assert answer.text.count("\r\n") == 1
    assert answer.headers["content-disposition"] == 'attachment; filename="trades.csv"'


@pytest.mark.parametrize(("path", "query"), [("/v1/orders", {"format": "xml"}), ("/v1/orders/order-1", {"format": "csv"})])
def test_no_other_form_and_no_other_answer(populated: Deployment, path: str, query: dict[str, str]) -> None:
    assert populated.client.get(path, **query).code == "INVALID_REQUEST"


def test_a_refusal_stays_a_problem(populated: Deployment) -> None:
    assert populated.stranger.get("/v1/orders", format="csv", account_id=ACCOUNT).code == "NOT_FOUND"


def test_lists_within_an_entry_are_json(populated: Deployment) -> None:
    [signal] = rows(populated.client.get(f"/v1/strategies/{STRATEGY}/signals", format="csv"))
    entry: Any = populated.client.get(f"/v1/strategies/{STRATEGY}/signals").json["items"][0]
    assert signal["skipped"] == '{"NO_ACCOUNT":2}'
    assert signal["signal.take_profits"].startswith("[") and entry["signal"]["take_profits"] is not None
