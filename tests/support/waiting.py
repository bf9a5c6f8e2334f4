"""Waits of tests: for a fact, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable

POLL_SECONDS = 0.02
WAIT_SECONDS = 300.0  # ends a test that hangs; a slow machine needs far less
LONGEST_SHOWN = 2_000  # characters of a value that was never ready


def until[T](read: Callable[[], T], ready: Callable[[T], bool] = bool, seconds: float = WAIT_SECONDS) -> T:
    """Read until the value is ready, and return it. Raises AssertionError with the last value if it never is."""
    end = time.monotonic() + seconds
    while not ready(value := read()):
        assert time.monotonic() < end, f"not ready within {seconds:.0f} s: {repr(value)[:LONGEST_SHOWN]}"
        time.sleep(POLL_SECONDS)
    return value
