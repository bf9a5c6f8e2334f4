"""Runs in real processes: the answers of the sandbox, its locks on this kernel, and nothing left behind."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from candlecast.domain.strategies.execution import MAX_UPLOADED_LOG_BYTES
from candlecast.sandbox.parent import answer
from candlecast.sandbox.process import NotStarted
from candlecast.sandbox.protocol import Job, SandboxRefusal, parse_answer
from tests.support.sandbox import FIRST_LINE, HONEST, request

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("job", list(Job))
def test_each_job_answers_in_the_agreed_form(job: Job) -> None:
    found = parse_answer(job, answer(request(job=job)))
    assert found.cpu_ms > 0
    assert found.memory_kb > 10_000
    assert found.logs == ()


def test_every_lock_that_this_kernel_offers_holds() -> None:
    found = parse_answer(Job.INSPECT, answer(request(job=Job.INSPECT))).layers
    offered = {"no_new_privs", "no_capabilities", "undumpable", "dies_with_parent", "rlimits", "seccomp"}
    assert {name for name in offered if found[name] is not True} == set()
    if os.geteuid() == 0:
        assert found["nobody"] is True
        assert found["namespaces"] is True
    assert found["landlock"] >= 1


@pytest.mark.parametrize(
    ("line", "kept", "characters"),
    [("'x' * 50", 50, 50), ("'x' * 600", 14, 500), ("'\U0001f4c8' * 600", 4, 500), ("'\\x1b' * 600", 14, 500)],
    ids=["short", "long", "wide", "control"],
)
def test_lines_of_the_log_are_kept_up_to_their_bounds(line: str, kept: int, characters: int) -> None:
    found = parse_answer(Job.DECIDE, answer(request(f"for number in range(99):\n    print({line})\n" + HONEST)))
    assert len(found.logs) == kept
    assert {len(each) for each in found.logs[:-1]} == {characters}
    assert sum(len(each.encode()) for each in found.logs) <= MAX_UPLOADED_LOG_BYTES


def test_bytes_that_are_no_text_take_no_more_room_than_they_had() -> None:
    wild = "import warnings\nwarnings.sys.stdout.buffer.write(b'\\xff\\xfe!' * 9_000)\n"
    found = parse_answer(Job.DECIDE, answer(request(wild + HONEST)))
    assert found.logs == ("!" * 500,)


def test_a_warning_of_numpy_is_a_line_of_the_log() -> None:
    found = parse_answer(Job.DECIDE, answer(request("np.array([1.0]) / np.array([0.0])\n" + HONEST)))
    assert any("divide by zero" in line for line in found.logs)


@pytest.mark.parametrize(
    "body",
    [
        "np.ones((300, 300)) @ np.ones((300, 300))\n",
        "np.polyfit(np.arange(9.0), np.arange(9.0), 1)\n",
        "np.corrcoef(candles.close, candles.open)\n",
        "np.linalg.svd(np.ones((300, 200)))\n",
    ],
)
def test_linear_algebra_gets_through_the_locks(body: str) -> None:
    assert parse_answer(Job.DECIDE, answer(request(body + HONEST))).layers["seccomp"] is True


def test_methods_and_the_text_of_an_array_work() -> None:
    methods = ("all()", "any()", "clip(0, 1)", "max()", "mean()", "min()", "prod()", "std()", "sum()", "var()")
    body = "few = np.array([1.0, 2.0])\n" + "".join(f"few.{method}\n" for method in methods) + "print(few)\n"
    assert parse_answer(Job.DECIDE, answer(request(body + HONEST))).logs == ("[1. 2.]",)


def test_a_refusal_names_the_line() -> None:
    with pytest.raises(SandboxRefusal) as told:
        parse_answer(Job.DECIDE, answer(request("x = 1\nreturn x / 0\n")))
    assert (told.value.code, told.value.line) == ("STRATEGY_FAILED", FIRST_LINE + 1)


def test_no_process_and_no_descriptor_is_left_by_any_end() -> None:
    def open_now() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    answer(request())
    gc.collect()  # what earlier tests of this process have left behind
    before, theirs = open_now(), children()
    for body in (HONEST, "while True:\n    pass\n", "raise SystemExit\n", "print('x' * 10**7)\n"):
        answer(request(body, seconds=0.5))
    assert open_now() <= before
    assert children() <= theirs


def children() -> set[str]:
    return {it for listed in Path("/proc/self/task").glob("*/children") for it in listed.read_text().split()}


def test_a_process_that_does_not_start_is_our_failure_and_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("candlecast.sandbox.process.PROGRAM", "raise SystemExit('no numpy')")
    with pytest.raises(NotStarted, match="no numpy"):
        answer(request())
