"""One version: the package's, the API's, the command's and the changelog's newest release."""

from __future__ import annotations

import re
import tomllib

import candlecast
from functions.api.app import create_app
from infra.local.project import ROOT
from tests.unit.command_line.running import run

CHANGELOG = ROOT / "CHANGELOG.md"


def test_package_api_and_command_have_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == "layers/core/candlecast/__init__.py"
    assert re.fullmatch(r"\d+\.\d+\.\d+", candlecast.__version__)
    assert create_app().version == candlecast.__version__
    assert run("--version").stdout == f"candlecast {candlecast.__version__}\n"


def test_the_newest_release_of_the_changelog_is_this_one() -> None:
    releases = re.findall(r"^## \[?(\d+\.\d+\.\d+)", CHANGELOG.read_text(encoding="utf-8"), re.MULTILINE)
    assert releases[0] == candlecast.__version__
