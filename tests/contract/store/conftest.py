"""The stores under test: the fakes, and the real adapters on the embedded cloud's DynamoDB. One suite runs on both.

Larger than a dozen because the store has that many ports, and races beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from itertools import count
from typing import Any

import boto3
import pytest

from candlecast.adapters.dynamodb.accounts import DynamoAccountStore
from candlecast.adapters.dynamodb.clock_registry import DynamoClockRegistry
from candlecast.adapters.dynamodb.executions import DynamoExecutionStore
from candlecast.adapters.dynamodb.history import DynamoHistory
from candlecast.adapters.dynamodb.listings import DynamoListingStore
from candlecast.adapters.dynamodb.lost_orders import DynamoLostOrders
from candlecast.adapters.dynamodb.prices import DynamoPriceStore
from candlecast.adapters.dynamodb.ranks import RankRows
from candlecast.adapters.dynamodb.rebuilt_history import RebuiltHistory
from candlecast.adapters.dynamodb.signals import DynamoSignalStore
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.dynamodb.source_use import DynamoSourceUse
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.adapters.dynamodb.stream import published_events
from candlecast.adapters.dynamodb.subscriptions import DynamoSubscriptionStore
from candlecast.adapters.dynamodb.totals import DynamoResultSums
from candlecast.adapters.dynamodb.verdicts import DynamoVerdictStore
from candlecast.ports.bus import PublishedEvent
from candlecast.ports.clock_registry import ClockRegistry
from candlecast.ports.listings import ListingStore
from candlecast.ports.parity import FillStore
from candlecast.ports.restorations import LostOrders
from candlecast.ports.sources import SourceUse
from candlecast.ports.store import (
    AccountStore,
    ExecutionStore,
    History,
    PriceStore,
    SignalStore,
    StrategyStore,
    SubscriptionStore,
)
from candlecast.ports.totals import ResultSums
from candlecast.ports.verdicts import VerdictStore
from tests.support.fakes.accounts import FakeAccountStore
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.executions import FakeExecutionStore
from tests.support.fakes.history import FakeFillStore, FakeHistory, FakePriceStore, FakeRebuiltHistory, FakeResultSums
from tests.support.fakes.listings import FakeClockRegistry, FakeListingStore
from tests.support.fakes.restorations import FakeLostOrders
from tests.support.fakes.signals import FakeSignalStore
from tests.support.fakes.source_use import FakeSourceUse
from tests.support.fakes.store import FakeDatabase
from tests.support.fakes.strategies import FakeStrategyStore
from tests.support.fakes.subscriptions import FakeSubscriptionStore
from tests.support.fakes.verdicts import FakeVerdictStore

REGION = "us-east-1"
_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Every store, on one database; `events` is what its stream has delivered so far."""

    accounts: AccountStore
    strategies: StrategyStore
    subscriptions: SubscriptionStore
    executions: ExecutionStore
    signals: SignalStore
    listings: ListingStore
    clock_registry: ClockRegistry
    verdicts: VerdictStore
    history: History
    sums: ResultSums
    fills: FillStore
    rebuilt: History
    lost_orders: LostOrders
    lose_trades: Callable[[str], None]
    prices: PriceStore
    source_use: SourceUse
    clock: FakeClock
    events: Callable[[], list[PublishedEvent]]


@pytest.fixture(params=["fake", pytest.param("dynamodb", marks=pytest.mark.e2e)])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "fake":
        return _fakes()
    return request.getfixturevalue("dynamodb_stores")  # type: ignore[no-any-return]


