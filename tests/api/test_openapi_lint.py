"""Two linters that others wrote find nothing in the description."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.routes import document

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / ".venvs" / "openapi" / "bin"
RULES = ROOT / "infra" / "lint"
RUN_SECONDS = 300
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


@pytest.fixture
def described(tmp_path: Path) -> Path:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document()), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "words",
    [
        ("spectral", "lint", "--fail-severity=hint", f"--ruleset={RULES / 'spectral.yaml'}"),
        ("redocly", "lint", f"--config={RULES / 'redocly.yaml'}", "--format=stylish"),
    ],
    ids=lambda words: words[0],
)
def test_a_linter_finds_nothing(described: Path, words: tuple[str, ...]) -> None:
    assert (PROGRAMS / words[0]).exists(), "run `sh infra/local/bootstrap.sh openapi`"
    command = [str(PROGRAMS / words[0]), *words[1:], str(described)]
    environment = {**os.environ, **QUIET}
    ran = subprocess.run(command, cwd=described.parent, env=environment, capture_output=True, text=True, timeout=RUN_SECONDS)  # noqa: S603
    assert ran.returncode == 0, ran.stdout + ran.stderr
