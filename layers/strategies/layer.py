"""The built-in strategies as a layer of their own: runner and API mount it, the functions that trade do not.

A change of a strategy so deploys one small layer and leaves the shared package alone.
"""

import shutil
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "strategies"


def finish(target: Path) -> None:
    """Copy the top-level package strategies into `target` (the layer's python/)."""
    shutil.copytree(SOURCE, target / "strategies", ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
