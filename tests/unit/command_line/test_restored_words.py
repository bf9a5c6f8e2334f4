"""A restore takes words of people back, and the old table still has them."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from candlecast.adapters.codec import to_json
from candlecast.adapters.dynamodb.accounts import account_item
from candlecast.domain.account.account import DISABLED_BY_OWNER, AccountStatus
from candlecast.domain.account.kill_switch import PLATFORM, Grade
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast_cli import stacks
from candlecast_cli.restored_words import flat
from tests.support.builders import NOW, TENANT, a_source, a_subscription, after, an_account
from tests.support.fakes.gate import a_switch
from tests.unit.command_line.running import refused, run

OLD, RESTORED = "candlecast-Table-1", "candlecast-state-2"


def item(partition: str, place: str, value: object) -> dict[str, Any]:
    return {"PK": {"S": partition}, "SK": {"S": place}, "schema_version": {"N": "1"}, "body": {"S": to_json(value)}}


def subscription(status: SubscriptionStatus) -> dict[str, Any]:
    return item(f"TENANT#{TENANT}", "SUBSCRIPTION#s", replace(a_subscription(), status=status))


def switch(grade: Grade, reason: str) -> dict[str, Any]:
    return item("KILL_SWITCH#PLATFORM#platform", "STATE", replace(a_switch(grade, PLATFORM), reason=reason))


class Tables:
    """DynamoDB and CloudFormation with an old table and a restored one."""

    def __init__(self, **tables: list[dict[str, Any]]) -> None:
        self.tables = {OLD: tables["old"], RESTORED: tables["restored"]}
        self.exceptions = SimpleNamespace(ResourceNotFoundException=KeyError)

    def describe_table(self, *, TableName: str) -> dict[str, Any]:  # noqa: N803
        return {"Table": self.tables[TableName]}

    def describe_stack_resource(self, **asked: str) -> dict[str, Any]:
        assert asked["LogicalResourceId"] == "Table"
        return {"StackResourceDetail": {"PhysicalResourceId": OLD}}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "scan"
        return SimpleNamespace(paginate=lambda **asked: [{"Items": self.tables[asked["TableName"]]}])


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Any:
    def connect(old: list[dict[str, Any]], restored: list[dict[str, Any]], generation: str = "2") -> Tables:
        client = Tables(old=old, restored=restored)
        outputs = {"TableName": RESTORED if generation == "2" else OLD}
        made = SimpleNamespace(
            name="candlecast",
            generation=int(generation),
            output=outputs.__getitem__,
            client=lambda _service: client,
        )
        monkeypatch.setattr(stacks, "connect", lambda _where: made)
        return client

    return connect


def listed() -> list[tuple[str, ...]]:
    result = run("restore", "undone", "--json")
    assert result.exit_code == 0, result.output
    return [tuple(row.values()) for row in json.loads(result.stdout)]


def test_a_subscription_that_was_cancelled_in_the_lost_minutes_is_listed(stack: Any) -> None:
    stack([subscription(SubscriptionStatus.CANCELLED)], [subscription(SubscriptionStatus.ACTIVE)])
    assert listed() == [(f"TENANT#{TENANT} SUBSCRIPTION#s", "status", "CANCELLED", "ACTIVE")]


def test_it_can_be_asked_before_the_adoption(stack: Any) -> None:
    stack([subscription(SubscriptionStatus.CANCELLED)], [subscription(SubscriptionStatus.ACTIVE)], generation="1")
    assert [row[2:] for row in listed()] == [("CANCELLED", "ACTIVE")]


def test_an_account_that_its_owner_has_disabled_is_listed_and_its_trades_are_not(stack: Any) -> None:
    disabled = an_account(status=AccountStatus.DISABLED, disabled_reason=DISABLED_BY_OWNER, version=9)
    stack([account_item(disabled, NOW)], [account_item(an_account(), NOW)])
    assert [row[1:] for row in listed()] == [("disabled_reason", DISABLED_BY_OWNER, "(none)"), ("status", "DISABLED", "ACTIVE")]


def test_a_stricter_switch_is_listed_and_the_switch_of_the_restore_itself_is_not(stack: Any) -> None:
    stack([switch(Grade.HALT_ALL, "incident")], [switch(Grade.PAUSE_ENTRIES, "table restored")])
    assert [row[1:] for row in listed()] == [("grade", "HALT_ALL", "PAUSE_ENTRIES")]
    stack([switch(Grade.PAUSE_ENTRIES, "left")], [switch(Grade.PAUSE_ENTRIES, "table restored")])
    assert listed() == []


def test_an_item_that_only_the_old_table_has_is_one_line(stack: Any) -> None:
    stack([subscription(SubscriptionStatus.ACTIVE)], [])
    assert [row[1:] for row in listed()] == [("", "ACTIVE", "(none)")]


def test_without_the_old_table_the_command_says_that_nobody_knows(stack: Any) -> None:
    tables = stack([], [])
    del tables.tables[OLD]
    refused(1, "TABLE_GONE", "restore", "undone")


def test_the_vaults_time_of_a_rotation_is_no_word_of_a_person() -> None:
    source = replace(a_source(), previous_version="v0", previous_until=NOW)
    assert flat(source) == flat(replace(source, previous_until=after(1)))
    assert flat(source) != flat(replace(source, previous_version="v1"))
