"""Components that are asked whether they answer, and the one item that says what they answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from candlecast.domain.health.health import Health


class Probe(Protocol):
    """One component; its wait is bounded by the client's own time-outs."""

    def check(self) -> None:
        """Return if the component answers; raise otherwise (any error; its text is shown to nobody)."""
        ...


class HealthStore(Protocol):
    """The newest health; a later one takes its place."""

    def load_health(self) -> Health | None:
        """The newest health, None if there never was one. Raises `RetryLater`."""
        ...

    def save_health(self, health: Health) -> None:
        """Raises `RetryLater`."""
        ...
