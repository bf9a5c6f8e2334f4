"""The locks of the child, one on top of the other: each is put on if the platform has it, and says whether it holds.

A lock that the platform refuses is reported and left out: the platform has walls of its own (docs/sandbox.md). The order matters:
namespaces need rights that are given up next, Landlock needs a descriptor, and after seccomp no lock can be made at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from signal import SIGKILL

from candlecast.sandbox.lock import identity, landlock, limits, seccomp
from candlecast.sandbox.lock.kernel import PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, prctl


@dataclass(frozen=True, kw_only=True)
class Locks:
    """The locks to put on. All of them, but for tests that ask what holds without one."""

    namespaces: bool = True
    landlock: bool = True
    seccomp: bool = True


def apply(locks: Locks, cpu_seconds: float) -> dict[str, int]:
    """Lock this process for good. Answers which lock holds; Landlock answers its version, 0 for none.

    Raises `OSError` if the limits cannot be set: then nothing of a stranger may run.
    """
    memory = limits.memory_in_use()
    held: dict[str, int] = {
        "namespaces": locks.namespaces and _holds(identity.own_namespaces),
        "nobody": _holds(identity.become_nobody),
        "no_capabilities": _holds(identity.drop_capabilities),
        "dies_with_parent": _holds(lambda: prctl(PR_SET_PDEATHSIG, SIGKILL)),  # after the change of user, which forgets it
        "undumpable": _holds(lambda: prctl(PR_SET_DUMPABLE, 0)),
        "no_new_privs": _holds(lambda: prctl(PR_SET_NO_NEW_PRIVS, 1)),
        "landlock": _version(landlock.restrict) if locks.landlock else 0,
    }
    limits.restrict(memory, cpu_seconds)
    held["rlimits"] = True
    held["seccomp"] = locks.seccomp and _holds(seccomp.restrict)
    return held


def _holds(lock: Callable[[], object]) -> bool:
    try:
        return lock() is not False
    except (OSError, KeyError):  # refused by the platform, or a machine whose calls are not known here
        return False


def _version(lock: Callable[[], int]) -> int:
    try:
        return lock()
    except OSError:
        return 0
