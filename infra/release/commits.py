"""Files of another commit of this repository, out of git."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def file_at(commit: str, path: str) -> str:
    """The text of a file at a commit. Raises `CalledProcessError` if git does not know either."""
    command = ["git", "show", f"{commit}:{path}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S603


def archived(commit: str, *paths: str) -> tarfile.TarFile:
    """The files of a commit, or those below some paths, in memory. Raises `CalledProcessError` as `file_at`."""
    command = ["git", "archive", "--format=tar", commit, *paths]
    packed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout  # noqa: S603
    return tarfile.open(fileobj=io.BytesIO(packed))


def export(commit: str, folder: Path) -> None:
    """Put all files of a commit into a folder, which is emptied before. Raises `CalledProcessError` as `file_at`."""
    with archived(commit) as files:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        files.extractall(folder, filter="data")
