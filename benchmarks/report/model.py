"""The cost of one signal with many subscribers: requests, seconds, dollars, quotas. Computed, not measured; no cloud is asked.

Counts follow from the product's own constants. Seconds follow from the seconds of a shard and an order, and from the pace at
which Lambda adds consumers to a queue. The seconds of a shard and an order are arguments. Prices come from prices.toml.
docs/guides/scaling.md shows the table, and says what to do about it.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.harness.followers import subscribers
from candlecast.adapters.codec import to_terse_json
from candlecast.adapters.dynamodb.single_table.batch import MAX_ITEMS
from candlecast.adapters.sqs.queues import BATCH
from candlecast.domain.reconcile.look_schedule import FULL_LOOK_INTERVAL, OPEN_ORDER_INTERVAL
from candlecast.domain.venue.rules import BINANCE_USDM, VenueRequest
from candlecast.domain.venue.weight_budget import SHARE_PERCENT, RequestClass
from candlecast.services.signals.fan_out import PROGRESS_EVERY
from candlecast.services.signals.publish_signal import shards_for

SUBSCRIBERS = (5_000, 100_000, 1_000_000)
PRICES = Path(__file__).with_name("prices.toml")

# AWS's quotas and rates, by its documentation as of the date in prices.toml.
FIRST_POLLERS = 5  # Lambda, "Configuring scaling behavior for SQS event source mappings": five batches at a time ...
POLLERS_PER_SECOND = 300 / 60  # ... and up to 300 more a minute
PARTITION_READ_UNITS = 3_000  # DynamoDB, "Best practices for designing partition keys": a second, of one partition
STRONG_UNIT_BYTES = 4_096  # of one read unit; an eventually consistent read takes half of it
ITEM_OVERHEAD_BYTES = 300  # names, keys and index keys of a subscription beside its body

# The stack's own, from template.yaml.
FANOUT_CONCURRENCY = 50
FANOUT_GIGABYTES = 1769 / 1024
EXECUTOR_CONCURRENCY = 200
EXECUTOR_GIGABYTES = 1.0
ORDERS_PER_INVOCATION = 5
LIMIT_RECORDS = 2  # read for each tenant: the user's own, and the operators' about that user

# Of one order, and held by tests (test_request_counts.py): the account and the switches are read, the account is written twice.
ORDER_READS = 2
ORDER_READ_UNITS = 7  # the account, below 4 kB, and the six items of the gate in one each
ORDER_WRITES = 2
ORDER_WRITE_UNITS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long a shard of a thousand and an order take, and how many of each run at once."""

    shard_seconds: float = 0.6
    order_seconds: float = 0.15
    shards_at_once: int = FANOUT_CONCURRENCY
    orders_at_once: int = EXECUTOR_CONCURRENCY


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """The cost of one signal that becomes an order of every subscriber. Seconds are wall time from its publication."""

    subscribers: int
    shards: int
    messages: int
    queue_requests: int
    table_reads: int
    table_read_units: int
    table_writes: int
    table_write_units: int
    invocations: int
    lambda_gb_seconds: float
    fan_out_seconds: float
    all_ordered_seconds: float
    queue_requests_per_second: int
    write_units_per_second: int
    usd: float
    weight_per_minute: int
    addresses: int

    def row(self) -> dict[str, float]:
        """For the report."""
        return {name: getattr(self, name) for name in self.__slots__}


def section(pace: Pace | None = None) -> dict[str, dict[str, float]]:
    """The model by number of subscribers."""
    return {str(count): signal_of(count, pace or Pace()).row() for count in SUBSCRIBERS}


def table(pace: Pace | None = None) -> str:
    """The same for people, in Markdown."""
    signals = [signal_of(count, pace or Pace()) for count in SUBSCRIBERS]
    head = f"| one signal of | {' | '.join(f'{each.subscribers:,}' for each in signals)} |\n|---|{'---:|' * len(signals)}\n"
    return head + "".join(f"| {name} | {' | '.join(values)} |\n" for name, values in _lines(signals))


def _lines(signals: list[Signal]) -> Iterator[tuple[str, list[str]]]:
    names = {
        "shards": "shards",
        "messages": "order messages",
        "queue_requests": "SQS requests",
        "table_reads": "DynamoDB reads",
        "table_read_units": "read units",
        "table_writes": "DynamoDB writes",
        "table_write_units": "write units",
        "invocations": "invocations of Lambda",
        "lambda_gb_seconds": "GB-seconds of Lambda",
        "fan_out_seconds": "seconds until the last message is sent",
        "all_ordered_seconds": "seconds until the last order is sent",
        "queue_requests_per_second": "SendMessageBatch a second of TradeQueue",
        "write_units_per_second": "write units a second",
        "usd": "dollars",
        "weight_per_minute": "weight a minute at Binance while all hold a position",
        "addresses": "egress addresses for that",
    }
    for name, words in names.items():
        values = [getattr(each, name) for each in signals]
        yield words, [f"{value:,.2f}" if name == "usd" else f"{value:,.0f}" for value in values]


