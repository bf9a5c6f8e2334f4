"""The end of `make deploy` runs the synthetic against the stack that was just deployed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from candlecast_cli.failures import ExitCode
from infra.local.project import ROOT
from infra.stack_options import REFUSED, main
from tests.unit.command_line.running import run

SAMCONFIG = """\
version = 0.1
[default.deploy.parameters]
stack_name = "candlecast-dev"
[prod.deploy.parameters]
stack_name = "candlecast prod"
region = "eu-central-1"
profile = "operator"
[nameless.deploy.parameters]
region = "eu-central-1"
"""


@pytest.fixture
def samconfig(tmp_path: Path) -> str:
    file = tmp_path / "samconfig.toml"
    file.write_text(SAMCONFIG, encoding="utf-8")
    return str(file)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "--stack candlecast-dev"),
        (["--stack", "mine"], "--stack mine"),
        (["--config-env", "prod"], "--stack 'candlecast prod' --profile operator --region eu-central-1"),
    ],
)
def test_the_options_name_the_stack_as_the_configuration_does(
    samconfig: str, words: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--config-file", samconfig, *words]) == 0
    assert capsys.readouterr().out == expected + "\n"


@pytest.mark.parametrize("section", ["nameless", "absent"])
def test_a_configuration_that_names_no_stack_is_refused(samconfig: str, section: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config-file", samconfig, "--config-env", section]) == REFUSED
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("stack_options: ")


def test_make_deploy_ends_with_the_synthetic() -> None:
    """As make would run it, without running it."""
    printed = subprocess.run(
        ["make", "--dry-run", "deploy", "STACK=mine"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.replace("\\\n", "")
    last = printed.strip().splitlines()[-1]
    assert "infra.stack_options --stack 'mine'" in last
    assert re.search(r'eval ".*candlecast synthetic \$options"', last)


@pytest.mark.slow
def test_the_command_takes_the_options() -> None:
    """A profile that does not exist is the first thing that could be wrong with them."""
    result = run("synthetic", "--stack", "candlecast prod", "--profile", "no-such-profile", "--region", "eu-central-1")
    assert result.exit_code == ExitCode.MISSING
    assert "AWS_CREDENTIALS" in result.stderr
