"""The modules that an uploaded strategy may import: the child loads them before its locks, and the lint knows them.

After the locks nothing can be read from files, so any other import would fail, in words that help nobody.
"""

from __future__ import annotations

# Clocks, randomness, files and processes are missing on purpose: the same candles give the same signals.
STANDARD = (
    "__future__",
    "abc",
    "array",
    "bisect",
    "cmath",
    "collections",
    "collections.abc",
    "contextlib",
    "copy",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "heapq",
    "itertools",
    "json",
    "math",
    "numbers",
    "operator",
    "re",
    "statistics",
    "string",
    "types",
    "typing",
    "warnings",
)
NUMPY = (
    "numpy",
    "numpy.exceptions",
    "numpy.fft",
    "numpy.lib.stride_tricks",
    "numpy.linalg",
    "numpy.ma",
    "numpy.polynomial",
    "numpy.typing",
)
OURS = (
    "candlecast.strategy",
    "candlecast.strategy.candles",
    "candlecast.strategy.errors",
    "candlecast.strategy.guard",
    "candlecast.strategy.higher",
    "candlecast.strategy.indicators",
    "candlecast.strategy.levels",
    "candlecast.strategy.parameters",
    "candlecast.strategy.signals",
)
ALLOWED_MODULES = frozenset((*STANDARD, *NUMPY, *OURS))
ROOTS = (*sorted({name.partition(".")[0] for name in (*STANDARD, *NUMPY)} - {"__future__"}), "candlecast.strategy")


def is_allowed(name: str) -> bool:
    """Whether a module of that full name can be imported."""
    return name in ALLOWED_MODULES or (name == "candlecast")


def refusal(name: str) -> str:
    """The words for the author of an import that cannot work."""
    return f"module {name[:60]!r} is not available in the sandbox; available are {', '.join(ROOTS)}"
