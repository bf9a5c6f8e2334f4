"""The files that `make test` runs cfn-lint and checkov on, and cfn-lint's findings in the transformed templates."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.support.transformed import INFRA, NESTED, ROOT, gradual_root, nested, root, source

CHECKOV = ROOT / ".venvs" / "checkov" / "bin" / "checkov"
LINT_SECONDS = 600  # for one that hangs: a lint takes about five


def lint(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("cfn-lint")), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LINT_SECONDS, check=False)  # noqa: S603


def test_checkov_reads_every_template_and_says_why_it_accepts_what_it_finds() -> None:
    text = (ROOT / ".checkov.yaml").read_text()
    read = {ROOT / name for name in yaml.safe_load(text)["file"]}
    assert read == {ROOT / "template.yaml", *INFRA.glob("*.yaml")}
    lines = [line.strip() for line in text.partition("skip-check:\n")[2].splitlines()]
    assert len(lines) % 2 == 0
    for reason, accepted in zip(lines[::2], lines[1::2], strict=True):
        assert accepted.startswith("- CKV")
        assert len(reason.removeprefix("# ").split()) > 5, f"{accepted} is accepted without a reason"


TRANSFORMED = {"at once": root, "step by step": gradual_root}


@pytest.mark.slow
@pytest.mark.parametrize("release", TRANSFORMED)
def test_what_the_transform_makes_has_no_finding_of_lint_but_warnings(release: str, tmp_path: Path) -> None:
    """Warnings complain of nested stacks that are not uploaded yet, and of conditions that the transform repeats."""
    template = tmp_path / "transformed.json"
    template.write_text(json.dumps(TRANSFORMED[release]()))
    outcome = lint("--template", str(template), "--ignore-checks", "W")
    assert (outcome.returncode, outcome.stdout) == (0, "")


def test_lint_tells_information_too() -> None:
    assert yaml.safe_load((ROOT / ".cfnlintrc").read_text())["include_checks"] == ["I"]


@pytest.mark.slow
@pytest.mark.parametrize("release", TRANSFORMED)
def test_what_the_transform_makes_has_no_finding_of_checkov(release: str, tmp_path: Path) -> None:
    template = tmp_path / "transformed.json"
    template.write_text(json.dumps(TRANSFORMED[release]()))
    command = [str(CHECKOV), "--config-file", str(ROOT / ".checkov.yaml"), "--file", str(template)]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}  # its parser reads a pickle of a name that anybody could foresee
    outcome = subprocess.run(  # noqa: S603
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LINT_SECONDS, check=False
    )
    assert outcome.returncode == 0, outcome.stdout
    passed, failed = re.findall(r"Passed checks: (\d+), Failed checks: (\d+)", outcome.stdout)[0]
    assert int(passed) > 50
    assert int(failed) == 0


@pytest.mark.slow
def test_own_rules_find_what_they_are_for(tmp_path: Path) -> None:
    template = tmp_path / "careless.yaml"
    template.write_text(
        "AWSTemplateFormatVersion: '2010-09-09'\n"
        "Resources:\n"
        "  Queue: {Type: AWS::SQS::Queue, Properties: {}}\n"
        "  Logs: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: x}}\n"
        "  Alarm:\n"
        "    Type: AWS::CloudWatch::Alarm\n"
        "    Properties: {AlarmDescription: Look., ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 1}\n"
    )
    outcome = lint("--template", str(template))
    assert {line.split()[0] for line in outcome.stdout.splitlines() if line.startswith("E9")} == {"E9001", "E9002", "E9003"}


def test_every_nested_template_is_in_the_root_and_gets_its_parameters() -> None:
    template = root()
    stacks = {key: it["Properties"] for key, it in template["Resources"].items() if it["Type"] == "AWS::CloudFormation::Stack"}
    assert {key: it["TemplateURL"] for key, it in stacks.items()} == {key: f"infra/{name}" for key, name in NESTED.items()}
    assert {path.name for path in INFRA.glob("*.yaml")} == set(NESTED.values())
    for key, properties in stacks.items():
        declared = nested(key)["Parameters"]
        required = {name for name, it in declared.items() if "Default" not in it}
        assert required <= properties["Parameters"].keys() <= declared.keys(), key


@pytest.mark.parametrize("environment", ["default", "dev", "local", "prod"])
def test_configured_parameters_exist_and_have_allowed_values(environment: str) -> None:
    declared = source(ROOT / "template.yaml")["Parameters"]
    section = tomllib.loads((ROOT / "samconfig.toml").read_text())[environment]["deploy"]["parameters"]
    for name, value in (pair.split("=", 1) for pair in section["parameter_overrides"].split()):
        assert name in declared
        assert value in map(str, declared[name].get("AllowedValues", [value])), name
    assert section["capabilities"] == "CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"


@pytest.mark.parametrize("environment", ["default", "dev", "local", "prod"])
def test_sam_build_and_sam_deploy_agree_on_the_architecture_when_nobody_says_anything(environment: str) -> None:
    """SAM does not tell a layer's Makefile what is deployed, and a layer for the other one fails at the first import."""
    section = tomllib.loads((ROOT / "samconfig.toml").read_text())[environment]["deploy"]["parameters"]
    overrides = dict(pair.split("=", 1) for pair in section["parameter_overrides"].split())
    deployed = overrides.get("Architecture", source(ROOT / "template.yaml")["Parameters"]["Architecture"]["Default"])
    built = {
        re.findall(r"^ARCHITECTURE \?= (\w+)$", path.read_text(), re.MULTILINE)[0] for path in ROOT.glob("layers/*/Makefile")
    }
    assert built == {deployed}


def test_root_fits_what_cloudformation_takes() -> None:
    template = root()
    assert len(template["Resources"]) <= 500
    assert len(json.dumps(template)) <= 1_000_000
    assert len(template["Outputs"]) <= 200
