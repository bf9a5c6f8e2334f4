"""What only this layer needs: numpy without its Fortran bridge, C headers and examples."""

import shutil
from pathlib import Path

UNUSED = ("f2py", "_core/include", "random/_examples", "_pyinstaller", "typing/tests", "doc")


def finish(target: Path) -> None:
    """Remove from `target` (the layer's python/) the parts of numpy that computing on arrays never imports."""
    for name in UNUSED:
        shutil.rmtree(target / "numpy" / name, ignore_errors=True)
