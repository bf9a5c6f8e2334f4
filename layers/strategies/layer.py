"""Built-in strategies and the packages with which they compute: runner and API mount both, the functions that trade neither.

Numpy comes without its Fortran bridge, C headers and tests. Packages with which a strategy may compute stay, though no built-in
strategy uses them (fft, linalg, ma, polynomial). Random numbers stay for the bands of a backtest: the sandbox takes them away.
"""

import shutil
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "strategies"
# Folders and files; libraries by the beginning of their names, since the endings differ by machine.
UNUSED = (
    "_configtool.py",
    "_core/_multiarray_tests.*",
    "_core/_operand_flag_tests.*",
    "_core/_rational_tests.*",
    "_core/_simd.*",
    "_core/_struct_ufunc_tests.*",
    "_core/_umath_tests.*",
    "_core/include",
    "_pyinstaller",
    "conftest.py",
    "core",  # names of numpy 1
    "ctypeslib",
    "f2py",
    "testing",
    "typing/mypy_plugin.py",
)


def finish(target: Path) -> None:
    """Copy the top-level package strategies into `target` (the layer's python/), and cut numpy there."""
    shutil.copytree(SOURCE, target / "strategies", ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    for pattern in UNUSED:
        found = list((target / "numpy").glob(pattern))
        if not found:
            raise SystemExit(f"numpy has no {pattern}: review UNUSED for the new numpy")
        for path in found:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
