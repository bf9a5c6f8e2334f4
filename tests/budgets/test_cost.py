"""The cost of an order is a budget; the sheet in the docs is the one that the prices and the report give."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest

from benchmarks.harness.executor import TableExecutor
from benchmarks.report import cost
from benchmarks.report.order_bill import OrderBill, order_bill
from benchmarks.report.write_units import item_bytes, read_units, write_units
from tests.support.transformed import functions

A_BILL = OrderBill(
    read_units=6,
    write_units=8,
    relay_write_units=13,
    relay_requests=4.5,
    events=3.5,
    archived_bytes=600,
    fifo_requests=0.5,
    exchange_requests=1,
    requests=4,
)


@pytest.mark.slow
def test_a_million_orders_stay_within_their_budget(on_aws: TableExecutor) -> None:
    bill = order_bill(on_aws)
    dollars = sum(line.total for line in cost.order_lines(bill, cost.BUDGETED_CPU_MS, None, cost.read_prices()))
    assert 0 < dollars * cost.MILLION <= cost.MAX_USD_PER_MILLION_ORDERS


def test_every_counted_request_more_costs_more() -> None:
    def dollars(bill: OrderBill) -> float:
        return sum(line.total for line in cost.order_lines(bill, 1.0, None, cost.read_prices()))

    for name in OrderBill.__dataclass_fields__:
        assert dollars(replace(A_BILL, **{name: getattr(A_BILL, name) + 1})) > dollars(A_BILL), name


def test_the_sheet_in_the_docs_has_the_prices_that_are_in_force() -> None:
    sheet, prices = cost.PAGE.read_text(encoding="utf-8"), cost.read_prices()
    listed = dict(re.findall(r"^\| `(\w+)` \| ([\d.e+-]+) \|$", sheet, re.MULTILINE))
    assert {name: float(value) for name, value in listed.items()} == pytest.approx(prices["usd"] | prices["assumed"])
    assert f"in {prices['region']} as we knew them on {prices['date'].isoformat()}" in sheet


def test_the_sheet_in_the_docs_has_every_line_of_the_model() -> None:
    sheet, prices = cost.PAGE.read_text(encoding="utf-8"), cost.read_prices()
    lines = [*cost.order_lines(A_BILL, 1.0, 5_000.0, prices), *cost.user_lines(1e-5, prices), *cost.strategy_lines(prices)]
    lines += cost.listener_lines(prices)
    for line in lines:
        assert re.search(rf"^\| {re.escape(line.item)} \| [\d.e-]+ \| {line.unit} \| [\d.,]+ \|$", sheet, re.MULTILINE), line.item
    measured = cost.cost(A_BILL, 1.0, 5_000.0, prices)
    headings = re.compile(r"^#.*$", re.MULTILINE)
    assert headings.findall(cost.page(measured, prices)) == headings.findall(sheet)


def test_a_strategy_pays_for_each_of_its_runs_and_its_runs_by_their_time() -> None:
    prices = cost.read_prices()
    month = sum(line.total for line in cost.strategy_lines(prices))
    runs = prices["assumed"]["uploaded_candles_a_day"] * prices["assumed"]["days_a_month"]
    assert 1 < month / (runs * cost.sandbox_run(prices)) < 1.3, "the queue and the records cost little beside the runs"
    slower = {**prices, "assumed": {**prices["assumed"], "sandbox_cpu_milliseconds": 1_300}}
    assert cost.sandbox_run(slower) / cost.sandbox_run(prices) == pytest.approx(2, rel=0.01)
    sheet = cost.PAGE.read_text(encoding="utf-8")
    assert f"| a million runs of uploaded code | {cost.sandbox_run(prices) * cost.MILLION:,.2f} |" in sheet
    assert f"| an uploaded strategy on candles of five minutes, a month | {month:,.2f} |" in sheet


def test_a_listener_costs_less_than_asking_every_five_seconds() -> None:
    prices = cost.read_prices()
    month = sum(line.total for line in cost.listener_lines(prices))
    assumed = prices["assumed"]
    asked = assumed["listening_hours_a_day"] * 3_600 / 5 * assumed["days_a_month"]
    assert month < asked * prices["usd"]["apigateway_million_http_requests"] / cost.MILLION / 3
    sheet = cost.PAGE.read_text(encoding="utf-8")
    assert f"| a thousand listeners, one live connection each, a month | {month * cost.USERS:,.2f} |" in sheet


def test_the_memory_of_the_model_is_that_of_the_template() -> None:
    assumed = {
        "order_executor": cost.GB_OF_EXECUTOR,
        "signal_fanout": cost.GB_OF_FAN_OUT,
        "outbox_relay": cost.GB_OF_RELAY,
        "live_connections": cost.GB_OF_LIVE,
        "api": cost.GB_OF_API,
        "strategy_runner": cost.GB_OF_RUNNER,
        "strategy_sandbox": cost.GB_OF_SANDBOX,
    }
    assert {name: gigabytes * 1_024 for name, gigabytes in assumed.items()} == {
        name: functions()[name]["MemorySize"] for name in assumed
    }


def test_prices_are_dated_and_positive() -> None:
    prices = cost.read_prices()
    assert isinstance(prices["date"], date)
    assert all(value > 0 for value in prices["usd"].values())


def test_without_an_order_there_is_no_cost() -> None:
    assert cost.sections({"fanout": {"messages_per_second": 1}}) == {}


def test_a_write_is_paid_by_the_larger_item_and_twice_for_a_place_that_moves() -> None:
    small, large = {"PK": {"S": "a"}, "body": {"S": "x" * 900}}, {"PK": {"S": "a"}, "body": {"S": "x" * 1_100}}
    assert (write_units(None, small), write_units(large, small), write_units(small, large)) == (1, 2, 2)
    due = {"GSI3PK": {"S": "R#0"}, "GSI3SK": {"S": "2026"}, "SK": {"S": "s"}, "tenant_id": {"S": "t"}, "account_id": {"S": "a"}}
    later = {**due, "GSI3SK": {"S": "2027"}}
    assert write_units(small, {**small, **due}) == 1 + 1
    assert write_units({**small, **due}, {**small, **due}) == 1, "the index copies names only"
    assert write_units({**small, **due}, {**small, **later}) == 1 + 2
    assert write_units({**small, **due}, small) == 1 + 1


def test_sizes_are_counted_as_the_table_counts_them() -> None:
    assert item_bytes({"body": {"B": "AAAA"}, "n": {"N": "12"}, "ü": {"S": "ü"}}) == 4 + 3 + 1 + 2 + 2 + 2
    assert (read_units(None), read_units({"b": {"S": "x" * 4_096}})) == (1, 2)
