"""Questions to git: the files of this checkout, the files that a branch has touched, the subjects of its commits."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MAX_SUBJECT = 60
NOT_READ = re.compile(r"\.(?:lock|gz|json|csv|png|svg|txt)$|(?:^|/)(?:LICENSE|\.gitignore)$")
NOT_OURS = {".git", ".venvs", "build", ".aws-sam", "node_modules", "__pycache__"}
NOT_OURS |= {".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".import_linter_cache"}


class NoGit(RuntimeError):
    """Git is missing, this is no checkout, or git does not know the commit."""


@dataclass(frozen=True)
class Commit:
    """A commit by its short hash, and the first line of its message."""

    name: str
    subject: str

    def complaint(self) -> str | None:
        """Why the subject breaks the rule, or None. The mood of a verb is for people to judge."""
        if len(self.subject) > MAX_SUBJECT:
            return f"{len(self.subject)} characters, at most {MAX_SUBJECT}: {self.subject}"
        if self.subject.endswith("."):
            return f"a subject has no full stop: {self.subject}"
        return None


def files(root: Path) -> list[PurePosixPath]:
    """Every file that git tracks or would track; without git every file that is not made by our own tools."""
    try:
        listed = git(root, "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    except NoGit:
        within = (path.relative_to(root) for path in root.rglob("*"))
        listed = [path.as_posix() for path in within if not NOT_OURS & set(path.parts)]
    return _readable(root, listed)


def touched(root: Path, base: str) -> list[PurePosixPath]:
    """Files that differ from the point at which this branch left `base`, new ones included. Raises `NoGit`."""
    left_at = git(root, "merge-base", base, "HEAD").strip()
    changed = git(root, "diff", "--name-only", "--diff-filter=d", left_at).splitlines()
    return _readable(root, [*changed, *git(root, "ls-files", "--others", "--exclude-standard").splitlines()])


def commits(root: Path, after: str) -> list[Commit]:
    """Commits that are not merges, from the newest back to `after`, without that. Raises `NoGit`."""
    lines = git(root, "log", "--no-merges", "--format=%h %s", f"{after}..HEAD").splitlines()
    return [Commit(name, subject) for name, _, subject in (line.partition(" ") for line in lines)]


def changed_since_release(root: Path) -> list[PurePosixPath]:
    """Files that have other text than at the last release's tag, new files included; none before a tag. Raises `NoGit`."""
    if not git(root, "tag", "--list", "v*").strip():
        return []
    release = git(root, "describe", "--tags", "--match", "v*", "--abbrev=0").strip()
    lines = git(root, "diff", "--name-status", "--find-renames", "--diff-filter=d", release).splitlines()
    changed = [line.split("\t")[-1] for line in lines if not line.startswith("R100")]
    return _readable(root, [*changed, *git(root, "ls-files", "--others", "--exclude-standard").splitlines()])


def versions(root: Path, path: PurePosixPath, after: str) -> Iterator[tuple[str, str]]:
    """The text of a file at the commit `after` and at each later commit that changed the file. Raises `NoGit`."""
    later = git(root, "log", "--first-parent", "--format=%h", f"{after}..HEAD", "--", str(path)).split()
    for commit in (*later, git(root, "rev-parse", "--short", after).strip()):
        yield commit, git(root, "show", f"{commit}:{path}")


def git(root: Path, *words: str) -> str:
    """The output of git. Raises `NoGit` with its complaint."""
    try:
        process = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)  # noqa: S603, S607
    except OSError as error:
        raise NoGit("git is not installed") from error
    if process.returncode:
        raise NoGit(process.stderr.strip())
    return process.stdout


def _readable(root: Path, names: list[str]) -> list[PurePosixPath]:
    return [PurePosixPath(name) for name in sorted(set(names)) if not NOT_READ.search(name) and (root / name).is_file()]
