"""Leftovers of a run where the kernel has neither seccomp nor Landlock: names in folders that everybody may write.

The child can open no file on any platform, but there it could still make folders, links, or shared memory of System V. These
would reach the next run, which is of the same owner. With one of the two locks nothing is left, and nothing is removed.
"""

from __future__ import annotations

import ctypes
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

FOLDERS = tuple(map(Path, ("/tmp", "/var/tmp", "/dev/shm")))  # noqa: S108 - nothing is made there
SYSTEM_V = Path("/proc/sysvipc")
REMOVERS = {"shm": "shmctl", "msg": "msgctl", "sem": "semctl"}
IPC_RMID = 0
NUMBER_COLUMN = 1  # of a line there: the key comes first


@dataclass(frozen=True)
class Leftovers:
    """Things in reach of a process at a moment: names in folders, and objects of System V by kind and number."""

    paths: frozenset[Path]
    objects: frozenset[tuple[str, int]]

    @classmethod
    def now(cls) -> Leftovers:
        return cls(
            frozenset(path for folder in FOLDERS if folder.is_dir() for path in folder.iterdir()),
            frozenset((kind, number) for kind in REMOVERS for number in _numbers(kind)),
        )

    def wipe(self, owner: int) -> None:
        """Remove what has come since and belongs to the user id `owner`, as which the process ran."""
        now = Leftovers.now()
        for path in now.paths - self.paths:
            with suppress(OSError):
                if path.lstat().st_uid != owner:
                    continue
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()
        libc = ctypes.CDLL(None)
        for kind, number in now.objects - self.objects:
            arguments = (0, IPC_RMID) if kind == "sem" else (IPC_RMID, None)
            getattr(libc, REMOVERS[kind])(number, *arguments)


def _numbers(kind: str) -> list[int]:
    try:
        lines = (SYSTEM_V / kind).read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return []
    return [int(line.split()[NUMBER_COLUMN]) for line in lines]
