"""`candlecast restore`: refusals, and the accounts that nobody has accounted for."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from candlecast.adapters.dynamodb.accounts import account_item
from candlecast.domain.account.account import DISABLED_BY_OWNER, Account, AccountStatus
from candlecast.domain.reconcile.restoration import Restoration
from candlecast.domain.values.copying import replace
from candlecast_cli import restore, stacks
from candlecast_cli.failures import CommandFailed
from candlecast_cli.printing import moment
from tests.support.builders import NOW, a_position, an_account
from tests.unit.command_line.running import refused, run


class Gone(Exception):
    """`ResourceNotFoundException` of the client."""


class Scanned:
    """DynamoDB with accounts in the stack's table, and further tables by name."""

    exceptions = SimpleNamespace(ResourceNotFoundException=Gone)

    def __init__(self, *accounts: Account) -> None:
        self.items = [account_item(account, NOW) for account in accounts]
        self.tables: dict[str, Any] = {}

    def describe_table(self, TableName: str) -> Any:  # noqa: N803  (as the client has it)
        if TableName not in self.tables:
            raise Gone
        return {"Table": self.tables[TableName]}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "scan"
        return SimpleNamespace(paginate=self._pages)

    def _pages(self, **asked: Any) -> list[Any]:
        assert asked["TableName"] == "candlecast-state-2"
        return [{"Items": self.items[:1]}, {"Items": self.items[1:]}]


@pytest.fixture
def generation_2(monkeypatch: pytest.MonkeyPatch) -> Any:
    def connect(*accounts: Account, generation: int = 2) -> Scanned:
        client = Scanned(*accounts)
        outputs = {"TableName": "candlecast-state-2" if generation > 1 else "candlecast-Table-1"}
        made = SimpleNamespace(
            name="candlecast", generation=generation, output=outputs.__getitem__, client=lambda _service: client
        )
        monkeypatch.setattr(stacks, "connect", lambda _where: made)
        return client

    return connect


@pytest.mark.parametrize("text", ["yesterday", "2026-11-30T10:05:00", "2026-11-30T10:05:00.5Z"])
def test_a_moment_is_a_whole_second_with_its_zone(text: str) -> None:
    refused(2, "USAGE", "restore", "table", "--to", text)


def test_accounts_that_are_behind_are_listed_and_end_with_a_failure(generation_2: Any) -> None:
    generation_2(an_account(generation=2), an_account(account_id="account-2"))
    result = run("restore", "status", "--json")
    assert result.exit_code == 1
    (row,) = json.loads(result.stdout)
    assert (row["account"], row["generation"]) == ("account-2", 1)
    assert "account-2" in run("restore", "status").stdout


def test_nothing_is_listed_once_every_account_with_keys_is_accounted_for(generation_2: Any) -> None:
    generation_2(an_account(generation=2), an_account(account_id="account-2", credential_version=None))
    result = run("restore", "status")
    assert (result.exit_code, result.stdout) == (0, "")


def test_an_account_that_its_owner_has_disabled_is_listed_while_something_of_it_is_held(generation_2: Any) -> None:
    disabled = an_account(status=AccountStatus.DISABLED, disabled_reason=DISABLED_BY_OWNER)
    position = a_position(account_id="account-2")
    generation_2(disabled, replace(disabled, account_id="account-2", positions={position.key: position}))
    result = run("restore", "status", "--json")
    assert [row["account"] for row in json.loads(result.stdout)] == ["account-2"]


def test_a_stack_without_a_restored_table_is_never_told_that_all_is_accounted_for(generation_2: Any) -> None:
    """Accounts that were deleted are not behind: somebody who has not restored yet would let entries go."""
    generation_2(generation=1)
    assert "has no restored table" in refused(1, "NOT_RESTORED", "restore", "status")


@pytest.mark.parametrize("generation", [1, 2])
def test_a_restored_table_that_the_stack_does_not_use_is_told_before_entries_go(generation_2: Any, generation: int) -> None:
    generation_2(generation=generation).tables[f"candlecast-state-{generation + 1}"] = {"TableStatus": "ACTIVE"}
    assert f"and not candlecast-state-{generation + 1}" in refused(1, "NOT_ADOPTED", "restore", "status")


def test_a_moment_that_is_not_kept_is_refused_with_the_window() -> None:
    dynamodb = boto3.Session("a", "b", region_name="eu-west-1").client("dynamodb")
    recovery = {
        "PointInTimeRecoveryStatus": "ENABLED",
        "EarliestRestorableDateTime": NOW - timedelta(days=35),
        "LatestRestorableDateTime": NOW,
    }
    window = {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery}
    with Stubber(dynamodb) as stub, pytest.raises(CommandFailed) as failed:
        stub.add_client_error("restore_table_to_point_in_time", "InvalidRestoreTimeException")
        stub.add_response("describe_continuous_backups", {"ContinuousBackupsDescription": window}, {"TableName": "table"})
        restore._restore(STACK, dynamodb, "table", "table-2", NOW)  # type: ignore[arg-type]
    message = f"from {moment(NOW - timedelta(days=35))} to {moment(NOW)}"
    assert (failed.value.code, message in str(failed.value)) == ("MOMENT_NOT_KEPT", True)


def test_adopting_again_names_the_table_in_use_instead_of_a_further_restore(
    generation_2: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation_2()
    marker = Restoration(generation=2, restored_to=NOW, adopted_at=NOW)
    monkeypatch.setattr(restore, "_restorations", lambda _connection, _name: SimpleNamespace(find=lambda: marker))
    line = refused(1, "ADOPTED_ALREADY", "restore", "adopt", "--stack", "candlecast")
    assert f"candlecast uses candlecast-state-2 since {moment(NOW)}" in line
    assert line.endswith("candlecast restore status --stack candlecast")


def test_recovery_is_asked_for_again_while_aws_prepares_the_backups_of_a_new_table() -> None:
    dynamodb = boto3.Session("a", "b", region_name="eu-west-1").client("dynamodb")
    asked = {"TableName": "table", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}
    with Stubber(dynamodb) as stub:
        code = "ContinuousBackupsUnavailableException"
        stub.add_client_error("update_continuous_backups", code, expected_params=asked)
        stub.add_response("update_continuous_backups", {}, asked)
        assert [restore._is_recoverable(dynamodb, "table") for _ in range(2)] == [False, True]


KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
STACK = SimpleNamespace(output={"KeyArn": KEY}.__getitem__)


def test_a_table_that_no_restore_has_made_is_not_taken_for_the_restored_one() -> None:
    """Somebody who may create tables could plant a book under the name that the next restore will use."""
    planted = {"TableStatus": "CREATING", "SSEDescription": {"KMSMasterKeyArn": KEY}}
    with pytest.raises(CommandFailed) as failed:
        restore._require_moment(STACK, "candlecast-state-2", planted, NOW)  # type: ignore[arg-type]
    assert failed.value.code == "NOT_RESTORED"


@pytest.mark.parametrize("encryption", [{}, {"SSEDescription": {"KMSMasterKeyArn": "arn:aws:kms:eu-west-1:666666666666:key/1"}}])
def test_a_table_that_another_key_encrypts_is_not_adopted(encryption: dict[str, Any]) -> None:
    with pytest.raises(CommandFailed) as failed:
        restore._require_key(STACK, "candlecast-state-2", encryption)  # type: ignore[arg-type]
    assert failed.value.code == "NOT_ENCRYPTED"