def signal_of(count: int, pace: Pace) -> Signal:
    """The model of one signal."""
    shards, batches = shards_for(count), math.ceil(count / BATCH)
    executions = math.ceil(count / ORDERS_PER_INVOCATION)
    a_shard = math.ceil(count / shards)
    limit_records = LIMIT_RECORDS * a_shard + 1  # and that of the platform
    limit_reads = math.ceil(limit_records / MAX_ITEMS)
    pages, follower_units = _follower_pages(a_shard)
    # one batch of shards; a receive and a delete of each shard and of each batch of orders; the orders in tens
    queue_requests = math.ceil(shards / BATCH) + 2 * shards + batches + 2 * executions
    notes = math.ceil(a_shard / PROGRESS_EVERY)
    # a shard reads its report and the verdict; the signal and the verdict are written once, and a claim if shards race for it
    signal_writes = 2 + (shards > 1)
    read_units = shards * (2 + follower_units + limit_records) + count * ORDER_READ_UNITS
    write_units = shards * notes + signal_writes + count * ORDER_WRITE_UNITS
    gigabyte_seconds = shards * pace.shard_seconds * FANOUT_GIGABYTES + count * pace.order_seconds * EXECUTOR_GIGABYTES
    fan_out = max(seconds_of(shards, pace.shard_seconds, pace.shards_at_once), shards * follower_units / PARTITION_READ_UNITS)
    ordered = max(seconds_of(count, pace.order_seconds, pace.orders_at_once), fan_out + pace.order_seconds)
    weight = round(count * weight_per_minute())
    return Signal(
        subscribers=count,
        shards=shards,
        messages=count,
        queue_requests=queue_requests,
        table_reads=shards * (2 + pages + limit_reads) + count * ORDER_READS,
        table_read_units=read_units,
        table_writes=shards * notes + signal_writes + count * ORDER_WRITES,
        table_write_units=write_units,
        invocations=shards + executions,
        lambda_gb_seconds=round(gigabyte_seconds, 1),
        fan_out_seconds=round(fan_out, 1),
        all_ordered_seconds=round(ordered, 1),
        queue_requests_per_second=round(batches / max(fan_out, 1)),
        write_units_per_second=round(write_units / max(ordered, 1)),
        usd=round(_usd(queue_requests, read_units, write_units, shards + executions, gigabyte_seconds), 4),
        weight_per_minute=weight,
        addresses=addresses_for(weight),
    )


def seconds_of(tasks: int, seconds: float, at_once: int) -> float:
    """Wall seconds of so many tasks while their consumers grow as Lambda lets them: five, then five more each second.

    After t seconds FIRST_POLLERS * t + POLLERS_PER_SECOND * t^2 / 2 worker-seconds have been spent, until the bound is reached.
    """
    work = tasks * seconds
    grown_after = max(0.0, (at_once - FIRST_POLLERS) / POLLERS_PER_SECOND)
    spent_growing = FIRST_POLLERS * grown_after + POLLERS_PER_SECOND * grown_after**2 / 2
    if work > spent_growing:
        return max(seconds, grown_after + (work - spent_growing) / at_once)
    return max(seconds, (math.sqrt(FIRST_POLLERS**2 + 2 * POLLERS_PER_SECOND * work) - FIRST_POLLERS) / POLLERS_PER_SECOND)


def weight_per_minute() -> float:
    """The request weight that an account with an open position in one market takes of its address, each minute.

    Its orders and its stops every minute, positions and balance at every full look, funding once in each interval. Placing an
    order takes no weight of the address: the order counts in its account's own rate (300 in ten seconds).
    """
    rules, minute = BINANCE_USDM, timedelta(minutes=1)
    orders = 2 * rules.weight_of(VenueRequest.OPEN_ORDERS_OF_MARKET) * (minute / OPEN_ORDER_INTERVAL)
    whole = rules.weight_of(VenueRequest.POSITIONS) + rules.weight_of(VenueRequest.BALANCE)
    funding = rules.weight_of(VenueRequest.INCOME) * (minute / rules.funding_interval)
    return orders + whole * (minute / FULL_LOOK_INTERVAL) + funding


def addresses_for(weight: float) -> int:
    """How many egress addresses carry that much weight of looks in a minute, within the reconciler's share."""
    share = BINANCE_USDM.weight_per_minute * SHARE_PERCENT[RequestClass.RECONCILER] / 100
    return math.ceil(weight / share)


def _follower_pages(count: int) -> tuple[int, int]:
    """Requests and read units of a shard's followers: a page is a megabyte, an eventually consistent unit twice 4 kB."""
    size = count * (len(to_terse_json(subscribers(1)[0])) + ITEM_OVERHEAD_BYTES)
    return math.ceil(size / 1_000_000), math.ceil(size / STRONG_UNIT_BYTES / 2)


def _usd(queue_requests: int, read_units: int, write_units: int, invocations: int, gigabyte_seconds: float) -> float:
    """The cost by list prices. All queue requests have the price of FIFO, since nearly all of them go to FIFO queues."""
    usd = _prices()["usd"]
    millions = {
        "sqs_fifo_million_requests": queue_requests,
        "dynamodb_million_read_units": read_units,
        "dynamodb_million_write_units": write_units,
        "lambda_million_requests": invocations,
    }
    total: float = sum(usd[name] * count / 1_000_000 for name, count in millions.items())
    return total + float(usd["lambda_gb_second"]) * gigabyte_seconds


@cache
def _prices() -> dict[str, Any]:
    return tomllib.loads(PRICES.read_text(encoding="utf-8"))
