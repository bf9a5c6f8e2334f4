"""Calls of the kernel for which the standard library has no function, by ctypes."""

from __future__ import annotations

import ctypes
import os

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

_libc = ctypes.CDLL(None, use_errno=True)


def call(number: int, *arguments: object) -> int:
    """The system call of that number; raises `OSError` with the kernel's reason."""
    answered: int = _libc.syscall(ctypes.c_long(number), *arguments)
    if answered < 0:
        raise _error()
    return answered


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process; raises `OSError`."""
    if _libc.prctl(ctypes.c_int(option), ctypes.c_ulong(value), *(ctypes.c_ulong(0) for _ in range(3))) != 0:
        raise _error()


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
