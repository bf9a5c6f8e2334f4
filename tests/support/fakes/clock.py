"""Time, ids and measures under a test's control."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta

from tests.support.builders import NOW

ID_LENGTH = 32  # as random ids have: a vault's request token may not be shorter


class FakeClock:
    """A clock that stands still until it is told to move."""

    def __init__(self, now: datetime = NOW) -> None:
        self.instant = now

    def now(self) -> datetime:
        return self.instant

    def advance(self, seconds: float) -> datetime:
        """Move on and return the new time."""
        self.instant += timedelta(seconds=seconds)
        return self.instant

    def set(self, now: datetime) -> None:
        self.instant = now


class SequentialIdentifiers:
    """id000...001, id000...002 and so on."""

    def __init__(self, prefix: str = "id") -> None:
        self._prefix = prefix
        self._count = 0

    def new(self) -> str:
        self._count += 1
        return f"{self._prefix}{self._count:0{ID_LENGTH - len(self._prefix)}d}"


class RecordingMetrics:
    """Keeps what was measured."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.durations_ms: defaultdict[str, list[float]] = defaultdict(list)
        self.durations_s: defaultdict[str, list[float]] = defaultdict(list)
        self.measured_bps: defaultdict[str, list[float]] = defaultdict(list)

    def count(self, name: str, value: float = 1) -> None:
        self.counts[name] += value  # type: ignore[assignment]

    def milliseconds(self, name: str, value: float) -> None:
        self.durations_ms[name].append(value)

    def seconds(self, name: str, value: float) -> None:
        self.durations_s[name].append(value)

    def basis_points(self, name: str, value: float) -> None:
        self.measured_bps[name].append(value)
