"""Each test runs by exactly one command, a long command shows that it lives, and a command that hangs is ended."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.local import checks
from infra.local.checks import ONE_BY_ONE, SIDE_BY_SIDE, Step, run_step, said, table

MARKS = ("e2e", "slow", "prove")
REPORT: dict[str, Any] = {
    "passed": True,
    "seconds": 1_500.0,
    "ended_at": "2026-11-29T12:00:00+00:00",
    "commit": "3d33e8e",
    "steps": [
        {"tests": None},
        {"tests": {"passed": 30, "failed": 0, "errors": 0, "mutations": 11}},
        {"tests": {"passed": 4, "failed": 1, "errors": 1, "mutations": 0}},
    ],
    "crash_points": {"schedules": 1_234_567, "by_faults": [9, 558, 1_234_000], "worlds": 10, "invocations": 20, "violations": 0},
    "simulation": {"seeds": 1_000, "steps": 10_000_000, "orders": 26_000, "faults": {"crash": 5, "ban": 2}, "violations": 0},
    "openapi": {"seed": 7, "cases": 90_000, "roles": {"trader": {}, "nobody": {}}, "findings": 0},
}


def marked(step: Step, marks: set[str]) -> bool:
    """Whether the step runs a test with these marks; its expression is read as Python, which is what it is for these names."""
    expression = step.words[step.words.index("-m", step.words.index("pytest")) + 1]
    return bool(eval(expression, {name: name in marks for name in MARKS}))  # noqa: S307 - our own expression


def test_a_test_runs_by_one_command_whatever_its_marks() -> None:
    steps = [
        (command, step)
        for chosen in (SIDE_BY_SIDE, ONE_BY_ONE)
        for command, all_steps in chosen.items()
        for step in all_steps
        if "pytest" in step.words and (command, step.name) != ("test", "fast tests")  # make test begins with make check
    ]
    for size in range(len(MARKS) + 1):
        for marks in itertools.combinations(MARKS, size):
            assert len([step.name for _, step in steps if marked(step, set(marks))]) == 1, marks
    assert [command for command, step in steps if marked(step, {"prove", "slow", "e2e"})] == ["prove"]


def test_the_table_tells_what_was_proven_and_what_failed() -> None:
    text = table(REPORT)
    assert "| run | ended 2026-11-29T12:00:00+00:00, commit 3d33e8e, 25 minutes |" in text
    assert "| schedules of crash points | 1,234,567 (9 with 0, 558 with 1, 1,234,000 with 2 faults) |" in text
    assert "| faults in them | 7 of 2 kinds |" in text
    assert "| API's cases | 90,000 by 2 roles, seed 7: 0 faults |" in text
    assert "| mutations, by the suite that must miss them | 11 tried |" in text
    assert "| tests | 34 passed, 2 failed |" in text


def python(code: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code], stdin=stdin, stdout=subprocess.PIPE, text=True)  # noqa: S603


def test_a_silent_step_is_told_of_and_its_lines_come_as_they_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    with python("import sys; sys.stdin.read(); print('one'); print('two')", stdin=subprocess.PIPE) as process:

        def speak(text: str, **_: Any) -> None:
            """The process stays silent until its silence was reported."""
            told.append(text)
            assert process.stdin is not None
            process.stdin.close()

        monkeypatch.setattr(checks, "PROGRESS_SECONDS", 0.01)
        monkeypatch.setattr(checks, "print", speak, raising=False)
        assert list(said(process, "enumeration", 900)) == ["one\n", "two\n"]
    assert told[0] == "  ... enumeration: 0 s"


def test_a_step_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PROGRESS_SECONDS", 0.01)
    lines = (
        "tests/e2e/test_live.py::test_one[a look ahead] ",
        "tests/e2e/test_live.py::test_two ",
        "[gw3] [  4%] PASSED tests/e2e/test_live.py::test_one[a look ahead] ",
    )
    with python(f"import time; print({chr(10).join(lines)!r}, flush=True); time.sleep(3600)") as process:
        *_, last = said(process, "a step", 0.5)
        assert process.wait() != 0
    assert last.startswith("nothing was heard for")
    assert last.endswith("running were ['tests/e2e/test_live.py::test_two']\n")


def test_a_tool_of_its_own_environment_reads_no_folder_that_others_can_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Step, "command", lambda step: [sys.executable, *step.words])
    step = Step("checkov", ("-c", "import tempfile; print(tempfile.gettempdir())"), "checkov")
    assert run_step(step, tmp_path).output == f"{tmp_path}\n"
