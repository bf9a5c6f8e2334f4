"""Steps that only this layer needs: keep ccxt with the chosen venues and without the other hundred.

Imported whole, ccxt takes 1.8 s of CPU without bytecode and 75 MB; one venue takes a fifteenth of that. The layer keeps the base,
the chosen venues' synchronous classes and a package `__init__` that imports a venue at its first use.
"""

import ast
import runpy
import shutil
from pathlib import Path
from typing import Any

# A venue needs its parents: binanceusdm is a subclass of binance.
VENUES = ("binance", "binanceusdm")
KEPT_FILES = ("__init__.py", *(f"{venue}.py" for venue in VENUES))
KEPT_FOLDERS = ("abstract", "base")
# Keys that sign with elliptic curves or RSA; accounts usually sign with HMAC, which the standard library has. The signing layer
# holds the package, for functions that act for accounts.
SIGNING = "cryptography.hazmat"
SIGNING_MODULES = frozenset(
    {
        SIGNING,
        f"{SIGNING}.primitives",
        f"{SIGNING}.primitives.asymmetric",
        f"{SIGNING}.primitives.asymmetric.utils",
        f"{SIGNING}.primitives.serialization",
    }
)
LAZY_VENUES = Path(__file__).resolve().parent / "lazy_venues.py"

edits: Any = runpy.run_path(str(Path(__file__).resolve().parents[1] / "deferring.py"))


def finish(target: Path) -> None:
    """Prune ccxt in `target` (the layer's python/) and make its venues lazy."""
    package = target / "ccxt"
    venues = {path.stem for path in package.glob("*.py")} - {"__init__"}
    for path in package.iterdir():
        if path.is_dir() and path.name not in KEPT_FOLDERS:
            shutil.rmtree(path)
        elif path.is_file() and path.name not in KEPT_FILES:
            path.unlink()
    for path in (package / "abstract").glob("*.py"):
        if path.stem not in {"__init__", *VENUES}:
            path.unlink()
    initial = package / "__init__.py"
    initial.write_text(make_lazy(initial.read_text(encoding="utf-8"), venues), encoding="utf-8")
    edits["defer_imports"](package / "base" / "exchange.py", SIGNING_MODULES)
    without_guessing(target)


def without_guessing(target: Path) -> None:
    """Requests without the package that guesses an answer's encoding where none is given: requests then takes UTF-8."""
    shutil.rmtree(target / "charset_normalizer")
    for library in target.glob("*__mypyc.*.so"):  # its compiled part
        library.unlink()
    edits["replace_once"](target / "requests" / "compat.py", "\nchardet = _resolve_char_detection()\n", "\nchardet = None\n")
    edits["replace_once"](
        target / "requests" / "__init__.py",
        """    else:
        warnings.warn(
            "Unable to find acceptable character detection dependency "
            "(chardet or charset_normalizer).",
            RequestsDependencyWarning,
        )
""",
        "",
    )


def make_lazy(source: str, venues: set[str]) -> str:
    """ccxt's own `__init__` without the imports of venues and with VENUES imported on first use.

    Raises SystemExit when ccxt's file is no longer laid out as this expects.
    """
    tree = ast.parse(source)
    eager = [node for node in tree.body if isinstance(node, ast.ImportFrom) and _venue(node) in venues]
    listed = [node for node in tree.body if isinstance(node, ast.Assign) and _assigns(node, "exchanges")]
    if {_venue(node) for node in eager} < set(VENUES) or len(listed) != 1:
        raise SystemExit("ccxt/__init__.py is not what layers/exchange/layer.py was written for: look at it again")
    listed[0].value = ast.List([ast.Constant(venue) for venue in VENUES], ast.Load())
    tree.body = [node for node in tree.body if node not in eager]
    return ast.unparse(tree) + "\n\n" + LAZY_VENUES.read_text(encoding="utf-8")


def _venue(node: ast.ImportFrom) -> str | None:
    package, _, module = (node.module or "").partition(".")
    return module if package == "ccxt" else None


def _assigns(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
