"""`python -m infra.words` in a small repository: passes, fails for planted violations, lowers the baseline."""

import subprocess
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from infra.words.__main__ import main
from infra.words.ratchet import FILE, Baseline
from infra.words.repository import Commit, files

OLD = "# Old\n\nWhat is old may stay.\n"
GLOSSARY = "# Glossary\n\n## Words that we prefer\n\n| say | not | example |\n|---|---|---|\n| repair | mend | x |\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    write(tmp_path, "docs/GLOSSARY.md", GLOSSARY)
    write(tmp_path, "docs/old.md", OLD)
    write(tmp_path, FILE.as_posix(), "{}")
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    commit(tmp_path, "Begin, with a subject that is far longer than the sixty characters that are allowed")
    Baseline(git(tmp_path, "rev-parse", "HEAD"), {"docs/old.md": {"unclear-subject": 1}}).write(tmp_path)
    commit(tmp_path, "Add a baseline")
    return tmp_path


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def git(root: Path, *words: str) -> str:
    identity = (
        "-c",
        "user.name=T",
        "-c",
        "user.email=t@example.com",
        "-c",
        "commit.gpgsign=false",
        "-c",
        "core.hooksPath=/dev/null",
    )
    return subprocess.run(["git", *identity, *words], cwd=root, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603, S607


def commit(root: Path, subject: str) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", subject)


def test_a_repository_within_its_baseline_passes(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], repository) == 0
    assert "passed, 1 violations of 1 allowed" in capsys.readouterr().out


def test_a_new_file_with_a_violation_fails_and_names_the_line(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(repository, "docs/new.md", "# New\n\nWhoever reads this stumbles.\n")
    assert main([], repository) == 1
    assert "docs/new.md:3: 'Whoever'" in capsys.readouterr().out


def test_a_file_that_gets_worse_fails(repository: Path) -> None:
    write(repository, "docs/old.md", OLD + "\nWhat is new may not.\n")
    assert main([], repository) == 1


def test_a_long_subject_after_the_base_fails(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(repository, "docs/plain.md", "# Plain\n")
    commit(repository, "Explain everything in the first line, so that nobody needs the second")
    assert main([], repository) == 1
    assert "69 characters, at most 60" in capsys.readouterr().out


def test_a_base_that_git_does_not_know_is_said(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Baseline("0" * 40, Baseline.read(repository).files).write(repository)
    assert main([], repository) == 0
    assert "subjects of commits are not checked" in capsys.readouterr().out


def test_an_update_lowers_the_baseline_for_good(repository: Path) -> None:
    write(repository, "docs/old.md", "# Old\n\nOld text may stay.\n")
    assert main(["--update"], repository) == 0
    assert Baseline.read(repository).files == {}
    write(repository, "docs/old.md", OLD)
    assert main(["--update"], repository) == 1


def test_a_renewed_baseline_follows_files_that_were_moved(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(repository, "mv", "docs/old.md", "docs/moved.md")
    assert main([], repository) == 1
    assert main(["--renew"], repository) == 0
    assert "raised from 0 to 1: docs/moved.md: unclear-subject" in capsys.readouterr().out
    assert Baseline.read(repository).files == {"docs/moved.md": {"unclear-subject": 1}}


def test_a_renewed_baseline_that_allows_more_fails_before_and_after_its_commit(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replace(Baseline.read(repository), counts_after=git(repository, "rev-parse", "HEAD")).write(repository)
    commit(repository, "Bound the counts")
    write(repository, "docs/old.md", OLD + "\nWhat is new may not.\n")
    assert main(["--renew"], repository) == 1
    assert "docs/old.md: unclear-subject: raised from 1 in " in capsys.readouterr().out
    commit(repository, "Raise a count")
    assert main([], repository) == 1
    write(repository, "docs/old.md", OLD)
    assert main(["--update"], repository) == 0


def test_a_moved_file_keeps_its_count(repository: Path) -> None:
    replace(Baseline.read(repository), counts_after=git(repository, "rev-parse", "HEAD")).write(repository)
    git(repository, "mv", "docs/old.md", "docs/moved.md")
    assert main(["--renew"], repository) == 0


def test_without_history_the_check_says_that_the_baseline_is_not_compared(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replace(Baseline.read(repository), counts_after="0" * 40).write(repository)
    assert main([], repository) == 0
    assert "the baseline is not compared with earlier ones" in capsys.readouterr().out


def test_a_file_that_is_changed_after_a_release_has_to_be_clean(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(repository, "docs/old.md", OLD + "\nNew text.\n")
    assert main([], repository) == 0, "before the first release"
    commit(repository, "Add a text")
    git(repository, "tag", "v1.0.0")
    git(repository, "mv", "docs/old.md", "docs/moved.md")
    assert main(["--renew"], repository) == 0, "only moved"
    write(repository, "docs/moved.md", OLD + "\nNewer text.\n")
    assert main([], repository) == 1
    assert "docs/moved.md: changed since the last release, and not clean" in capsys.readouterr().out


def test_touched_files_are_listed_with_all_that_they_hold(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--touched", "main"], repository) == 0
    git(repository, "switch", "--quiet", "--create", "branch")
    write(repository, "docs/old.md", OLD + "\nNew text.\n")
    assert main(["--touched", "main"], repository) == 1
    assert "docs/old.md:3: unclear-subject" in capsys.readouterr().out
    assert main(["--touched", "nowhere"], repository) == 2


def test_named_files_are_listed(repository: Path) -> None:
    assert main(["--list", str(repository / "docs" / "old.md")], repository) == 1
    assert main(["--list", str(repository / "docs")], repository) == 1
    assert main(["--list", str(repository / "docs" / "GLOSSARY.md")], repository) == 0


def test_files_are_found_without_git_too(tmp_path: Path) -> None:
    for name in ("docs/a.md", "build/made.md", ".venvs/dev/b.md", "LICENSE", "x.lock"):
        write(tmp_path, name, "# A\n")
    assert files(tmp_path) == [PurePosixPath("docs/a.md")]


@pytest.mark.parametrize(
    ("subject", "complaint"),
    [("x" * 60, None), ("x" * 61, "61 characters"), ("Store ids.", "full stop")],
)
def test_a_subject_is_at_most_sixty_characters(subject: str, complaint: str | None) -> None:
    found = Commit("abc", subject).complaint()
    assert found is None if complaint is None else found and complaint in found
