"""The metrics that each function can publish: those named by modules that the function's code imports, in any depth."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.support.transformed import ROOT

PLACES = {"candlecast": ROOT / "layers" / "core", "functions": ROOT}
NAME = re.compile(r"[A-Z][a-z]+[A-Z]\w+")


def published_by(function: str) -> frozenset[str]:
    """Every name that the function's code could publish as a metric: its string literals in CamelCase."""
    names: set[str] = set()
    seen: set[str] = set()
    waiting = [f"functions.{function}.handler"]
    while waiting:
        module = waiting.pop()
        if module in seen or (path := file_of(module)) is None:
            continue
        seen.add(module)
        imports, literals = contents(path)
        waiting += imports
        names |= literals
    return frozenset(names)


def file_of(module: str) -> Path | None:
    """The file of a module of ours; None for a package without code of its own, and for modules of others."""
    root = PLACES.get(module.partition(".")[0])
    path = None if root is None else root.joinpath(*module.split(".")).with_suffix(".py")
    return path if path is not None and path.is_file() else None


@cache
def contents(path: Path) -> tuple[tuple[str, ...], frozenset[str]]:
    """The modules that a file imports while it runs, and its names in CamelCase."""
    nodes = list(nodes_at_run_time(ast.parse(path.read_text(encoding="utf-8"))))
    imports = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            imports += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    texts = (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return tuple(imports), frozenset(text for text in texts if NAME.fullmatch(text))


def nodes_at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker reads."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from nodes_at_run_time(child)
