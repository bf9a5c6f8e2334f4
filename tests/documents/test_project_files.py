"""The files around the project agree with it: workflow, hooks, owners, forms, navigation, changelog."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

import candlecast

ROOT = Path(__file__).resolve().parents[2]
FENCED = re.compile(r"^```sh$(.*?)^```$", re.MULTILINE | re.DOTALL)
RELEASE = re.compile(r"^## \[(\d+)\.(\d+)\.(\d+)\] - (\d{4}-\d{2}-\d{2})$", re.MULTILINE)


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def workflow() -> dict[Any, Any]:
    return dict(yaml.safe_load(text(".github/workflows/ci.yml")))


def steps() -> list[dict[str, Any]]:
    return [step for job in workflow()["jobs"].values() for step in job["steps"]]


def commands_of_the_readme() -> set[str]:
    lines = "\n".join(FENCED.findall(text("README.md"))).splitlines()
    return {line.partition("#")[0].strip() for line in lines if line.startswith("make ")}


def test_the_workflow_runs_commands_of_the_readme_and_nothing_else() -> None:
    runs = {step["run"] for step in steps() if "run" in step}
    assert runs == {"make demo", "make test"}
    assert runs <= commands_of_the_readme()


def test_every_action_is_pinned_to_a_commit() -> None:
    used = [step["uses"] for step in steps() if "uses" in step]
    assert used
    assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", it) for it in used)


def test_the_workflow_may_read_and_no_more() -> None:
    described = workflow()
    assert described["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in described["jobs"].values())
    assert set(described[True]) == {"push", "pull_request"}  # `on` is a boolean in YAML
    assert "secrets." not in text(".github/workflows/ci.yml")
    assert all(step["with"]["persist-credentials"] is False for step in steps() if "checkout" in step.get("uses", ""))


def test_the_workflow_has_the_python_of_the_bootstrap() -> None:
    [wanted] = re.findall(r"^wanted=(\S+)$", text("infra/local/bootstrap.sh"), re.MULTILINE)
    assert [step["with"]["python-version"] for step in steps() if "setup-python" in step.get("uses", "")] == [wanted]


def test_hooks_are_tools_of_this_repository() -> None:
    [local] = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]
    assert local["repo"] == "local"
    for hook in local["hooks"]:
        assert hook["language"] == "system"
        assert hook["entry"].startswith(".venvs/dev/bin/"), hook["id"]
        for word in re.findall(r"\S+\.py", hook["entry"]):
            assert (ROOT / word).exists(), word
    assert len({hook["id"] for hook in local["hooks"]}) == len(local["hooks"]) > 3


def test_owners_are_named_for_paths_that_exist() -> None:
    lines = [line.split() for line in text("CODEOWNERS").splitlines() if line and not line.startswith("#")]
    assert lines[0][0] == "*"
    for path, *owners in lines:
        assert path == "*" or (ROOT / path.strip("/")).exists(), path
        assert owners
        assert all(re.fullmatch(r"@[\w-]+/[\w-]+", owner) for owner in owners)


def test_forms_of_issues_ask_for_something_and_have_unique_ids() -> None:
    forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    asked = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in forms if path.stem != "config"}
    assert set(asked) == {"defect", "proposal"}
    for form in asked.values():
        ids = [field["id"] for field in form["body"] if field["type"] != "markdown"]
        assert len(set(ids)) == len(ids)
        assert any(field.get("validations", {}).get("required") for field in form["body"])


def test_the_navigation_names_pages_that_exist_and_every_guide() -> None:
    named = re.findall(r": (\S+\.md)$", text("mkdocs.yml").partition("\nnav:\n")[2], re.MULTILINE)
    assert [path for path in named if not (ROOT / path).exists()] == []
    guides = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs" / "guides").glob("*.md")}
    assert guides <= set(named)


def test_the_changelog_lists_releases_from_the_newest_and_has_this_one() -> None:
    changelog = text("CHANGELOG.md")
    releases = [(int(major), int(minor), int(patch), day) for major, minor, patch, day in RELEASE.findall(changelog)]
    assert releases == sorted(releases, reverse=True)
    assert changelog.index("## [Unreleased]") < changelog.index("## [0.2.0]")
    version = getattr(candlecast, "__version__", None) or tomllib.loads(text("pyproject.toml"))["project"]["version"]
    assert version in {f"{major}.{minor}.{patch}" for major, minor, patch, _ in releases}


def test_the_newest_minor_version_gets_fixes_of_weaknesses() -> None:
    major, minor, *_ = RELEASE.findall(text("CHANGELOG.md"))[0]
    supported = re.findall(r"^\| (\d+\.\d+) \| yes \|$", text("SECURITY.md"), re.MULTILINE)
    assert supported == [f"{major}.{minor}"]
