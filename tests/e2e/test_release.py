"""`python -m infra.release` on a deployed stack: a change set is read, then executed behind a pause, and tried."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.local import deployment
from infra.local.cloud import Cloud
from infra.local.project import ROOT, architecture
from tests.support.stage import replay_stack

pytestmark = pytest.mark.prove
SECONDS = 1_800  # for one that hangs
PATIENT = "240"  # seconds for a hop that works: the machine may be busy with other tests
TRIED = ["compare versions", "protect the stack", "try while paused", "let entries go", "try"]


def release(cloud: Cloud, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    places = [f"--{name}={folder / name}" for name in ("plan", "report", "summary")]
    where = ["--config-env", "local", "--stack", deployment.STACK, *places]
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "infra.release", *words, *where],
        cwd=ROOT,
        env={**os.environ, **cloud.environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def parameter(cloud: Cloud, name: str) -> str:
    return deployment.deployed_parameters(cloud.client)[name]


def test_a_release_is_read_then_executed_behind_a_pause_and_tried(cloud: Cloud, tmp_path: Path) -> None:
    replay_stack(cloud)
    kept = {**deployment.deployed_parameters(cloud.client), "Architecture": architecture(), "LogLevel": "DEBUG"}
    changed = [word for name, value in kept.items() if value for word in ("--parameter", f"{name}={value}")]
    planned = release(cloud, tmp_path, "plan", *changed)
    assert planned.returncode == 0, planned.stdout + planned.stderr
    plan: dict[str, Any] = json.loads((tmp_path / "plan").read_text())
    assert [it for it in plan["changes"] if it["kind"] == "AWS::Lambda::Function" and it["action"] == "Modify"]
    assert parameter(cloud, "LogLevel") == "INFO", "a plan executes nothing"

    applied = release(cloud, tmp_path, "apply", "--identity", "run-1", "--hop-seconds", PATIENT)
    report = json.loads((tmp_path / "report").read_text())
    assert applied.returncode == 0, applied.stdout[-3_000:] + applied.stderr[-3_000:]
    assert [(step["name"], step["code"]) for step in report["steps"]] == [
        (name, 0) for name in ("check the change set", "pause entries", "execute the change set", *TRIED)
    ]
    assert parameter(cloud, "LogLevel") == "DEBUG"
    assert "| let entries go | ok |" in (tmp_path / "summary").read_text()

    again = release(cloud, tmp_path, "apply", "--identity", "run-2", "--hop-seconds", PATIENT)
    assert again.returncode == 1, "the change set has been executed"
    assert "CHANGE_SET_GONE" in again.stderr
