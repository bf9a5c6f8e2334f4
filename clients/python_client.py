"""Makes the Python client: `python -m clients.python_client FOLDER` writes the package `candlecast_client` into a folder.

The generator writes `api`, `models` and their common parts. Sign-in, refusals and time-out are written by hand, beside the
templates. Only the standard library is needed here, since document and generator run in processes of their own. In a checkout
both are found in `.venvs`; where a wheel is built they are in the environment of the build.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAME = "candlecast_client"
BY_HAND = ROOT / "clients" / "python" / NAME
TEMPLATES = ROOT / "clients" / "python" / "templates"
SOURCES = (ROOT, ROOT / "layers" / "core")
SECONDS = 300  # a generation takes seconds; one that hangs ends
CONFIGURATION = f"package_name_override: {NAME}\nproject_name_override: {NAME}\npost_hooks: []\n"


def make(folder: Path, document: Path | None = None) -> Path:
    """Write the package into a folder; its path. `document` is one that was made already."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        if document is None:
            document = place / "openapi.json"
            document.write_bytes(make_document())
        configuration = place / "configuration.yaml"
        configuration.write_text(CONFIGURATION, encoding="utf-8")
        generated = place / NAME
        words = ["generate", "--path", str(document), "--config", str(configuration), "--meta", "none"]
        words += ["--custom-template-path", str(TEMPLATES), "--output-path", str(generated), "--fail-on-warning"]
        _run([_python_with("openapi_python_client", "openapi"), "-m", "openapi_python_client", *words])
        shutil.copytree(BY_HAND, generated, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        (generated / "errors.py").unlink()  # of the generator's own way to refuse, which our templates do not go
        target = folder / NAME
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(generated, target)
    return target


def make_document() -> bytes:
    """The document for clients, from the code of the API."""
    paths = os.pathsep.join([*map(str, SOURCES), *filter(None, [os.environ.get("PYTHONPATH")])])
    return _run([_python_with("fastapi", "dev"), "-m", "clients.document"], PYTHONPATH=paths)


def _python_with(package: str, environment: str) -> str:
    """This Python if it has a package, else the one of the checkout's environment."""
    if importlib.util.find_spec(package):
        return sys.executable
    found = ROOT / ".venvs" / environment / "bin" / "python"
    if not found.exists():
        raise FileNotFoundError(f"{found} is missing: run `sh infra/local/bootstrap.sh {environment}`")
    return str(found)


def _run(command: list[str], **variables: str) -> bytes:
    """The output of a command. Raises RuntimeError with the words of one that fails."""
    environment = {**os.environ, **variables}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=SECONDS, check=False)  # noqa: S603
    if ran.returncode:
        raise RuntimeError(f"{' '.join(command)}: {ran.stdout.decode()}{ran.stderr.decode()}")
    return ran.stdout


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the package in the folder that is named."""
    [folder] = sys.argv[1:] if arguments is None else arguments
    make(Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
