"""The last release's tree and a process of its code."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.deployment import alone
from infra.release.commits import ROOT, export, file_at
from infra.release.table import Release

WORKER = Path(__file__).with_name("worker.py")
TREES = ROOT / "build" / "releases"
LOCK = "infra/local/environments/dev.lock"
SECONDS = 900  # an environment is made from its lock within minutes


@dataclass
class Process:
    """A release at work in a process of its own."""

    process: subprocess.Popen[bytes]

    def ask(self, verb: str, *arguments: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        pickle.dump((verb, arguments), self.process.stdin)
        self.process.stdin.flush()
        state, value = pickle.load(self.process.stdout)  # noqa: S301 - our own child
        assert state == "ok", value
        return value


def tree_of(release: Release) -> Path:
    """The release's files, out of git, and the environment that its lock asks for."""
    tree = TREES / release.commit
    with alone("releases"):  # tests run in several processes
        if not (tree / ".complete").exists():
            export(release.commit, tree)
            if file_at(release.commit, LOCK) != (ROOT / LOCK).read_text(encoding="utf-8"):
                command = ["sh", "infra/local/bootstrap.sh", "dev"]
                subprocess.run(command, cwd=tree, timeout=SECONDS, check=True)  # noqa: S603
            (tree / ".complete").touch()
    return tree


@contextmanager
def at_work(tree: Path) -> Iterator[Process]:
    """A process with the code of a tree and nothing of another one."""
    own = tree / ".venvs" / "dev" / "bin" / "python"
    python = own if own.exists() else Path(sys.executable)
    paths = os.pathsep.join(str(tree / part) for part in ("", "layers/core", "layers/paper"))
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONSAFEPATH": "1"}
    with subprocess.Popen(  # noqa: S603
        [str(python), str(WORKER)], cwd=tree, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield Process(process)
        finally:
            process.kill()