def _fakes() -> Stores:
    database, clock = FakeDatabase(), FakeClock()
    return Stores(
        accounts=FakeAccountStore(database, clock),
        strategies=FakeStrategyStore(database),
        subscriptions=FakeSubscriptionStore(database, clock),
        executions=FakeExecutionStore(database),
        signals=FakeSignalStore(database),
        listings=FakeListingStore(database),
        clock_registry=FakeClockRegistry(database),
        verdicts=FakeVerdictStore(database),
        history=FakeHistory(database),
        sums=FakeResultSums(database),
        fills=FakeFillStore(database),
        rebuilt=FakeRebuiltHistory(database),
        lost_orders=FakeLostOrders(database),
        lose_trades=lambda tenant: lose(database, tenant),
        prices=FakePriceStore(database),
        source_use=FakeSourceUse(),
        clock=clock,
        events=lambda: list(database.stream),
    )


@pytest.fixture
def dynamodb_table(cloud: str) -> Iterator[Table]:
    """A fresh table, as the template has it."""
    client = boto3.client("dynamodb", endpoint_url=cloud, region_name=REGION)
    name = f"contract-{next(_numbers)}"
    client.create_table(TableName=name, **table_of_the_template())
    yield Table(name, region=REGION, host=cloud)
    client.delete_table(TableName=name)


@pytest.fixture
def dynamodb_stores(cloud: str, dynamodb_table: Table) -> Stores:
    clock = FakeClock()
    return Stores(
        accounts=DynamoAccountStore(dynamodb_table, clock),
        strategies=DynamoStrategyStore(dynamodb_table),
        subscriptions=DynamoSubscriptionStore(dynamodb_table, clock),
        executions=DynamoExecutionStore(dynamodb_table),
        signals=DynamoSignalStore(dynamodb_table),
        listings=DynamoListingStore(dynamodb_table),
        clock_registry=DynamoClockRegistry(dynamodb_table),
        verdicts=DynamoVerdictStore(dynamodb_table),
        history=DynamoHistory(dynamodb_table),
        sums=DynamoResultSums(dynamodb_table),
        fills=RankRows(dynamodb_table),
        rebuilt=RebuiltHistory(dynamodb_table),
        lost_orders=DynamoLostOrders(dynamodb_table),
        lose_trades=partial(delete_trades, dynamodb_table),
        prices=DynamoPriceStore(dynamodb_table),
        source_use=DynamoSourceUse(dynamodb_table),
        clock=clock,
        events=lambda: [event for record in stream_records(cloud, dynamodb_table.name) for event in published_events(record)],
    )


def lose(database: FakeDatabase, tenant_id: str) -> None:
    for key in [key for key in database.trades if key[0] == tenant_id]:
        del database.trades[key], database.trade_versions[key]


def delete_trades(table: Table, tenant_id: str) -> None:
    """Delete a tenant's trades and leave the sums."""
    where = {":tenant": {"S": f"TENANT#{tenant_id}"}, ":trade": {"S": "TRADE#"}}
    found = table.client.query(
        TableName=table.name,
        KeyConditionExpression="PK = :tenant AND begins_with(SK, :trade)",
        ExpressionAttributeValues=where,
        ConsistentRead=True,
    )["Items"]
    for item in found:
        table.client.delete_item(TableName=table.name, Key={"PK": item["PK"], "SK": item["SK"]})


def stream_records(endpoint: str, table_name: str) -> list[Any]:
    """Everything that the table's stream holds, oldest first."""
    arn = boto3.client("dynamodb", endpoint_url=endpoint, region_name=REGION).describe_table(TableName=table_name)["Table"][
        "LatestStreamArn"
    ]
    streams = boto3.client("dynamodbstreams", endpoint_url=endpoint, region_name=REGION)
    records: list[Any] = []
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
        records += streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    return records


@cache
def table_of_the_template() -> dict[str, Any]:
    """Keys, indexes and stream as they are deployed."""
    from tests.support.transformed import root  # SAM's translator takes a second to import, which the fakes need not wait for

    properties = root()["Resources"]["Table"]["Properties"]
    names = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    stream = {"StreamEnabled": True, **properties["StreamSpecification"]}
    return {"StreamSpecification": stream, **{name: properties[name] for name in names}}
