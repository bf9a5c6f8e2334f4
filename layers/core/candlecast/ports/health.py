"""The dependencies of a function, asked whether they answer."""

from __future__ import annotations

from typing import Protocol


class Probe(Protocol):
    """One dependency; its wait is bounded by the client's own time-outs."""

    def check(self) -> None:
        """Return if the dependency answers; raise otherwise (any error; its text is shown to nobody)."""
        ...
