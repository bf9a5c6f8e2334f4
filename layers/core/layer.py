"""The shared package as a layer: the code of every function, precompiled like the packages on which the code stands.

SAM's own Python build would copy the sources only, and each cold start would compile all of them again.
"""

import shutil
from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "candlecast"


def finish(target: Path) -> None:
    """Copy the package candlecast into `target` (the layer's python/)."""
    shutil.copytree(SOURCE, target / "candlecast", ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
