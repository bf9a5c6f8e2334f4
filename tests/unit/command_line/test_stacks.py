"""Which cloud a command talks to: one for all of its calls, and never another one than the operator believes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest

from candlecast.adapters.dynamodb.single_table import table
from candlecast_cli import stacks
from candlecast_cli.failures import CommandFailed, ExitCode
from candlecast_cli.stacks import Stack, Where
from infra.local.cloud import Cloud, Ports

ELSEWHERE = "http://127.0.0.1:4566"


@pytest.fixture(autouse=True)
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A shell with keys and nothing else of AWS, which is as before afterwards."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(AWS_ACCESS_KEY_ID="key", AWS_SECRET_ACCESS_KEY="secret")
    os.environ.update(AWS_CONFIG_FILE=str(tmp_path / "none"), AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "none"))
    monkeypatch.setattr(table, "Table", lambda name, *, generation, **_: SimpleNamespace(generation=generation))
    yield
    os.environ.clear()
    os.environ.update(before)


def described(stack: Stack) -> Stack:
    vars(stack)["_described"] = {
        "Outputs": [{"OutputKey": "TableName", "OutputValue": "the-table"}],
        "Parameters": [{"ParameterKey": "TableGeneration", "ParameterValue": "2"}],
    }
    return stack


def test_an_address_left_in_the_shell_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    os.environ["AWS_ENDPOINT_URL"] = ELSEWHERE
    stacks.connect(Where(stack="candlecast-prod", region="eu-central-1"))
    assert f"candlecast-prod is looked for at {ELSEWHERE}, not at AWS's own address" in capsys.readouterr().err


def test_without_one_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    stacks.connect(Where(stack="candlecast-prod", region="eu-central-1"))
    assert capsys.readouterr().err == ""


def test_the_region_of_the_shell_is_the_one_that_the_runbooks_export(tmp_path: Path) -> None:
    """`export STACK=... AWS_REGION=...` begins the runbooks; the SDK for Python alone would read AWS_DEFAULT_REGION."""
    (tmp_path / "config").write_text("[profile operator]\nregion = us-east-1\n", encoding="utf-8")
    os.environ.update(AWS_REGION="eu-central-1", AWS_DEFAULT_REGION="us-west-2", AWS_CONFIG_FILE=str(tmp_path / "config"))
    assert stacks.connect(Where(stack="candlecast-prod")).session.region_name == "eu-central-1"
    assert stacks.connect(Where(stack="candlecast-prod", profile="operator")).session.region_name == "eu-central-1"
    assert stacks.connect(Where(stack="candlecast-prod", region="eu-west-1")).session.region_name == "eu-west-1"


def test_the_next_command_is_about_the_same_stack() -> None:
    """A hint that somebody copies without its options would change another stack."""
    assert Where().command("restore", "adopt") == "candlecast restore adopt"
    assert Where(name="second").command("restore", "adopt") == "candlecast restore adopt --name second"
    named = Where(stack="candlecast-prod", profile="operator of prod", region="eu-west-1")
    assert named.command("switch", "approve", "id", "digest") == (
        "candlecast switch approve id digest --stack candlecast-prod --profile 'operator of prod' --region eu-west-1"
    )


def test_without_a_region_the_ways_to_name_one_are_told() -> None:
    with pytest.raises(
        CommandFailed, match=r"AWS_REGION: no region is known: name one by --region, or set AWS_REGION"
    ) as refused:
        stacks.connect(Where(stack="candlecast-prod"))
    assert refused.value.exit_code is ExitCode.USAGE


def test_the_table_is_where_the_stack_was_found() -> None:
    os.environ["AWS_ENDPOINT_URL"] = ELSEWHERE
    described(stacks.connect(Where(stack="candlecast-prod", region="eu-central-1"))).table()
    assert os.environ["AWS_ENDPOINT_URL"] == ELSEWHERE


@pytest.mark.parametrize("name", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_a_profile_of_the_shell_that_does_not_exist_is_nothing_to_the_embedded_cloud(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.environ[name] = "left-behind"
    running = SimpleNamespace(environment=Cloud("up", ports=Ports(4566, 8080, 8081)).environment)
    monkeypatch.setattr(Cloud, "attach", lambda _name: running)
    assert stacks.connect(Where()).client("sts").meta.endpoint_url == ELSEWHERE


def test_the_embedded_clouds_address_and_keys_replace_the_shells() -> None:
    session = boto3.Session("test", "test", region_name="us-east-1")
    os.environ.update(AWS_ENDPOINT_URL="https://of.the.shell", AWS_SESSION_TOKEN="of-the-shell", AWS_PROFILE="operator")
    described(Stack("candlecast", session, ELSEWHERE)).table()
    assert os.environ["AWS_ENDPOINT_URL"] == ELSEWHERE
    assert os.environ["AWS_ACCESS_KEY_ID"] == "test"
    assert not {"AWS_SESSION_TOKEN", "AWS_PROFILE"} & os.environ.keys()


def test_the_table_is_of_the_stacks_generation() -> None:
    """An account that the command writes has a version beyond all of the lost minutes."""
    made = described(Stack("candlecast", boto3.Session("test", "test", region_name="us-east-1"), ELSEWHERE))
    assert made.table().generation == 2


def test_a_function_is_waited_for_and_never_asked_a_second_time_by_itself() -> None:
    config = Stack("candlecast", boto3.Session("test", "test", region_name="us-east-1"), ELSEWHERE).functions(60.0).meta.config
    assert (config.read_timeout, config.retries["total_max_attempts"]) == (60.0, 1)
