"""`make deploy` begins with a comparison of the table that the stack uses with the one that its questions would propose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from infra.require_table import main

STACK = "candlecast-x"


@contextmanager
def stack_of(*parameters: tuple[str, str], error: str | None = None) -> Iterator[Callable[[str], Any]]:
    """A stack with these parameters, or CloudFormation's refusal."""
    cloudformation = boto3.Session("a", "b", region_name="eu-west-1").client("cloudformation")
    with Stubber(cloudformation) as stub:
        if error is not None:
            stub.add_client_error("describe_stacks", "ValidationError", error, expected_params={"StackName": STACK})
        else:
            named = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters]
            described = {"StackName": STACK, "CreationTime": "2026-01-01T00:00:00Z", "StackStatus": "UPDATE_COMPLETE"}
            stub.add_response("describe_stacks", {"Stacks": [{**described, "Parameters": named}]}, {"StackName": STACK})
        yield lambda _service: cloudformation
        stub.assert_no_pending_responses()


def configuration(folder: Path, overrides: str) -> list[str]:
    path = folder / "samconfig.toml"
    path.write_text(f'[default.deploy.parameters]\nstack_name = "{STACK}"\nparameter_overrides = "{overrides}"\n')
    return ["--config-file", str(path)]


@pytest.mark.parametrize("overrides", ["Environment=prod", "Environment=prod TableGeneration=2"])
def test_an_earlier_table_than_the_stacks_is_refused(tmp_path: Path, overrides: str, capsys: pytest.CaptureFixture[str]) -> None:
    with stack_of(("Environment", "prod"), ("TableGeneration", "3")) as clients:
        assert main(configuration(tmp_path, overrides), clients) == 3
    assert "EARLIER_TABLE: the state is in table generation 3" in capsys.readouterr().err


@pytest.mark.parametrize("parameters", [(("TableGeneration", "2"),), (("TableGeneration", "1"),), ()])
def test_the_stacks_own_table_or_a_later_one_is_taken(tmp_path: Path, parameters: tuple[tuple[str, str], ...]) -> None:
    with stack_of(*parameters) as clients:
        assert main(configuration(tmp_path, "TableGeneration=2"), clients) == 0


def test_a_stack_that_is_still_to_be_made_has_no_earlier_table(tmp_path: Path) -> None:
    with stack_of(error=f"Stack with id {STACK} does not exist") as clients:
        assert main(configuration(tmp_path, ""), clients) == 0


def test_a_refusal_of_aws_refuses_the_deployment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with stack_of(error="Rate exceeded") as clients:
        assert main(configuration(tmp_path, ""), clients) == 2
    assert "TABLE_UNKNOWN" in capsys.readouterr().err
