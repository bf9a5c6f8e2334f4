"""`candlecast empty` deletes nothing before it knows the stack, and before a person has said its name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from candlecast_cli import stacks
from candlecast_cli.failures import CommandFailed
from candlecast_cli.main import app

STACK = "candlecast-dev"
BUCKET, SECRET, TABLE = "archive", "candlecast/candlecast-dev/account/tenant/account", "candlecast-dev-state-2"
ALL = [("bucket", BUCKET), ("secret", SECRET), ("table", TABLE)]


class Cloud:
    """AWS with one bucket, one secret of a user and one restored table; `deleted` has what is gone."""

    name = STACK

    def __init__(self, outputs: dict[str, str], parameters: dict[str, str]) -> None:
        self.outputs, self.parameters = outputs, parameters
        self.deleted: list[tuple[str, str]] = []

    def output(self, name: str) -> str:
        if name not in self.outputs:
            raise CommandFailed("NOT_CANDLECAST", name)
        return self.outputs[name]

    def client(self, _service: str) -> Any:
        return self

    def get_paginator(self, operation: str) -> Any:
        pages = {
            "list_stack_resources": {
                "StackResourceSummaries": [{"ResourceType": "AWS::S3::Bucket", "PhysicalResourceId": BUCKET}],
            },
            "list_object_versions": {"Versions": [{"Key": "events", "VersionId": "1"}]},
            "list_secrets": {"SecretList": [{"Name": SECRET}, {"Name": "candlecast/candlecast-dev/operator"}]},
            "list_tables": {"TableNames": ["candlecast-dev-Table-1", TABLE]},
        }
        return SimpleNamespace(paginate=lambda **_: [pages[operation]])

    def delete_objects(self, Bucket: str, **_: Any) -> Any:  # noqa: N803  (as the client has it)
        self.deleted.append(("bucket", Bucket))
        return {}

    def delete_secret(self, SecretId: str, **_: Any) -> None:  # noqa: N803
        self.deleted.append(("secret", SecretId))

    def delete_table(self, TableName: str) -> None:  # noqa: N803
        self.deleted.append(("table", TableName))


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    made = Cloud({"SecretPrefix": "candlecast/candlecast-dev"}, {"Environment": "dev"})
    monkeypatch.setattr(stacks, "connect", lambda _where: made)
    return made


def empty(*words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, ["empty", "--stack", STACK, *words], input=typed)


def test_all_of_it_goes_once_its_name_was_typed(cloud: Cloud) -> None:
    result = empty(typed=f"{STACK}\n")
    assert (result.exit_code, cloud.deleted) == (0, ALL)
    assert "all objects in 1 buckets, 1 secrets of users, 1 restored tables" in result.stderr


def test_a_script_says_yes(cloud: Cloud) -> None:
    assert (empty("--yes").exit_code, cloud.deleted) == (0, ALL)


@pytest.mark.parametrize("typed", ["\n", "y\n", "candlecast-prod\n", None])
def test_nothing_goes_by_another_word_or_where_nobody_can_type(cloud: Cloud, typed: str | None) -> None:
    result = empty(typed=typed)
    assert (result.exit_code, cloud.deleted) == (1, [])
    assert "candlecast: NOT_CONFIRMED: nothing was deleted" in result.stderr


def test_the_buckets_of_a_stack_that_is_not_ours_are_left_alone(cloud: Cloud) -> None:
    """A mistyped name may be somebody else's stack."""
    cloud.outputs = {}
    result = empty("--yes")
    assert (result.exit_code, cloud.deleted) == (1, [])
    assert "NOT_CANDLECAST" in result.stderr


def test_prod_is_refused_also_with_yes(cloud: Cloud) -> None:
    cloud.parameters = {"Environment": "prod"}
    result = empty("--yes")
    assert (result.exit_code, cloud.deleted) == (1, [])
    assert "DATA_KEPT" in result.stderr
