"""Makes the TypeScript client: types from the document beside the half by hand, and its packages where both find them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from clients.python_client import ROOT, SECONDS

BY_HAND = ROOT / "clients" / "typescript"
ENVIRONMENT = ROOT / ".venvs" / "openapi"
PROGRAMS = ENVIRONMENT / "bin"


def make(folder: Path, document: Path) -> Path:
    """Write the client into a folder, which need not exist; the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(BY_HAND, folder)
    (folder / "node_modules").symlink_to(ENVIRONMENT / "node_modules")
    types = folder / "api.d.ts"
    run("openapi-typescript", str(document), "--output", str(types), cwd=folder)
    return folder


def run(program: str, *words: str, cwd: Path) -> str:
    """The output of a program of npm, or of node itself. Raises RuntimeError with the words of one that fails."""
    if not (PROGRAMS / program).exists():
        raise FileNotFoundError(f"{PROGRAMS / program} is missing: run `sh infra/local/bootstrap.sh openapi`")
    command = [str(PROGRAMS / program), *words]
    ran = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603
    if ran.returncode:
        raise RuntimeError(f"{program}: {ran.stdout}{ran.stderr}")
    return ran.stdout
