"""The parts that `candlecast restore table` adds to a table of a restore, and the tables that it refuses to go on with."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from candlecast_cli import restore
from candlecast_cli.failures import CommandFailed
from tests.support.builders import NOW

SOURCE, TARGET = "candlecast-state", "candlecast-state-2"


class Tables:
    """DynamoDB with a source and a restored table; `asked` has each change of the restored one."""

    def __init__(self, **restored: Any) -> None:
        self.asked: list[tuple[str, Any]] = []
        self._tables = {
            SOURCE: {"TableStatus": "ACTIVE", "TableArn": "arn:source"},
            TARGET: {"TableStatus": "ACTIVE", "TableArn": "arn:restored", **restored},
        }

    def describe_table(self, TableName: str) -> Any:  # noqa: N803  (as the client has it)
        return {"Table": self._tables[TableName]}

    def describe_time_to_live(self, **_: Any) -> Any:
        return {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}

    def list_tags_of_resource(self, ResourceArn: str) -> Any:  # noqa: N803
        assert ResourceArn == "arn:source"
        return {"Tags": [{"Key": "aws:cloudformation:stack-name", "Value": "x"}, {"Key": "team", "Value": "trading"}]}

    def __getattr__(self, operation: str) -> Any:
        def ask(**request: Any) -> Any:
            self.asked.append((operation, request))
            return {}

        return ask


def completed(tables: Tables, environment: str) -> dict[str, Any]:
    """The changes of the restored table, by the request's field that says them."""
    stack: Any = SimpleNamespace(parameters={"Environment": environment})
    restore._complete(stack, tables, SOURCE, TARGET)
    return {name: value for _, request in tables.asked for name, value in request.items() if name != "TableName"}


COMPLETED = {
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    "TimeToLiveSpecification": {"Enabled": True, "AttributeName": "expires_at"},
    "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    "ResourceArn": "arn:restored",
    "Tags": [{"Key": "team", "Value": "trading"}],
}


def test_a_restored_table_of_prod_gets_all_that_a_restore_leaves_out() -> None:
    assert completed(Tables(), "prod") == {**COMPLETED, "DeletionProtectionEnabled": True}


@pytest.mark.parametrize("environment", ["dev", "local"])
def test_a_restored_table_of_another_environment_can_be_deleted_with_its_stack(environment: str) -> None:
    assert completed(Tables(), environment) == COMPLETED


def test_a_stream_that_runs_already_is_not_switched_on_again() -> None:
    """AWS refuses a second request, and a new stream would lose the records of the first."""
    assert "StreamSpecification" not in completed(Tables(StreamSpecification={"StreamEnabled": True}), "prod")


@pytest.mark.parametrize(("of", "refused"), [(NOW, None), (NOW + timedelta(seconds=1), "ANOTHER_MOMENT")])
def test_a_table_of_another_moment_is_not_gone_on_with(of: datetime, refused: str | None) -> None:
    known = {"TableStatus": "CREATING", "RestoreSummary": {"RestoreDateTime": of}}
    stack: Any = SimpleNamespace()
    if refused is None:
        restore._require_moment(stack, TARGET, known, NOW)
        return
    with pytest.raises(CommandFailed) as failed:
        restore._require_moment(stack, TARGET, known, NOW)
    assert failed.value.code == refused
