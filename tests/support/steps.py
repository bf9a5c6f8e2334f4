"""Count the steps of a call: lines of Python that are executed, the same number on every machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def steps_of(call: Callable[[], object], most: int | None = None) -> int:
    """The lines that `call` executes; stops with an `AssertionError` beyond `most`, so that no test waits for absurd work."""
    steps = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal steps
        if event == "line":
            steps += 1
            if most is not None and steps > most:
                raise AssertionError(f"over {most} steps")
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return steps
