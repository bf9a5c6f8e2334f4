"""The cost of orders on AWS: counted requests times the list prices of `prices.toml`, against a bot process for each user.

`python -m benchmarks.report.cost` writes docs/guides/cost.md from the last report.
"""

from __future__ import annotations

import json
import sys
import textwrap
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness.executor import PRICE, on_table
from benchmarks.harness.paper_process import paper_process
from benchmarks.report.order_bill import OrderBill, order_bill
from candlecast.adapters.system import SystemClock
from infra.local.project import ROOT

PRICES = Path(__file__).with_name("prices.toml")
REPORT = ROOT / "build" / "bench" / "report.json"
PAGE = ROOT / "docs" / "guides" / "cost.md"
# A budget, not a measurement: the most that a million orders may cost. A test holds the requests of an order to the budget.
MAX_USD_PER_MILLION_ORDERS = 30.0
# The budget's part for the executor's CPU: the milliseconds that an order may take at most, on any machine.
BUDGETED_CPU_MS = 5.0
MILLION = 1_000_000
PAGE_COLUMNS = 150
USERS = 1_000
GB_OF_EXECUTOR = 1.0  # memory of the functions, as in the template
GB_OF_FAN_OUT = 1_769 / 1_024
GB_OF_RELAY = 0.5
GB_OF_LIVE = 0.5
GB_OF_API = 1.0
GB_OF_RUNNER = 1.0
GB_OF_SANDBOX = 1_769 / 1_024
VCPU_MB = 1_769  # of memory that come with one whole vCPU (AWS Lambda Developer Guide, "Configure Lambda function memory")
EXECUTOR_BATCH = 5
RELAY_BATCH = 100
HOURS_OF_A_CONNECTION = 2  # the gateway ends it then
MINUTES_BETWEEN_TEXTS = 5  # of a client that keeps its connection, as the guide says
WRITES_OF_A_CONNECTION = 6  # its ticket in and out; the connection and its place in the index in and out

SECTIONS = (
    "a million orders",
    "a thousand users and a month",
    "a thousand listeners and a month",
    "an uploaded strategy and a month",
)

INTRODUCTION = """
Requests are counted. Prices are AWS's list prices in {region} as we knew them on {prices_of}, without free tiers, discounts and
taxes. AWS changes its prices, and nobody has compared these with a bill.
`benchmarks/report/order_bill.py` counts, `benchmarks/report/prices.toml` has the prices and the assumptions. A test fails when a
million orders would cost more than ${budget:.0f}.
"""
COMPARISON = """
So a process for each user costs {ratio:.1f} times as much, before anybody has to look after it. Most of a user's cost here is the
user's secrets and the looks at the accounts.
"""
LEFT_OUT = """
A bot's process is the smallest that Fargate runs. The sheet leaves out data that leaves AWS, and a fixed egress address. It
leaves out all costs that do not grow with orders, users, listeners or uploaded strategies. These are schedules, polls of
empty queues, built-in strategies on each candle, and alarms: some dollars a month. AWS also charges for each environment of
the sandbox that it makes for an owner, at a price that the sheet does not have.
"""

Prices = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """So many of a unit, at a price each."""

    item: str
    count: float
    unit: str
    usd: float

    @property
    def total(self) -> float:
        return self.count * self.usd

    def row(self) -> dict[str, object]:
        """The line as it stands in the report."""
        return {"item": self.item, "count": round(self.count, 6), "unit": self.unit, "usd": float(f"{self.total:.4g}")}


def sections(measured: Mapping[str, Any]) -> Mapping[str, object]:
    """The report's `cost`; absent unless the order was measured in this run."""
    if "order" not in measured:
        return {}
    fan_out_rate = measured.get("fanout", {}).get("messages_per_second")
    with paper_process() as paper:
        paper.stand_at(str(PRICE))
        executor = on_table(paper, SystemClock())
        with closing(executor.template.session):
            bill = order_bill(executor)
    return {"cost": cost(bill, measured["order"]["cpu_ms"], fan_out_rate, read_prices())}


