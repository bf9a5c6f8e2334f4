"""Processes that tests start: whether they live, and a port for them."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.support.waiting import until


def alive(pid: int) -> bool:
    """Whether a process runs. A zombie has ended; its parent has not asked yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def ends(pid: int) -> bool:
    """Whether a process ends by itself."""
    return not until(lambda: alive(pid), lambda living: not living)


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
