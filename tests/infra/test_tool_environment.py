"""Tools of the checkout get the system's certificates, see nothing of a real AWS account, and end with their starter."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.harness import plain_installation
from infra.local import project
from tests.support.processes import ends
from tests.support.waiting import until


def test_uv_trusts_what_the_system_trusts_unless_the_caller_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UV_SYSTEM_CERTS", raising=False)
    monkeypatch.delenv("UV_NATIVE_TLS", raising=False)
    assert project.tool_environment().items() >= {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}.items()
    monkeypatch.setenv("UV_SYSTEM_CERTS", "0")
    assert project.tool_environment()["UV_SYSTEM_CERTS"] == "0"


def test_nothing_of_a_real_account_reaches_a_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    monkeypatch.setenv("AWS_PROFILE", "canary")
    assert "canary" not in project.tool_environment().values()


def test_the_benchs_plain_installation_is_made_with_the_tools_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a company's certificate uv's own list knows nobody, and `make bench` failed."""
    told = tmp_path / "told"
    uv = tmp_path / "uv"
    uv.write_text(f'#!/bin/sh\necho "$UV_SYSTEM_CERTS $UV_NATIVE_TLS" >{told}\n', encoding="utf-8")
    uv.chmod(0o755)
    monkeypatch.delenv("UV_SYSTEM_CERTS", raising=False)
    monkeypatch.delenv("UV_NATIVE_TLS", raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(plain_installation, "FOLDER", tmp_path / "naive")
    (tmp_path / "naive").mkdir()
    monkeypatch.setattr(shutil, "rmtree", lambda *_args, **_options: None)
    monkeypatch.setattr(plain_installation, "OWN", {})
    monkeypatch.setattr(plain_installation, "BUILD", tmp_path)
    plain_installation.installed()
    assert told.read_text(encoding="utf-8") == "1 1\n"


def test_an_interrupted_tool_ends_with_everything_that_it_has_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `sam build` does, which starts pip, which starts compilers."""
    pids = tmp_path / "pids"

    def interrupted(_process: object) -> None:
        until(lambda: pids.exists() and len(pids.read_text(encoding="utf-8").split()) == 2)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        project.run(["sh", "-c", f"sleep 3600 & echo $! $$ >{pids}; wait"], tmp_path / "log")
    started = pids.read_text(encoding="utf-8").split()
    assert len(started) == 2
    assert all(ends(int(pid)) for pid in started)


def test_a_tool_ends_when_whoever_started_it_is_killed(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code = f"""
import sys
sys.path.insert(0, {str(project.ROOT)!r})
from pathlib import Path
from infra.local.project import run
run(["sh", "-c", "echo $$ >{pid}; exec sleep 3600"], Path({str(tmp_path / "log")!r}))
"""
    with subprocess.Popen([sys.executable, "-c", code]) as starter:  # noqa: S603
        until(lambda: pid.exists() and pid.read_text(encoding="utf-8").strip())
        starter.kill()
    assert ends(int(pid.read_text(encoding="utf-8")))
