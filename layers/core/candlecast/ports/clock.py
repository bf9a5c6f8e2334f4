"""Wall time, randomness and measures as arguments, so that every decision can be replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime


class Clock(Protocol):
    def now(self) -> datetime:
        """Wall time in UTC."""
        ...


class Identifiers(Protocol):
    def new(self) -> str:
        """A fresh random id, letters and digits."""
        ...


class Metrics(Protocol):
    """Counts and durations of one invocation; never by user."""

    def count(self, name: str, value: float = 1) -> None: ...

    def milliseconds(self, name: str, value: float) -> None: ...

    def seconds(self, name: str, value: float) -> None: ...

    def basis_points(self, name: str, value: float) -> None: ...
