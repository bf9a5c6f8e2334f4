"""The process of one run: load what a strategy may use, lock, and only then read the request and run the code.

`python -I -S` starts it with three open descriptors: the request, the log of both outputs, and the result. The result gets two
lines: the locks that hold, written before any code of the strategy runs, and the outcome. Then the process ends at once.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
from typing import Any

from candlecast.sandbox.lock import Locks, apply
from candlecast.sandbox.modules import ALLOWED_MODULES
from candlecast.sandbox.protocol.refusal import SANDBOX_RESULT_INVALID

REQUEST = 0  # the descriptor of standard input
CHUNK = 1 << 16


def main(result: int, cpu_seconds: float, locks: dict[str, bool]) -> None:
    """Run one request from standard input; `result` is the descriptor that gets the two lines. Does not return."""
    for name in sorted(ALLOWED_MODULES):
        importlib.import_module(name)
    from candlecast.sandbox import jobs  # with numpy, so before the locks

    sys.modules["numpy.random"] = None  # type: ignore[assignment] # the layer has it for the engine of backtests
    sys.path.clear()  # nothing can be read any more; a late import says that there is no such module
    sys.path_importer_cache.clear()
    gc.freeze()
    held = apply(Locks(**locks), cpu_seconds)
    _write(result, json.dumps(held))
    outcome = _as_json(jobs.run(_read()))
    for stream in (sys.stdout, sys.stderr):
        _flush(stream)
    _write(result, outcome)
    os._exit(0)


def _read() -> bytes:
    chunks = []
    while chunk := os.read(REQUEST, CHUNK):
        chunks.append(chunk)
    os.close(REQUEST)
    return b"".join(chunks)


def _as_json(outcome: dict[str, Any]) -> str:
    try:
        return json.dumps(outcome, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError):  # values of the strategy's own types
        return json.dumps({"error": {"code": SANDBOX_RESULT_INVALID, "message": "no JSON", "line": None, "row": None}})


def _write(result: int, line: str) -> None:
    data = line.encode() + b"\n"
    while data:
        data = data[os.write(result, data) :]


def _flush(stream: Any) -> None:
    try:
        stream.flush()
    except (OSError, ValueError, AttributeError):  # closed or replaced by the strategy
        return
