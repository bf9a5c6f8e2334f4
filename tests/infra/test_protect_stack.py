"""`make deploy` ends with protections that a template cannot express, in prod alone."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from infra.protect_stack import POLICY, main

STACK = "candlecast-x"


@contextmanager
def stack_of(environment: str, *, refused: bool = False) -> Iterator[Callable[[str], Any]]:
    """A stack of this environment; only the calls that it should get are answered."""
    cloudformation = boto3.Session("a", "b", region_name="eu-west-1").client("cloudformation")
    described = {
        "StackName": STACK,
        "CreationTime": "2026-01-01T00:00:00Z",
        "StackStatus": "UPDATE_COMPLETE",
        "Parameters": [{"ParameterKey": "Environment", "ParameterValue": environment}],
    }
    with Stubber(cloudformation) as stub:
        stub.add_response("describe_stacks", {"Stacks": [described]}, {"StackName": STACK})
        if environment == "prod":
            asked = {"StackName": STACK, "StackPolicyBody": POLICY.read_text()}
            if refused:
                stub.add_client_error("set_stack_policy", "AccessDenied", "no", expected_params=asked)
            else:
                stub.add_response("set_stack_policy", {}, asked)
                wanted = {"StackName": STACK, "EnableTerminationProtection": True}
                stub.add_response("update_termination_protection", {}, wanted)
        yield lambda _service: cloudformation
        stub.assert_no_pending_responses()


def test_prod_gets_the_stack_policy_and_termination_protection(capsys: pytest.CaptureFixture[str]) -> None:
    with stack_of("prod") as clients:
        assert main(["--stack", STACK], clients) == 0
    assert "stack policy and termination protection" in capsys.readouterr().out


@pytest.mark.parametrize("environment", ["dev", "local"])
def test_other_environments_are_left_alone(environment: str, capsys: pytest.CaptureFixture[str]) -> None:
    with stack_of(environment) as clients:
        assert main(["--stack", STACK], clients) == 0
    assert f"is {environment}: not protected" in capsys.readouterr().out


def test_a_refusal_fails_the_deployment(capsys: pytest.CaptureFixture[str]) -> None:
    with stack_of("prod", refused=True) as clients:
        assert main(["--stack", STACK], clients) == 2
    assert "NOT_PROTECTED" in capsys.readouterr().err


def test_the_policy_is_a_document_that_cloudformation_takes() -> None:
    assert json.loads(POLICY.read_text())["Statement"]
    assert len(POLICY.read_text()) < 16_384  # the most that SetStackPolicy takes
