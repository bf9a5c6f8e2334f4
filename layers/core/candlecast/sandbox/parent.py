"""The parent of each run, within the function: start a fresh process, listen, judge its words, leave nothing for the next run."""

from __future__ import annotations

import json
import os
import signal
from itertools import islice
from typing import Any

from candlecast.domain.strategies.execution import MAX_LOG_LINES
from candlecast.sandbox.leftovers import Leftovers
from candlecast.sandbox.lock import Locks
from candlecast.sandbox.lock.identity import NOBODY
from candlecast.sandbox.lock.kernel import PR_SET_CHILD_SUBREAPER, PR_SET_DUMPABLE, prctl
from candlecast.sandbox.process import Finished, run_process
from candlecast.sandbox.protocol.answer import MAX_RESULT_BYTES, parse_error, parse_result
from candlecast.sandbox.protocol.refusal import (
    SANDBOX_CRASHED,
    SANDBOX_FORBIDDEN,
    SANDBOX_RESULT_INVALID,
    SANDBOX_RESULT_TOO_LARGE,
    SANDBOX_TIMEOUT,
    SandboxRefusal,
    one_line,
)
from candlecast.sandbox.protocol.request import SCHEMA_VERSION, Job, Request
from candlecast.sandbox.protocol.values import Malformed, loads, mapping

ALL_LOCKS = Locks()
TOLD = {
    SANDBOX_TIMEOUT: "the run took longer than its seconds",
    SANDBOX_RESULT_TOO_LARGE: "the result is larger than any that can be used",
}


def answer(request: Request, locks: Locks = ALL_LOCKS) -> dict[str, Any]:
    """Run a request in a fresh process and answer in the wire's form; a refusal is an answer too.

    Raises `NotStarted` if no process reached its locks, and `OSError` if none could be started.
    """
    _protect_parent()
    before = Leftovers.now()
    finished = run_process(request.to_bytes(), request.seconds, MAX_RESULT_BYTES[request.job], locks)
    first, _, rest = finished.lines.partition(b"\n")
    held: dict[str, int] = json.loads(first)
    if not held["seccomp"] and not held["landlock"]:
        before.wipe(NOBODY if held["nobody"] else os.geteuid())
    return {
        "schema_version": SCHEMA_VERSION,
        **_judged(request.job, finished, rest),
        "logs": _lines(finished.logs),
        "layers": held,
        "cpu_ms": finished.cpu_ms,
        "memory_kb": finished.memory_kb,
    }


def refused(refusal: SandboxRefusal) -> dict[str, Any]:
    """The answer to a request that was not run."""
    return {
        "schema_version": SCHEMA_VERSION,
        **_error(refusal.code, refusal.message, refusal.line, refusal.row),
        "logs": [],
        "layers": {},
        "cpu_ms": 0,
        "memory_kb": 0,
    }


def _protect_parent() -> None:
    """Close this process's environment and memory to processes of the same user, and inherit orphans of the run to end them."""
    prctl(PR_SET_DUMPABLE, 0)
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def _judged(job: Job, finished: Finished, rest: bytes) -> dict[str, Any]:
    """`ok` with `result` or `error`: of how the process ended first, and of its words only if it ended well."""
    if finished.ended_by:
        return _error(finished.ended_by, TOLD[finished.ended_by])
    if finished.status < 0:
        return _of_signal(-finished.status)
    if finished.status > 0:
        return _error(SANDBOX_CRASHED, f"the process ended with status {finished.status}")
    if not rest:
        return _error(SANDBOX_CRASHED, "the process ended without an answer")
    try:
        outcome = loads(rest)
        if type(outcome) is dict and "error" in outcome:
            return _error(*parse_error(mapping(outcome, "the outcome", ("error",))["error"]))
        parse_result(job, mapping(outcome, "the outcome", ("result",))["result"])
    except Malformed as error:
        return _error(SANDBOX_RESULT_INVALID, str(error))
    return {"ok": True, "result": outcome["result"]}


def _of_signal(number: int) -> dict[str, Any]:
    if number == signal.SIGSYS:
        return _error(SANDBOX_FORBIDDEN, "the code asked the kernel for something that no computation needs")
    if number == signal.SIGXCPU:
        return _error(SANDBOX_TIMEOUT, TOLD[SANDBOX_TIMEOUT])
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = str(number)
    return _error(SANDBOX_CRASHED, f"the process was ended by {name}")


def _error(code: str, message: str, line: int | None = None, row: int | None = None) -> dict[str, Any]:
    return {"ok": False, "error": {"code": code, "message": message, "line": line, "row": row}}


def _lines(logs: bytes) -> list[str]:
    """The first lines of both outputs, each a printable line: nobody writes into another's log."""
    lines = (line for line in logs.decode(errors="ignore").split("\n") if line)  # a replacement takes more bytes
    return [one_line(line) for line in islice(lines, MAX_LOG_LINES)]
