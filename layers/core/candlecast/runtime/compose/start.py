"""How a function starts: its parts are imported and put together once, out of the garbage collector's sight.

Those parts stay for the life of the environment. The collector would search them while they are made, and again whenever a
message makes many objects, and find no garbage (decision 0049).
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect no garbage inside, and exempt the objects alive at the end from later collections."""
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_collecting:
            gc.enable()


def once[T](build: Callable[[], T]) -> Callable[[], T]:
    """Let `build` run at the first call only, uncollected, and return its value at every call."""

    @cache
    @wraps(build)
    def built() -> T:
        with uncollected():
            return build()

    return built