def read_prices() -> Prices:
    """The dated file."""
    return tomllib.loads(PRICES.read_text(encoding="utf-8"))


def cost(bill: OrderBill, cpu_ms: float, fan_out_rate: float | None, prices: Prices) -> dict[str, object]:
    """Dollars of a million orders, and of a month of a thousand users, with every line of both."""
    an_order = list(order_lines(bill, cpu_ms, fan_out_rate, prices))
    order_usd = sum(line.total for line in an_order)
    user = list(user_lines(order_usd, prices))
    strategy = list(strategy_lines(prices))
    listener = list(listener_lines(prices))
    return {
        "prices_of": prices["date"].isoformat(),
        "region": prices["region"],
        "per_million_orders_usd": round(order_usd * MILLION, 2),
        "per_1000_users_month_usd": round(sum(line.total for line in user) * USERS, 2),
        "bot_per_1000_users_month_usd": round(bot_month(prices) * USERS, 2),
        "per_1000_listeners_month_usd": round(sum(line.total for line in listener) * USERS, 2),
        "per_million_sandbox_runs_usd": round(sandbox_run(prices) * MILLION, 2),
        "per_uploaded_strategy_month_usd": round(sum(line.total for line in strategy), 2),
        "lines": [line.row() | {"of": "a million orders", "usd": round(line.total * MILLION, 3)} for line in an_order]
        + [line.row() | {"of": "a thousand users and a month", "usd": round(line.total * USERS, 2)} for line in user]
        + [line.row() | {"of": "a thousand listeners and a month", "usd": round(line.total * USERS, 2)} for line in listener]
        + [line.row() | {"of": "an uploaded strategy and a month", "usd": round(line.total, 3)} for line in strategy],
    }


def order_lines(bill: OrderBill, cpu_ms: float, fan_out_rate: float | None, prices: Prices) -> Iterator[Line]:
    """Of one order."""
    usd, assumed = prices["usd"], prices["assumed"]
    invocation, gb_second = usd["lambda_million_requests"] / MILLION, usd["lambda_gb_second"]
    write, read = usd["dynamodb_million_write_units"] / MILLION, usd["dynamodb_million_read_units"] / MILLION
    request_seconds = assumed["request_milliseconds"] / 1_000
    busy = cpu_ms / 1_000 * VCPU_MB / (GB_OF_EXECUTOR * 1_024)
    waiting = bill.requests * request_seconds + bill.exchange_requests * assumed["venue_milliseconds"] / 1_000
    if fan_out_rate is not None:
        yield Line("fan-out, Lambda's time", GB_OF_FAN_OUT / fan_out_rate, "GB-seconds", gb_second)
    yield Line("order queue", bill.fifo_requests, "requests", usd["sqs_fifo_million_requests"] / MILLION)
    yield Line("executor, Lambda's invocations", 1 / EXECUTOR_BATCH, "requests", invocation)
    yield Line("executor, Lambda's time", GB_OF_EXECUTOR * (busy + waiting), "GB-seconds", gb_second)
    yield Line("account and gate, reads", bill.read_units, "read units", read)
    yield Line("account, both writes", bill.write_units, "write units", write)
    yield Line("relay, Lambda's invocations", 2 / RELAY_BATCH, "requests", invocation)
    relay_seconds = (bill.relay_requests + 1) * request_seconds
    yield Line("relay, Lambda's time", GB_OF_RELAY * relay_seconds, "GB-seconds", gb_second)
    yield Line("archive, objects", 2 / RELAY_BATCH, "requests", usd["s3_million_puts"] / MILLION)
    archived = bill.archived_bytes / 1e9 * assumed["archive_months"]
    yield Line("archive, seven years of storage", archived, "GB-months", usd["s3_gb_month"])
    yield Line("history, positions, trades, receipts", bill.relay_write_units, "write units", write)
    yield Line("events on the bus", bill.events, "events", usd["eventbridge_million_events"] / MILLION)
    yield Line("logs and metrics", assumed["logged_bytes_an_order"] / 1e9, "GB", usd["logs_gb"])


