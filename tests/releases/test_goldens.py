"""Golden files of a release stay as they are, and so does its part of the changelog."""

from __future__ import annotations

import json
import re
import subprocess
from functools import cache
from typing import Any

import pytest

from infra.release.commits import ROOT, archived, file_at
from infra.release.table import Release, releases

GOLDENS = "tests/golden"
# Names that the release after the one in the key has taken away on purpose; its changelog says so.
TAKEN_AWAY = {"0.3.0": {"metrics": {"HealthGrade"}}}
SHALLOW = subprocess.run(
    ["git", "rev-parse", "--is-shallow-repository"],  # noqa: S607
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
).stdout.startswith("true")
pytestmark = pytest.mark.skipif(SHALLOW, reason="a shallow clone knows no earlier commit")
each_release = pytest.mark.parametrize("release", releases(), ids=lambda release: release.tag)


@cache
def goldens_of(release: Release) -> dict[str, Any]:
    """The content of each golden file of a release, by its path; who wrote it is left out."""
    with archived(release.commit, GOLDENS) as archive:
        files = {it.name: archive.extractfile(it) for it in archive if it.name.endswith(".json")}
        return {name: without_author(json.load(file)) for name, file in files.items() if file is not None}


def without_author(content: Any) -> Any:
    return {name: value for name, value in content.items() if name != "written_by"} if isinstance(content, dict) else content


def present(path: str) -> Any:
    file = ROOT / path
    return without_author(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None


@each_release
def test_no_golden_item_of_a_release_is_changed_or_gone(release: Release) -> None:
    """Another test reads the files as they are here. So a file that is changed together with the code shows nothing there."""
    items = {path: content for path, content in goldens_of(release).items() if "/names/" not in path}
    assert len(items) > 100
    assert [path for path, content in items.items() if present(path) != content] == []


@each_release
def test_no_golden_name_of_a_release_is_gone_but_for_those_that_a_changelog_takes_away(release: Release) -> None:
    lists = {path: set(names) for path, names in goldens_of(release).items() if "/names/" in path}
    assert lists
    gone = {path.rpartition("/")[2].removesuffix(".json"): names - set(present(path) or ()) for path, names in lists.items()}
    assert {kind: names for kind, names in gone.items() if names} == TAKEN_AWAY.get(release.version, {})
    later = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").partition(f"\n## [{release.version}]")[0]
    assert {name for names in gone.values() for name in names if f"`{name}`" not in later} == set()


@each_release
def test_the_changelog_of_a_release_says_what_it_said_then(release: Release) -> None:
    """A line that lands behind the release's commit is about code that users of the release do not have."""
    assert section((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), release) == section(
        file_at(release.commit, "CHANGELOG.md"), release
    )


def section(changelog: str, release: Release) -> str:
    found = re.search(rf"^## \[{re.escape(release.version)}\].*?(?=^## \[|\Z)", changelog, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[0]
