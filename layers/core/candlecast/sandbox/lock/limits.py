"""Limits of the process (rlimits). They need no right of anybody, so they hold on every platform."""

from __future__ import annotations

import math
import resource
import time
from pathlib import Path

# Address space beyond that of the process with numpy loaded. With the parent this fits a function of 512 MB.
MEMORY_BYTES = 384 * 1024 * 1024
STACK_BYTES = 8 * 1024 * 1024  # the usual size of a main thread's; recursion of Python ends long before
GRACE_SECONDS = 1  # of processor time between the signal that ends the process and the one that nothing can catch
STATM = Path("/proc/self/statm")


def memory_in_use() -> int:
    """Bytes of this process's address space. To be asked for before the locks: afterwards nothing can be read."""
    return int(STATM.read_text(encoding="ascii").split()[0]) * resource.getpagesize()


def restrict(memory_in_use: int, cpu_seconds: float) -> None:
    """Bound memory and processor time of this process, and forbid new descriptors, files, processes and core dumps.

    No descriptor above the limit can be made, and the limit is 0. So neither a file nor a socket can be opened, while open pipes
    go on. The user's processes and threads have the limit 0 as well, so none can be started; root alone would be exempt.
    """
    cpu = math.ceil(time.process_time() + cpu_seconds)
    _set(resource.RLIMIT_STACK, STACK_BYTES)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + GRACE_SECONDS))
    _set(resource.RLIMIT_AS, memory_in_use + MEMORY_BYTES)
    for none in ("CORE", "FSIZE", "MEMLOCK", "MSGQUEUE", "NPROC", "RTPRIO", "SIGPENDING", "NOFILE"):
        _set(getattr(resource, f"RLIMIT_{none}"), 0)


def _set(limit: int, most: int) -> None:
    """Soft and hard alike, and never above what this process was given."""
    _, hard = resource.getrlimit(limit)
    bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(limit, (bound, bound))