def user_lines(order_usd: float, prices: Prices) -> Iterator[Line]:
    """Of one user with one account and a month."""
    usd, assumed = prices["usd"], prices["assumed"]
    hours = assumed["hours_in_position_a_day"]
    looks = assumed["days_a_month"] * (hours * 60 + (24 - hours) * 12)
    look = (
        assumed["look_write_units"] * usd["dynamodb_million_write_units"] / MILLION
        + usd["dynamodb_million_read_units"] / MILLION
        + assumed["look_sqs_requests"] * usd["sqs_standard_million_requests"] / MILLION
        + assumed["look_milliseconds"] / 1_000 * GB_OF_EXECUTOR * usd["lambda_gb_second"]
    )
    yield Line("orders", assumed["orders_a_day"] * assumed["days_a_month"], "orders", order_usd)
    yield Line("looks at the account", looks, "looks", look)
    yield Line("the account's keys", 1, "secrets", usd["secrets_secret_month"])


def listener_lines(prices: Prices) -> Iterator[Line]:
    """Of one user with one live connection and a month; no message shares its invocation with another user's."""
    usd, assumed, days = prices["usd"], prices["assumed"], prices["assumed"]["days_a_month"]
    hours = assumed["listening_hours_a_day"] * days
    changes = assumed["orders_a_day"] * days * assumed["live_versions_an_order"]
    pushed = changes + min(assumed["hours_in_position_a_day"] * days, hours) * 60  # a look a minute is a version too
    handshakes, texts = hours / HOURS_OF_A_CONNECTION, hours * 60 / MINUTES_BETWEEN_TEXTS
    fetched = changes + texts + 3 * handshakes  # at each change and text, twice at a connection; and the ticket
    invocation, gb_second = usd["lambda_million_requests"] / MILLION, usd["lambda_gb_second"]
    seconds = assumed["request_milliseconds"] / 1_000
    yield Line("connection", hours * 60, "minutes", usd["apigateway_million_connection_minutes"] / MILLION)
    yield Line("messages", pushed + texts, "messages", usd["apigateway_million_messages"] / MILLION)
    yield Line("pushes and handshakes, Lambda's invocations", pushed + 2 * handshakes, "requests", invocation)
    yield Line("pushes, Lambda's time", GB_OF_LIVE * 2 * seconds * pushed, "GB-seconds", gb_second)
    writes = WRITES_OF_A_CONNECTION * handshakes
    yield Line("tickets and connections", writes, "write units", usd["dynamodb_million_write_units"] / MILLION)
    yield Line(
        "tickets and fetches, the gateway's requests", fetched, "requests", usd["apigateway_million_http_requests"] / MILLION
    )
    answering = GB_OF_API * assumed["live_api_milliseconds"] / 1_000 * fetched
    yield Line("tickets and fetches, Lambda's time", answering, "GB-seconds", gb_second)


def sandbox_run(prices: Prices) -> float:
    """Dollars of one run of uploaded code: the sandbox's time, and that of the runner that waits for the answer."""
    usd, seconds = prices["usd"], _sandbox_seconds(prices)
    time = (GB_OF_SANDBOX + GB_OF_RUNNER) * seconds * usd["lambda_gb_second"]
    return float(time + usd["lambda_million_requests"] / MILLION)


