"""The instants of the golden items."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """The instant so long after `NOW`."""
    return NOW + timedelta(seconds=seconds)
