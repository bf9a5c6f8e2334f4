"""The state that a caller has seen before a change: a use case holds it against the state that its write is conditional on."""

from __future__ import annotations

from collections.abc import Callable

type Expectation[T] = Callable[[T], object]
"""Called with the thing as it was read for the write; raises `PreconditionFailed` if the caller has seen another state of it.

The write then fails if somebody writes in between, and the next attempt asks again. So no change is lost.
"""


def anything(_: object) -> None:
    """Expect nothing: the change is made to the thing as it is."""
