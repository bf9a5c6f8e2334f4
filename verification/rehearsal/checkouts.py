"""Another commit of this repository as a folder of its own, built there by the tools of this checkout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from infra.local.deployment import sam_build
from infra.local.project import BUILD, ENVIRONMENTS, architecture
from infra.release.commits import export

CHECKOUTS = BUILD / "checkouts"
STAMP = ".built"  # written last: a folder without it is half made


def built_checkout(commit: str, say: Callable[[str], None]) -> Path:
    """The folder of a commit, exported and built unless that has been done before. Raises CommandError, CalledProcessError."""
    folder = CHECKOUTS / commit[:12]
    if not (folder / STAMP).exists():
        export(commit, folder)
        (folder / ENVIRONMENTS.name).symlink_to(ENVIRONMENTS)
        sam_build(say, architecture(), folder)
        (folder / STAMP).touch()
    return folder
