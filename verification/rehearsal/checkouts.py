"""Another commit of this repository as a folder of its own, built there by the tools of this checkout."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

from infra.local.deployment import sam_build
from infra.local.project import BUILD, ENVIRONMENTS, architecture, run

CHECKOUTS = BUILD / "checkouts"
STAMP = ".built"  # written last: a folder without it is half made


def built_checkout(commit: str, say: Callable[[str], None]) -> Path:
    """The folder of a commit, exported and built unless that has been done before. Raises CommandError."""
    folder = CHECKOUTS / commit[:12]
    if not (folder / STAMP).exists():
        _export(commit, folder)
        sam_build(say, architecture(), folder)
        (folder / STAMP).touch()
    return folder


def _export(commit: str, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    archive = folder.with_suffix(".tar")
    run(["git", "archive", "--format=tar", f"--output={archive}", commit], BUILD / "logs" / "git-archive.log")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    archive.unlink()
    (folder / ENVIRONMENTS.name).symlink_to(ENVIRONMENTS)
