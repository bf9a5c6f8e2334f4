"""Time and memory of other programs and of calls: the standard library alone, for every environment.

`measured.py WORDS...` runs a program to its end and prints a line of JSON. Linux counts a process from its fork on, with the
memory of its parent, so that parent is this small program.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LAST_WORDS = 3_000  # characters of a failed program's complaint


def serve(run: Callable[[], object]) -> None:
    """Answer each line of stdin with one call's seconds and answer, as JSON on stdout; the first call compiles."""
    for _ in sys.stdin:
        started, cpu_started = time.perf_counter(), cpu_seconds()
        answer = run()
        seconds, cpu = time.perf_counter() - started, cpu_seconds() - cpu_started
        told({"seconds": seconds, "cpu_seconds": cpu, "peak_bytes": own_peak(), "answer": answer})


def cpu_seconds() -> float:
    """Of this process and of those that it has waited for."""
    own, ended = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime


def own_peak() -> int:
    """Peak resident memory of this program in bytes; its parent does not count."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def run(words: list[str]) -> dict[str, Any]:
    """Run a program to its end; a failure shows its last words."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        code = subprocess.run(words, stdout=output, stderr=errors, check=False).returncode  # noqa: S603 - our own programs
        seconds = time.perf_counter() - started
        for file in (output, errors):
            file.seek(0)
        if code:
            sys.exit(errors.read().decode()[-LAST_WORDS:] or f"{words[0]} ended with {code}")
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return {
            "seconds": seconds,
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "peak_bytes": used.ru_maxrss * 1024,
            "output": output.read().decode(),
        }


def told(found: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    told(run(sys.argv[1:]))
