"""The table of releases says what git, the changelog, the package and the template say."""

from __future__ import annotations

import re
import subprocess
from datetime import date
from typing import Any

import pytest
import yaml

import candlecast
from infra.release.commits import ROOT, file_at
from infra.release.table import HEADER, Release, UnusableTable, changed_indexes, indexes_of, releases
from tests.support.transformed import source

RELEASES = releases()
COMMIT = "0123456789abcdef0123456789abcdef01234567"
INDEX: dict[str, Any] = {"KeySchema": [], "Projection": {}}


def git(*words: str) -> list[str]:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()  # noqa: S603, S607


whole_history = pytest.mark.skipif(
    git("rev-parse", "--is-shallow-repository") == ["true"], reason="a shallow clone knows no earlier commit"
)


def table(*rows: str) -> str:
    return "\n".join([HEADER, "|---|---|---|---|---|", *rows, "", "| another | table |"])


def test_a_row_is_a_release() -> None:
    text = table(
        f"| 0.4.0 | `{COMMIT}` | 2026-12-01 | GSI1, GSI2 | events of kind 2 |", f"| 0.3.0 | `{COMMIT}` | 2026-11-30 | | |"
    )
    assert releases(text.replace("| | |", "|  |  |")) == [
        Release("0.4.0", COMMIT, date(2026, 12, 1), ("GSI1", "GSI2")),
        Release("0.3.0", COMMIT, date(2026, 11, 30), ()),
    ]


@pytest.mark.parametrize(
    "rows",
    [
        ("| 0.4.0 | `0123456` | 2026-12-01 | GSI1 | nothing |",),
        (f"| 0.3.0 | `{COMMIT}` | 2026-11-30 | GSI1 | nothing |", f"| 0.4.0 | `{COMMIT}` | 2026-12-01 | GSI1 | nothing |"),
        (f"| 0.3.0 | `{COMMIT}` | 2026-11-30 | GSI1 | nothing |",) * 2,
    ],
    ids=["a short hash", "the oldest first", "twice the same"],
)
def test_what_is_no_table_of_releases_is_refused(rows: tuple[str, ...]) -> None:
    with pytest.raises(UnusableTable):
        releases(table(*rows))


@whole_history
@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.tag)
def test_a_release_is_a_commit_of_this_branch_with_its_number_in_package_and_changelog(release: Release) -> None:
    assert git("merge-base", release.commit, "HEAD") == [release.commit]
    assert f'__version__ = "{release.version}"' in file_at(release.commit, "layers/core/candlecast/__init__.py")
    assert f"\n## [{release.version}] - {release.day}\n" in file_at(release.commit, "CHANGELOG.md")
    assert f"\n## [{release.version}] - {release.day}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_a_tag_of_a_release_stands_on_the_commit_of_its_row_and_no_tag_is_without_a_row() -> None:
    listed = {release.tag: release.commit for release in RELEASES}
    for tag in git("tag", "--list", "v*"):
        assert git("rev-list", "--max-count=1", tag) == [listed.get(tag)], tag


@whole_history
@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.tag)
def test_a_release_has_the_indexes_that_its_row_names(release: Release) -> None:
    then = file_at(release.commit, "template.yaml")
    assert re.findall(r"IndexName: (\w+)", then) == list(release.indexes)


def test_the_package_is_the_last_release_or_a_later_one() -> None:
    version = tuple(int(part) for part in candlecast.__version__.split("."))
    assert not RELEASES or RELEASES[0].number <= version


def test_the_stack_says_its_release() -> None:
    assert source(ROOT / "template.yaml")["Outputs"]["Release"]["Value"] == candlecast.__version__


# -- indexes -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "changed"),
    [
        ({"GSI1": INDEX, "GSI2": INDEX}, set()),
        ({"GSI1": INDEX, "GSI2": INDEX, "GSI3": INDEX}, {"GSI3"}),
        ({"GSI1": INDEX}, {"GSI2"}),
        ({"GSI1": INDEX, "GSI2": {**INDEX, "KeySchema": ["other"]}}, {"GSI2"}),
        ({"GSI1": INDEX, "GSI3": INDEX}, {"GSI2", "GSI3"}),
    ],
)
def test_an_index_that_is_made_removed_or_made_anew_is_a_change(after: dict[str, Any], changed: set[str]) -> None:
    assert changed_indexes({"GSI1": INDEX, "GSI2": INDEX}, after) == changed


@pytest.mark.parametrize("name", ["Table", "PaperTable"])
@whole_history
@pytest.mark.parametrize("release", RELEASES[:1], ids=lambda release: release.tag)
def test_a_release_changes_at_most_one_index_of_a_table(release: Release, name: str) -> None:
    class WithoutTags(yaml.SafeLoader):
        """CloudFormation's short forms as plain values."""

    WithoutTags.add_multi_constructor("!", lambda loader, suffix, node: (suffix, str(node.value)))
    before = yaml.load(file_at(release.commit, "template.yaml"), WithoutTags)  # noqa: S506 - a SafeLoader
    changed = changed_indexes(indexes_of(before, name), indexes_of(source(ROOT / "template.yaml"), name))
    assert len(changed) <= 1, f"make {sorted(changed)} in releases of their own"
