"""Moves imports of a package's source to the place of their use, so that a cold start pays only for a message's needs.

Libraries import modules for features that we never use: keys with which ccxt signs, botocore's writing of its documentation.
Those imports cost more than our own code. The edit is made in the layer alone, line by line. Lines that are not moved stay as
published, the licence included. A source with an unexpected layout stops the build.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef


def defer_imports(path: Path, modules: frozenset[str]) -> None:
    """Move the top-level imports of `modules` (as the source names them) in the file to the functions that use their names.

    A class attribute that is made of such a name is set by the function that first reads it. Raises SystemExit when a module is
    not imported there, or is used where nothing can be moved.
    """
    path.write_text(deferred(path.read_text(encoding="utf-8"), modules, str(path)), encoding="utf-8")


def replace_once(path: Path, old: str, new: str) -> None:
    """Replace a text that the file holds exactly once; raises SystemExit when it does not."""
    source = path.read_text(encoding="utf-8")
    if source.count(old) != 1:
        raise SystemExit(f"{path} is not what the layer was written for: look at {old!r} again")
    path.write_text(source.replace(old, new), encoding="utf-8")


LAZY_NAMES = """
_SOURCES = {sources}


def __getattr__(name):
    from importlib import import_module

    if name not in _SOURCES:
        raise AttributeError(f"module {{__name__!r}} has no attribute {{name!r}}")
    return getattr(import_module(_SOURCES[name], __name__), name)
"""


def defer_names(path: Path) -> None:
    """Let a package's `__init__` import its re-exported names when they are asked for.

    Raises SystemExit if the `__init__` does more than re-export.
    """
    source = path.read_text(encoding="utf-8")
    imports = [node for node in ast.parse(source).body if isinstance(node, ast.ImportFrom)]
    others = [node for node in ast.parse(source).body if not isinstance(node, ast.ImportFrom | ast.Expr | ast.Assign)]
    if not imports or others:
        raise SystemExit(f"{path} does more than to re-export: look at it again")
    sources = {it.asname or it.name: "." * node.level + (node.module or "") for node in imports for it in node.names}
    gone = {line for node in imports for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    kept = [line for number, line in enumerate(source.splitlines(), start=1) if number not in gone]
    path.write_text("\n".join(kept) + "\n" + LAZY_NAMES.format(sources=sources), encoding="utf-8")


def deferred(source: str, modules: frozenset[str], name: str) -> str:
    """The source with the imports of `modules` moved."""
    tree, lines = ast.parse(source), source.splitlines()
    moved: dict[str, tuple[ast.stmt, str]] = {}  # a name, or a class attribute's -> where it stood, what makes it
    found = set()
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom) and modules & (imported := set(_modules(node))):
            found |= imported
            moved |= {(it.asname or it.name.partition(".")[0]): (node, ast.unparse(node)) for it in node.names}
    for owner in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        for node in owner.body:
            if isinstance(node, ast.Assign) and _names(node) & set(moved):
                (target,) = (it.id for it in node.targets if isinstance(it, ast.Name))
                moved[target] = (node, f"{owner.name}.{ast.unparse(node)}")
    if found != modules:
        raise SystemExit(f"{name} does not import {', '.join(sorted(modules - found))} alone: look at it again")
    places = {id(node): node for node, _ in moved.values()}
    inserted: dict[int, list[str]] = {}
    for function in _functions(tree):
        statements = _needed(_names(function) - _bound(function), moved)
        first = next((it for it in function.body if not _is_text(it)), function.body[0])
        if statements and (_is_text(first) or first.lineno == function.lineno):
            raise SystemExit(f"{name}: nothing can be moved into {function.name}")
        inserted.setdefault(first.lineno, []).extend(" " * first.col_offset + it for it in statements)
    if stays := _names_outside(tree, places) & set(moved):
        raise SystemExit(f"{name} uses {', '.join(sorted(stays))} while it is imported")
    gone = {line for node in places.values() for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    kept = [
        piece
        for number, line in enumerate(lines, start=1)
        for piece in (*inserted.get(number, ()), *(() if number in gone else (line,)))
    ]
    return "\n".join(kept) + "\n"


def _modules(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [it.name for it in node.names]
    return ["." * node.level + (node.module or "")]


def _functions(tree: ast.Module) -> Iterator[Function]:
    """Outermost functions: those of the module and of its classes."""
    for node in tree.body:
        for inner in [node, *(node.body if isinstance(node, ast.ClassDef) else ())]:
            if isinstance(inner, Function):
                yield inner


def _needed(names: set[str], moved: dict[str, tuple[ast.stmt, str]]) -> list[str]:
    """The statements that make `names`, those first that others are made of."""
    wanted: dict[str, None] = {}
    for name in sorted(names & set(moved)):
        node, statement = moved[name]
        if isinstance(node, ast.Assign):
            wanted |= dict.fromkeys(_needed(_names(node.value), moved))
        wanted[statement] = None
    return list(wanted)


def _names(node: ast.AST) -> set[str]:
    """Names and attributes that are read anywhere below the node."""
    return {
        it.id if isinstance(it, ast.Name) else it.attr
        for it in ast.walk(node)
        if (isinstance(it, ast.Name) or (isinstance(it, ast.Attribute) and isinstance(it.ctx, ast.Load)))
    }


def _bound(function: Function) -> set[str]:
    """Names that are the function's own."""
    return {
        it.arg if isinstance(it, ast.arg) else it.id
        for it in ast.walk(function)
        if isinstance(it, ast.arg) or (isinstance(it, ast.Name) and isinstance(it.ctx, ast.Store))
    }


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _names_outside(tree: ast.Module, places: dict[int, ast.stmt]) -> set[str]:
    """Names that are read while the module is imported: in its statements, class bodies, decorators and defaults."""
    names: set[str] = set()
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if id(node) in places:
            continue
        if isinstance(node, Function):
            pending += [*node.decorator_list, *node.args.defaults, *(it for it in node.args.kw_defaults if it)]
        elif isinstance(node, ast.Name):
            names.add(node.id)
        else:
            pending += ast.iter_child_nodes(node)
    return names
