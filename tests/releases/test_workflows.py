"""The workflows: pinned, without keys, with the least rights, and nothing in them that a person could not run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.release.__main__ import parsed
from infra.release.commits import ROOT

FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
IDS = [path.name for path in FILES]
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
CHECK = ROOT / ".venvs" / "release" / "bin" / "check-jsonschema"


def workflow(name: str) -> dict[str, Any]:
    loaded: dict[Any, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return {"on" if key is True else str(key): value for key, value in loaded.items()}  # YAML 1.1 reads `on` as a truth


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in workflow(name)["jobs"].values() for step in job.get("steps", ())]


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_every_action_of_others_is_pinned_by_its_commit(path: Path) -> None:
    used = [line.strip().removeprefix("- ") for line in path.read_text(encoding="utf-8").splitlines() if "uses: " in line]
    assert used
    assert [line for line in used if not PINNED.match(line) and not line.startswith("uses: ./.github/workflows/")] == []


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_no_key_of_aws_is_in_a_workflow_and_no_text_of_others_in_a_script(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "secrets." not in text
    assert "access-key" not in text
    for step in steps(path.name):
        assert "${{" not in step.get("run", ""), "a script reads its environment, so a name cannot become a command"


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_rights_are_named_and_only_jobs_of_an_environment_get_a_token_for_aws(path: Path) -> None:
    found = workflow(path.name)
    assert found["permissions"] == {"contents": "read"}
    for name, job in found["jobs"].items():
        rights = job.get("permissions", {})
        assert set(rights) <= {"contents", "id-token"}
        if "id-token" in rights:
            assert "environment" in job or job["uses"] == "./.github/workflows/deploy-stack.yml", name


def test_prod_follows_dev_and_both_get_the_same_build() -> None:
    jobs = workflow("deploy.yml")["jobs"]
    assert jobs["prod"]["needs"] == ["build", "dev"]
    assert [jobs[name]["with"]["section"] for name in ("dev", "prod")] == ["dev", "prod"]
    assert {jobs[name]["with"]["digest"] for name in ("dev", "prod")} == {"${{ needs.build.outputs.digest }}"}


def test_a_plan_is_made_before_the_environment_whose_reviewers_read_it() -> None:
    jobs = workflow("deploy-stack.yml")["jobs"]
    assert jobs["apply"]["needs"] == "plan"
    assert (jobs["plan"]["environment"], jobs["apply"]["environment"]) == (
        "${{ inputs.section }}-plan",
        "${{ inputs.section }}",
    )
    assert workflow("deploy-stack.yml")["concurrency"]["cancel-in-progress"] is False


def commands() -> list[list[str]]:
    """Words of every call of infra.release in the workflows."""
    scripts = [
        step["run"].replace("\\\n", " ") for name in ("deploy.yml", "deploy-stack.yml") for step in steps(name) if "run" in step
    ]
    return [line.split()[3:] for script in scripts for line in script.splitlines() if " -m infra.release " in line]


def test_each_call_of_the_pipeline_is_one_that_the_pipeline_takes() -> None:
    values = {"$CANARY": "--parameter=CanaryDeployment=false", "$PAUSE": "--no-pause", '"$IDENTITY"': "run-1"}
    taken = [parsed([values.get(word, word) for word in words]).command for words in commands()]
    assert taken == ["plan", "apply"]


def test_each_target_and_module_of_a_workflow_exists() -> None:
    scripts = "\n".join(step.get("run", "") for path in FILES for step in steps(path.name))
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"^make (?:-C \S+ )?(\w+)", scripts, re.MULTILINE)) <= targets
    for module in re.findall(r"-m ([\w.]+)", scripts):
        place = ROOT / module.replace(".", "/")
        assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), module


@pytest.mark.slow
def test_the_workflows_are_of_the_form_that_github_reads() -> None:
    command = [str(CHECK), "--builtin-schema", "vendor.github-workflows", *map(str, FILES)]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