def strategy_lines(prices: Prices) -> Iterator[Line]:
    """Of one uploaded strategy with one version, which runs on each candle, and a month."""
    usd, assumed = prices["usd"], prices["assumed"]
    runs, seconds = assumed["uploaded_candles_a_day"] * assumed["days_a_month"], _sandbox_seconds(prices)
    yield Line("queue of its candles", 3 * runs, "requests", usd["sqs_standard_million_requests"] / MILLION)
    yield Line("sandbox, Lambda's invocations", runs, "requests", usd["lambda_million_requests"] / MILLION)
    yield Line("sandbox, Lambda's time", GB_OF_SANDBOX * seconds * runs, "GB-seconds", usd["lambda_gb_second"])
    yield Line("runner that waits, Lambda's time", GB_OF_RUNNER * seconds * runs, "GB-seconds", usd["lambda_gb_second"])
    writes = assumed["execution_write_units"] * runs
    yield Line("executions and signals", writes, "write units", usd["dynamodb_million_write_units"] / MILLION)
    cards = assumed["card_write_units"] * assumed["hours_a_month"]
    yield Line("card in the marketplace", cards, "write units", usd["dynamodb_million_write_units"] / MILLION)


def _sandbox_seconds(prices: Prices) -> float:
    """How long a run takes with the part of a processor that comes with the sandbox's memory."""
    return float(prices["assumed"]["sandbox_cpu_milliseconds"] / 1_000 * VCPU_MB / (GB_OF_SANDBOX * 1_024))


def bot_month(prices: Prices) -> float:
    """Dollars of one always-on process of a user's own, the smallest there is."""
    usd, assumed = prices["usd"], prices["assumed"]
    hour = assumed["bot_vcpu"] * usd["fargate_vcpu_hour"] + assumed["bot_gb"] * usd["fargate_gb_hour"]
    return float(hour * assumed["hours_a_month"])


def page(measured: Mapping[str, Any], prices: Prices) -> str:
    """The sheet, of the report's `cost`."""
    bots, users = measured["bot_per_1000_users_month_usd"], measured["per_1000_users_month_usd"]
    parts = [
        "# Cost\n",
        "<!-- Written by `python -m benchmarks.report.cost` from the report of `make bench`: do not edit. -->\n",
        _paragraph(INTRODUCTION.format(**measured, budget=MAX_USD_PER_MILLION_ORDERS)),
        "| | US dollars |",
        "|---|---|",
        f"| a million orders | {measured['per_million_orders_usd']:,.2f} |",
        f"| a thousand users, one account each, a month | {users:,.2f} |",
        f"| a thousand bot processes, one for each user, a month | {bots:,.2f} |",
        f"| a thousand listeners, one live connection each, a month | {measured['per_1000_listeners_month_usd']:,.2f} |",
        f"| a million runs of uploaded code | {measured['per_million_sandbox_runs_usd']:,.2f} |",
        f"| an uploaded strategy on candles of five minutes, a month | {measured['per_uploaded_strategy_month_usd']:,.2f} |\n",
        _paragraph(COMPARISON.format(ratio=bots / users)),
    ]
    for of in (
        "a million orders",
        "a thousand users and a month",
        "a thousand listeners and a month",
        "an uploaded strategy and a month",
    ):
        parts += [f"## Of {of}\n", "| | for one | unit | US dollars |", "|---|---|---|---|"]
        parts += [
            f"| {line['item']} | {line['count']:.6g} | {line['unit']} | {line['usd']:,.2f} |"
            for line in measured["lines"]
            if line["of"] == of
        ]
        parts.append("")
    parts += ["## Prices\n", "| | US dollars |", "|---|---|"]
    parts += [f"| `{name}` | {value:.10g} |" for name, value in prices["usd"].items()]
    parts += ["\n## Assumed\n", "| | |", "|---|---|"]
    parts += [f"| `{name}` | {value:g} |" for name, value in prices["assumed"].items()]
    return "\n".join([*parts, "", _paragraph(LEFT_OUT).rstrip()]) + "\n"


def _paragraph(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), PAGE_COLUMNS) + "\n"


def main() -> int:
    """Write the sheet from the last report."""
    report = json.loads(REPORT.read_text(encoding="utf-8"))
    PAGE.write_text(page(report["cost"], read_prices()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
