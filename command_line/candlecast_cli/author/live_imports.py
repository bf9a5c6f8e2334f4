"""The modules that a strategy may import live: the standard library, numpy as its layer has it, and `candlecast.strategy`."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

# `UNUSED` of layers/strategies/layer.py, and the randomness that the sandbox withholds. numpy.core has the names of numpy 1.
CUT_OF_NUMPY = ("numpy.core", "numpy.ctypeslib", "numpy.f2py", "numpy.random", "numpy.testing")
OURS = "candlecast.strategy"


def foreign_imports(source: Path) -> list[tuple[int, str]]:
    """Line and name of each module that a source names and that no live run has, by line. The source must be sound Python."""
    tree = ast.parse(source.read_bytes())
    numpy = {
        alias.asname or "numpy"
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == "numpy" or (alias.name.startswith("numpy.") and not alias.asname)
    }
    named = {(line, name) for node in ast.walk(tree) for line, name in _named(node, numpy)}
    return sorted((line, name) for line, name in named if not _is_live(name))


def _named(node: ast.AST, numpy: set[str]) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Import):
        yield from ((node.lineno, alias.name) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        if module in ("candlecast", "numpy"):
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)
        else:
            yield node.lineno, module
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in numpy:
        yield node.lineno, f"numpy.{node.attr}"


def _is_live(name: str) -> bool:
    if name.partition(".")[0] == "numpy":
        return not any(name == cut or name.startswith(f"{cut}.") for cut in CUT_OF_NUMPY)
    return name == OURS or name.startswith(f"{OURS}.") or name.partition(".")[0] in sys.stdlib_module_names
