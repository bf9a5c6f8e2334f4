"""Waits of tests: for a fact, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable

POLL_SECONDS = 0.02
WAIT_SECONDS = 900.0  # ends a test that hangs; a slow machine needs far less


def until[T](read: Callable[[], T], ready: Callable[[T], bool] = bool, seconds: float = WAIT_SECONDS) -> T:
    """Read until the value is ready, and return the last value either way: the assertion is the test's."""
    end = time.monotonic() + seconds
    while not ready(value := read()) and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
    return value
