"""The paper exchange as a layer: only its function mounts it, and it runs without that function as well."""

import shutil
from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "paper_exchange"


def finish(target: Path) -> None:
    """Copy the package paper_exchange into `target` (the layer's python/)."""
    shutil.copytree(SOURCE, target / "paper_exchange", ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
