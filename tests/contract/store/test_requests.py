"""The cost of the store: requests are counted at the client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError

from candlecast.adapters.dynamodb.accounts import DynamoAccountStore
from candlecast.adapters.dynamodb.executions import DynamoExecutionStore
from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
from candlecast.domain.values.errors import Conflict, RetryLater
from candlecast.domain.values.timeframe import Timeframe
from tests.support.builders import ACCOUNT, TENANT, a_strategy, an_account, an_execution
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.http_body import HttpBody


@contextmanager
def counted(table: Table) -> Iterator[list[str]]:
    """The operations that reach DynamoDB meanwhile, repeats included."""
    operations: list[str] = []

    def count(request: Any, **_: Any) -> None:
        name = request.headers["X-Amz-Target"]
        operations.append((name if isinstance(name, str) else name.decode()).rpartition(".")[2])

    table.client.meta.events.register("before-send.dynamodb", count, unique_id="contract")
    try:
        yield operations
    finally:
        table.client.meta.events.unregister("before-send.dynamodb", unique_id="contract")


@pytest.mark.e2e
def test_an_order_costs_one_read_and_two_writes(dynamodb_table: Table) -> None:
    with counted(dynamodb_table) as operations:  # from the first request on: a client that asks for its table first would show
        store = DynamoAccountStore(dynamodb_table, FakeClock())
        store.create(an_account())
        operations.clear()
        account = store.load(TENANT, ACCOUNT)
        store.save(store.save(account))
    assert operations == ["GetItem", "PutItem", "PutItem"]


@pytest.mark.e2e
def test_no_store_asks_for_the_description_of_its_table(dynamodb_table: Table) -> None:
    with counted(dynamodb_table) as operations:
        DynamoStrategyStore(dynamodb_table).create_strategy(a_strategy())
        DynamoStrategyStore(dynamodb_table).followed_strategies(Timeframe.M1, "paper", "BTC/USDT:USDT")
        DynamoExecutionStore(dynamodb_table).begin(an_execution())
    assert operations == ["TransactWriteItems", "Query", "PutItem"]


@pytest.mark.e2e
def test_a_refused_write_is_not_repeated(dynamodb_table: Table) -> None:
    store = DynamoAccountStore(dynamodb_table, FakeClock())
    account = store.create(an_account())
    store.save(account)
    with counted(dynamodb_table) as operations, pytest.raises(Conflict):
        store.save(account)
    assert operations == ["PutItem"]


@pytest.mark.parametrize(
    "error",
    ["ProvisionedThroughputExceededException", "ThrottlingException", "InternalServerError", "RequestLimitExceeded"],
)
def test_throttling_is_to_be_tried_later(error: str) -> None:
    table = stubbed_table()
    with answering(table, 400, error), pytest.raises(RetryLater) as later:
        DynamoAccountStore(table, FakeClock()).load(TENANT, ACCOUNT)
    assert later.value.code == "STORE_UNAVAILABLE"


def test_a_mistake_of_ours_is_not_to_be_tried_later() -> None:
    table = stubbed_table()
    with answering(table, 400, "ValidationException"), pytest.raises(ClientError):
        DynamoAccountStore(table, FakeClock()).load(TENANT, ACCOUNT)


def test_a_store_that_cannot_be_reached_is_to_be_tried_later() -> None:
    with pytest.raises(RetryLater) as later:
        DynamoAccountStore(stubbed_table(), FakeClock()).load(TENANT, ACCOUNT)
    assert later.value.code == "STORE_UNAVAILABLE"
    assert later.value.message.startswith("the table did not answer: ")


def stubbed_table() -> Table:
    """A table at an address where nobody listens."""
    return Table("stubbed", region="us-east-1", host="http://127.0.0.1:1")


@contextmanager
def answering(table: Table, status: int, code: str) -> Iterator[None]:
    """Let every request of the table's client be answered with an error, without a network."""
    body = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "told to"}).encode()

    def answer(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, status, HTTPHeaders(), HttpBody(body))

    table.client.meta.events.register("before-send.dynamodb", answer, unique_id="contract")
    try:
        with patch("botocore.endpoint.time.sleep"):  # between its tries
            yield
    finally:
        table.client.meta.events.unregister("before-send.dynamodb", unique_id="contract")
