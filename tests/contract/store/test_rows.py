"""Rows of the real table: attributes that an answer must never have, and the cost of the indexes."""

from __future__ import annotations

from typing import Any

import pytest

from candlecast.adapters.codec import to_json
from candlecast.adapters.dynamodb.accounts import AccountRow
from candlecast.adapters.dynamodb.single_table.compression import packed
from candlecast.adapters.dynamodb.single_table.table import Row, Table
from candlecast.adapters.dynamodb.subscriptions import FollowsRow
from candlecast.adapters.paging import encode_cursor
from candlecast.domain.account.account import AccountStatus
from candlecast.domain.orders.intent import IntentState
from candlecast.domain.values.errors import InvalidValue, RetryLater
from candlecast.ports.filters import OrderFilter
from tests.contract.store.conftest import Stores
from tests.support.builders import ACCOUNT, STRATEGY, SUBSCRIPTION, TENANT, a_strategy, a_subscription, an_account, an_intent

pytestmark = pytest.mark.e2e


def account_row(table: Table) -> Any:
    return table.rows(AccountRow).get(f"TENANT#{TENANT}#ACCOUNT#{ACCOUNT}", "STATE")


def test_a_row_that_holds_another_tenants_value_is_never_answered_with(dynamodb_stores: Stores, dynamodb_table: Table) -> None:
    dynamodb_stores.accounts.create(an_account())
    row = account_row(dynamodb_table)
    row.body = packed(to_json(an_account(tenant_id="tenant-2")))
    row.save()
    with pytest.raises(AssertionError):
        dynamodb_stores.accounts.load(TENANT, ACCOUNT)


def test_a_row_of_newer_code_waits_for_newer_code(dynamodb_stores: Stores, dynamodb_table: Table) -> None:
    dynamodb_stores.accounts.create(an_account())
    row = account_row(dynamodb_table)
    row.schema_version = 3
    row.save()
    with pytest.raises(RetryLater) as later:
        dynamodb_stores.accounts.load(TENANT, ACCOUNT)
    assert later.value.code == "SCHEMA_UNKNOWN"


@pytest.mark.parametrize(
    ("keys", "indexes"),
    [
        ({"status": AccountStatus.NO_CREDENTIALS, "credential_version": None}, set()),
        ({}, {"index3_partition", "index3_place"}),
    ],
    ids=["without keys", "for the daily vetting of its keys"],
)
def test_an_account_with_nothing_open_that_nobody_trades_on_is_indexed_for_its_vetting_alone(
    dynamodb_stores: Stores, dynamodb_table: Table, keys: dict[str, Any], indexes: set[str]
) -> None:
    dynamodb_stores.accounts.create(an_account(subscriptions={}, **keys))
    row: Row = account_row(dynamodb_table)
    assert {name for name in row.attribute_values if name.startswith("index")} == indexes


def test_a_subscription_from_before_there_were_markers_follows(dynamodb_stores: Stores, dynamodb_table: Table) -> None:
    dynamodb_stores.strategies.create_strategy(a_strategy())
    dynamodb_stores.subscriptions.write(a_subscription(account_id=None), None, follower_change=1)
    dynamodb_table.rows(FollowsRow)(f"TENANT#{TENANT}", f"FOLLOWS#{STRATEGY}#{SUBSCRIPTION}").delete()
    assert dynamodb_stores.subscriptions.follows(TENANT, STRATEGY)
    assert not dynamodb_stores.subscriptions.follows(TENANT, "strategy-2")


def test_a_cursor_that_leads_into_another_partition_is_refused(dynamodb_stores: Stores) -> None:
    dynamodb_stores.history.put_order(an_intent(state=IntentState.OPEN), 1)
    stolen = {"GSI2PK": "TENANT#tenant-2#ORDERS", "GSI2SK": "2026", "PK": "TENANT#tenant-2", "SK": "ORDER#1"}
    with pytest.raises(InvalidValue) as refused:
        dynamodb_stores.history.list_orders(TENANT, OrderFilter(), encode_cursor(f"TENANT#{TENANT}#ORDERS", stolen))
    assert refused.value.code == "CURSOR_INVALID"
