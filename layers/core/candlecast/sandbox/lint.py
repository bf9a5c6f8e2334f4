"""Friendly messages about a source, before it is run: with the line, without numpy, in milliseconds.

This is no boundary. Code can hide all that is looked for here. The locks of the child hold the code; the lint saves honest
authors a round. The text is parsed, and nothing of it is run.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from contextlib import suppress
from io import StringIO
from itertools import islice
from tokenize import TokenError, generate_tokens

from candlecast.domain.strategies.versions import MAX_SOURCE_BYTES
from candlecast.ports.code_checks import CodeHint
from candlecast.sandbox.modules import is_allowed, refusal
from candlecast.sandbox.protocol.refusal import SandboxRefusal

FILE = "strategy.py"  # the name of every uploaded source in messages and tracebacks
INVALID = "STRATEGY_FILE_INVALID"
# Names, numbers, signs and ends of lines; a text in quotes counts as one, and so does a comment. The parser takes a kilobyte for
# each, and the API, which parses, has a gigabyte. A strategy of a thousand lines has ten thousand.
MAX_TOKENS = 100_000
MAX_HINTS = 20  # nobody reads more at once
# Names that the child takes away.
ABSENT_NAMES = frozenset({"__import__", "breakpoint", "compile", "eval", "exec", "exit", "help", "input", "open", "quit"})
# Names by which code climbs from a value to the interpreter.
CLIMBING = frozenset(
    {"__bases__", "__base__", "__builtins__", "__code__", "__globals__", "__mro__", "__subclasses__", "f_back", "f_globals"}
)
ABSENT_OF_NUMPY = frozenset({"ctypeslib", "fromfile", "genfromtxt", "load", "loadtxt", "memmap", "random", "save", "savetxt"})


def lint(source: bytes) -> tuple[CodeHint, ...]:
    """Check an uploaded source; the hints are about code that may never run, by line.

    Raises `SandboxRefusal` STRATEGY_FILE_INVALID with the line. Reasons: over `MAX_SOURCE_BYTES` or `MAX_TOKENS`, no UTF-8, a
    syntax error, an import that does not exist there, not exactly one class that extends `Strategy[...]`.
    """
    tree = _parsed(source)
    for node in ast.walk(tree):
        for name in _imported(node):
            if not is_allowed(name):
                raise _refused(refusal(name), getattr(node, "lineno", None))
    _require_one_class(tree)
    return tuple(sorted(_hints(tree), key=lambda hint: hint.line)[:MAX_HINTS])


def _parsed(source: bytes) -> ast.Module:
    if len(source) > MAX_SOURCE_BYTES:
        raise _refused(f"over {MAX_SOURCE_BYTES} bytes", None)
    try:
        text = source.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused("not UTF-8", source.count(b"\n", 0, error.start) + 1) from None
    if "\0" in text:
        raise _refused("a zero byte is no Python", text.count("\n", 0, text.index("\0")) + 1)
    _require_few_tokens(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, FILE)
    except SyntaxError as error:
        raise _refused(error.msg, error.lineno or 1) from None
    except (RecursionError, MemoryError, ValueError):
        raise _refused("too deeply nested", None) from None


def _require_few_tokens(text: str) -> None:
    tokens = generate_tokens(StringIO(text).readline)
    with suppress(SyntaxError, TokenError):  # the parser tells it in better words, and gets no further
        for token in islice(tokens, MAX_TOKENS, MAX_TOKENS + 1):
            raise _refused(f"over {MAX_TOKENS} names, numbers and signs", token.start[0])


def _imported(node: ast.AST) -> Iterator[str]:
    """Full names of the modules that a node imports; a name that is no module belongs to its module."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        if module == "candlecast":
            yield from (f"{module}.{alias.name}" for alias in node.names)
        else:
            yield module


def _require_one_class(tree: ast.Module) -> None:
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    names = {"Strategy"} | {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name == "Strategy" and alias.asname
    }
    found = [node for node in classes if any(_named(base) in names for base in node.bases)]
    if len(found) == 1:
        return
    told = ", ".join(f"{node.name} (line {node.lineno})" for node in found[:MAX_HINTS]) or "no class"
    line = found[1].lineno if found else None
    raise _refused(f"a strategy file defines exactly one class that extends Strategy[...], this one {told}", line)


def _named(base: ast.expr) -> str:
    """The name before the brackets of `Strategy[P]` or `strategy.Strategy[P]`; empty for a base without brackets."""
    named = base.value if isinstance(base, ast.Subscript) else None
    return named.attr if isinstance(named, ast.Attribute) else named.id if isinstance(named, ast.Name) else ""


def _hints(tree: ast.Module) -> Iterator[CodeHint]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in ABSENT_NAMES:
            yield CodeHint(node.lineno, f"{node.id} does not exist in the sandbox")
        elif isinstance(node, ast.Attribute) and node.attr in CLIMBING:
            yield CodeHint(node.lineno, f"{node.attr} leads nowhere in the sandbox")
        elif isinstance(node, ast.Attribute) and _is_numpy(node.value) and node.attr in ABSENT_OF_NUMPY:
            yield CodeHint(node.lineno, f"numpy.{node.attr} does not work in the sandbox: no files, no randomness")


def _is_numpy(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id in ("np", "numpy")


def _refused(message: str, line: int | None) -> SandboxRefusal:
    return SandboxRefusal(INVALID, f"{FILE}:{line or 1}: {message}", line=line or 1)
