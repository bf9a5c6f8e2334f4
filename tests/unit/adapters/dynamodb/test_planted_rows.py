"""A row that another function has put into an index is no follower and no strategy: roles do not limit an index's attributes."""

from types import SimpleNamespace
from typing import Any

from candlecast.adapters.codec import to_json
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.adapters.dynamodb.subscriptions import DynamoSubscriptionStore
from candlecast.domain.values.timeframe import Timeframe
from tests.support.builders import STRATEGY, TENANT, VENUE, a_strategy, a_subscription


def table(*, items: list[Any] = [], rows: list[Any] = []) -> Any:  # noqa: B006 - never changed
    """A table whose index answers every query with these."""
    index = SimpleNamespace(query=lambda *_: rows)
    kind = SimpleNamespace(by_index1=index, index1_place=SimpleNamespace(startswith=lambda _: None))
    client = SimpleNamespace(query=lambda **_: {"Items": items})
    return SimpleNamespace(name="table", client=client, rows=lambda _: kind)


def test_a_follower_lies_in_its_tenants_partition() -> None:
    def item(partition: str, name: str) -> Any:
        body = to_json(a_subscription(name))
        return {"PK": {"S": partition}, "body": {"S": body}, "schema_version": {"N": "1"}}

    planted = [item(partition, "planted") for partition in ("SIGNAL#signal", "SOURCE#source", "TENANT#another")]
    store = DynamoSubscriptionStore(table(items=[*planted, item(f"TENANT#{TENANT}", "real")]), SimpleNamespace())
    assert [each.subscription_id for each in store.followers(STRATEGY, "0000", "g")] == ["real"]


def test_a_strategy_lies_in_its_own_partition() -> None:
    strategy = a_strategy()

    def row(partition: str) -> Any:
        return SimpleNamespace(partition=partition, body=to_json(strategy), subscriber_count=1, pins=None, schema_version=1)

    planted = [row(partition) for partition in ("SIGNAL#signal", "SOURCE#source", "STRATEGY#another")]
    store = DynamoStrategyStore(table(rows=[*planted, row(f"STRATEGY#{strategy.strategy_id}")]))
    assert len(store.followed_strategies(Timeframe.M1, VENUE, "BTC/USDT:USDT")) == 1
