"""One fresh process for one run: started, fed, listened to within bounds, ended with all that it has started.

Nothing of the process is believed. Its output is read up to bounds of bytes and seconds, and judged elsewhere.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from candlecast.domain.strategies.execution import MAX_UPLOADED_LOG_BYTES
from candlecast.sandbox.lock import Locks
from candlecast.sandbox.protocol.refusal import SANDBOX_RESULT_TOO_LARGE, SANDBOX_TIMEOUT

START_SECONDS = 20.0  # until the locks are on: a second on a busy machine, so a longer start has failed
CHUNK = 1 << 16
LAST_CHUNKS = 32  # of a pipe whose writer has ended: pipes hold a megabyte at most
MAX_HELD_BYTES = 1_000  # of the first line, which says what locks hold
MAX_TOLD = 1_000  # characters of the log of a process that did not start
ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "LD_LIBRARY_PATH": str(Path(sys.base_prefix) / "lib"),  # Lambda's Python finds its own library by this alone
    "OPENBLAS_NUM_THREADS": "1",  # numpy's linear algebra would start a thread for each processor
}
PROGRAM = """
import json, sys
path, arguments = json.loads(sys.argv[1])
sys.path[:0] = path
from candlecast.sandbox.child import main
main(**arguments)
"""


class NotStarted(RuntimeError):
    """The process did not reach its locks: a defect of the platform or of ours, and no code of a strategy was run."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The outputs and the end of a process.

    `lines` are the bytes of the result: first the locks, written before any strange code ran, then what came afterwards. `status`
    is its exit code, negative for a signal. `ended_by` is the code of the refusal if we have ended it, else empty.
    """

    lines: bytes
    logs: bytes
    status: int
    cpu_ms: int
    memory_kb: int
    ended_by: str


class Process:
    """A started process. `end` must follow, which kills the process, its group, and strays of the group."""

    def __init__(self, request: bytes, seconds: float, most: int, locks: Locks) -> None:
        """Start it; `request` waits to be read, and at most `most` bytes of the result are kept."""
        self.result, self.logs = _Pipe(most + 1), _Pipe(MAX_UPLOADED_LOG_BYTES)
        self._request, self._seconds, self._most = memoryview(request), seconds, most
        self._others = _children()
        arguments = {"result": self.result.end, "cpu_seconds": seconds, "locks": asdict(locks)}
        try:
            self._started = subprocess.Popen(  # noqa: S603 - this interpreter and a program of ours
                [sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", PROGRAM, json.dumps([_path(), arguments])],
                stdin=subprocess.PIPE,
                bufsize=0,
                stdout=self.logs.end,
                stderr=self.logs.end,
                pass_fds=(self.result.end,),
                env=ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        except OSError:
            self.result.close()
            self.logs.close()
            raise
        finally:
            os.close(self.result.end)
            os.close(self.logs.end)
        self._ended = os.pidfd_open(self._started.pid)

    def listen(self) -> str:
        """Feed and read until the process has ended, or is over a bound: then the code of the refusal, else empty."""
        with selectors.DefaultSelector() as waiting:
            stdin = self._started.stdin
            if stdin is not None:
                os.set_blocking(stdin.fileno(), False)
                waiting.register(stdin, selectors.EVENT_WRITE, lambda: self._feed(stdin))
            waiting.register(self.result.own, selectors.EVENT_READ, self.result.read)
            waiting.register(self.logs.own, selectors.EVENT_READ, self.logs.read)
            waiting.register(self._ended, selectors.EVENT_READ, lambda: True)
            if not self._wait(waiting, time.monotonic() + START_SECONDS, until_locked=True):
                return SANDBOX_TIMEOUT
            if not self._wait(waiting, time.monotonic() + self._seconds, until_locked=False):
                return SANDBOX_TIMEOUT
        return SANDBOX_RESULT_TOO_LARGE if len(self.result.kept) > self._most else ""

    def _wait(self, waiting: selectors.BaseSelector, deadline: float, *, until_locked: bool) -> bool:
        """Serve the pipes until the locks are told, or until the end; answers False if the deadline comes first."""
        while not (until_locked and b"\n" in self.result.kept):
            if len(self.result.kept) > self._most:
                return True
            if self._has_ended():
                self.result.read_rest()
                self.logs.read_rest()
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            for key, _ in waiting.select(left):
                if not key.data():
                    waiting.unregister(key.fileobj)
                    if key.fileobj is self._started.stdin:
                        self._started.stdin.close()  # the end of the request
        return True

    def _feed(self, stdin: IO[bytes]) -> bool:
        """Write some of the request; answers whether some is left. Nothing is left for a process that reads no more."""
        try:
            self._request = self._request[os.write(stdin.fileno(), self._request[:CHUNK]) :]
        except BrokenPipeError:
            self._request = self._request[:0]
        return bool(self._request)

    def _has_ended(self) -> bool:
        """Whether the process is over; it is not reaped yet, so its number is nobody else's."""
        return os.waitid(os.P_PID, self._started.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def end(self) -> tuple[int, int, int]:
        """Kill what is left and wait for it: exit code, milliseconds of the processor, most memory in KB."""
        with suppress(ProcessLookupError):
            os.killpg(self._started.pid, signal.SIGKILL)
        _, status, used = os.wait4(self._started.pid, 0)
        self._started.returncode = os.waitstatus_to_exitcode(status)
        if self._started.stdin is not None:
            self._started.stdin.close()
        os.close(self._ended)
        self.result.close()
        self.logs.close()
        while strays := _children() - self._others:  # ours since their parent has ended: this process is a subreaper
            for stray in strays:
                with suppress(ProcessLookupError, ChildProcessError):
                    os.kill(stray, signal.SIGKILL)
                    os.waitpid(stray, 0)
        return self._started.returncode, round(1000 * (used.ru_utime + used.ru_stime)), used.ru_maxrss


class _Pipe:
    """A pipe from the process: `end` is the process's, `own` is ours; at most `most` bytes are kept, the rest is forgotten."""

    def __init__(self, most: int) -> None:
        self.own, self.end = os.pipe()
        os.set_blocking(self.own, False)
        self.kept = bytearray()
        self._most = most

    def read(self) -> bool:
        """Read what is there, once; answers whether more may come."""
        try:
            chunk = os.read(self.own, CHUNK)
        except BlockingIOError:
            return True
        self.kept += chunk[: self._most - len(self.kept)]
        return bool(chunk)

    def read_rest(self) -> None:
        """Read what lies in the pipe of a process that has ended."""
        for _ in range(LAST_CHUNKS):
            before = len(self.kept)
            if not self.read() or len(self.kept) == before:
                return

    def close(self) -> None:
        os.close(self.own)


def run_process(request: bytes, seconds: float, most: int, locks: Locks) -> Finished:
    """Run one request in a process of its own, for `seconds` after its locks are on, with a result of at most `most` bytes.

    When this returns, no process of the run is left. Raises `NotStarted`.
    """
    process = Process(request, seconds, most + MAX_HELD_BYTES, locks)
    try:
        ended_by = process.listen()
    finally:
        status, cpu_ms, memory_kb = process.end()
    lines, logs = bytes(process.result.kept), bytes(process.logs.kept)
    if b"\n" not in lines[:MAX_HELD_BYTES]:
        raise NotStarted(f"status {status}: {logs.decode(errors='replace')[-MAX_TOLD:]}")
    return Finished(lines=lines, logs=logs, status=status, cpu_ms=cpu_ms, memory_kb=memory_kb, ended_by=ended_by)


def _path() -> list[str]:
    """Folders in which the process finds this package and numpy: those of the parent, and no other of its folders."""
    found = [find_spec(name) for name in ("candlecast", "numpy")]
    return list(dict.fromkeys(str(Path(spec.origin).parents[1]) for spec in found if spec is not None and spec.origin))


def _children() -> set[int]:
    """Processes whose parent is this one; none where the kernel does not list them."""
    found: set[int] = set()
    for listed in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            found |= {int(it) for it in listed.read_text().split()}
    return found
