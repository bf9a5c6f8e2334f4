"""A parent of the sandbox as on a bare platform: no seccomp, no Landlock, no namespaces, and children with the parent's user.

Started as a program it gives up root, then answers requests, one JSON line each, until its input ends. Tests keep one for many
attacks, as an environment of a function serves many invocations.
"""

from __future__ import annotations

import ctypes
import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from candlecast.sandbox.lock import Locks
from candlecast.sandbox.lock.identity import CAPABILITY_VERSION_3
from candlecast.sandbox.lock.kernel import call
from candlecast.sandbox.lock.syscalls import ARCHITECTURES
from candlecast.sandbox.parent import answer
from candlecast.sandbox.protocol import Request, parse_request

ROOT = Path(__file__).resolve().parents[2]
BARE = Locks(namespaces=False, landlock=False, seccomp=False)
USER = 65533  # has no files and no processes
READ_ALL = 2  # CAP_DAC_READ_SEARCH: a Python below /root can be started by this user as well
PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 8, 47, 2


def become_user() -> None:
    """Give up root and keep the right to read, which the locks of each child take away."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(USER, USER, USER)
    os.setresuid(USER, USER, USER)
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    call(ARCHITECTURES[os.uname().machine].numbers["capset"], header, struct.pack("=6I", *([1 << READ_ALL] * 3), 0, 0, 0))
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, READ_ALL, 0, 0)


def main() -> None:
    if os.geteuid() == 0:
        become_user()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(parse_request(json.loads(line)), BARE)) + "\n")
        sys.stdout.flush()


class BareParent:
    """The program, started anew when an attack has ended it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()

    @property
    def pid(self) -> int:
        return self._running().pid

    def answer(self, request: Request) -> dict[str, Any] | None:
        """The answer to a request, or None if the parent has ended instead."""
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request.to_json()) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            self._stop()
            return None
        answered: dict[str, Any] = json.loads(line)
        return answered

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            path = os.pathsep.join((str(ROOT), str(ROOT / "layers" / "core")))
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.sandbox_parent"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                env={"PYTHONPATH": path},
            )
        return self._process

    def _stop(self) -> None:
        if self._process is not None:
            with self._process as process:
                process.kill()
            self._process = None


if __name__ == "__main__":
    main()
