"""Every call of a port is a boundary at which a function can die, be slow, or be overtaken by somebody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, cast

from candlecast.adapters.dynamodb.single_table.table import RETRY_AFTER_SECONDS
from candlecast.domain.values.errors import RetryLater
from verification.simulation.chronicle import Chronicle
from verification.simulation.profile import Profile

SLOW_CALLS = 0.1  # the share of calls that may take as long as the profile allows
ALL_LOST = 0.5  # the share of lost answers whose retry by the SDK is lost, too
IDEMPOTENT = frozenset({"pools.change"})  # a transaction: the SDK repeats it under the token of its first try
MAX_DEPTH = 2  # somebody overtakes a function, and is overtaken in turn; deeper nesting adds nothing new


class Crash(BaseException):
    """The process is gone: no `except` of the product may see it, and nothing after it runs."""


@dataclass(slots=True)
class _Visit:
    """One invocation of a function: when it is killed, and when it last asked the gate."""

    ends_at: datetime
    gate_read_at: datetime | None = None


@dataclass(slots=True)
class Crossings:
    """Counts boundaries and decides what happens at each; all chance comes from `random`.

    `meantime` lets arrive what was on its way while a call took its time; `meanwhile` is what somebody else does between two
    calls. `crash_at` kills at exactly one boundary, for exhaustive runs.
    """

    chronicle: Chronicle
    random: Random
    profile: Profile
    meantime: Callable[[], None]
    crash_at: int | None = None
    meanwhile: Callable[[], None] | None = None
    count: int = 0
    called_at: datetime | None = None  # when the call left us that takes effect now
    labels: list[str] = field(default_factory=list)
    _visits: list[_Visit] = field(default_factory=list)

    @contextmanager
    def visit(self, seconds: float) -> Iterator[None]:
        """One invocation of a function, which is killed once its time-out has passed."""
        self._visits.append(_Visit(self.chronicle.clock.now() + timedelta(seconds=seconds)))
        try:
            yield
        finally:
            self._visits.pop()

    def gate_was_read(self, asked_at: datetime | None) -> None:
        """The visit that is under way has an answer from the gate, for a question at `asked_at`.

        `asked_at` is None while the visit has no answer.
        """
        if self._visits:
            self._visits[-1].gate_read_at = asked_at

    @property
    def gate_read_at(self) -> datetime | None:
        """When the visit that is under way has last asked the gate."""
        return self._visits[-1].gate_read_at if self._visits else None

    def cross(self, label: str) -> None:
        """Pass one boundary, or die at it."""
        if not self._visits:
            return
        self.count += 1
        self.chronicle.steps += 1
        self.labels.append(label)
        profile, clock = self.profile, self.chronicle.clock
        slow = self.random.random() < SLOW_CALLS
        clock.advance(self.random.uniform(0, profile.slowest_call_seconds if slow else profile.usual_call_seconds))
        self.meantime()
        dies = self.count == self.crash_at or self.random.random() < profile.crash or clock.now() > self._visits[-1].ends_at
        if dies:
            self.chronicle.fault("crash", label)
            raise Crash(label)
        if self.meanwhile and len(self._visits) < MAX_DEPTH and self.random.random() < profile.overtake:
            self.chronicle.fault("overtaken", label)
            self.meanwhile()

    def throttle(self, label: str) -> None:
        """The store refuses a request before anything of it is done."""
        if self._visits and self.random.random() < self.profile.store_refuses:
            self.chronicle.fault("store_throttled", label)
            raise RetryLater("STORE_UNAVAILABLE", "throttled", after_seconds=RETRY_AFTER_SECONDS)

    def lose_answer[T](self, label: str, answer: T, again: Callable[[], T]) -> T:
        """The store's answer is lost: the SDK asks `again`, and may lose that answer too."""
        if not self._visits or self.random.random() >= self.profile.store_answer_lost:
            return answer
        self.chronicle.fault("store_answer_lost", label)
        if self.random.random() < ALL_LOST:
            raise RetryLater("STORE_UNAVAILABLE", "no answer", after_seconds=RETRY_AFTER_SECONDS)
        return again()


class _Watched:
    def __init__(self, port: Any, name: str, crossings: Crossings) -> None:
        self._port, self._name, self._crossings = port, name, crossings

    def __getattr__(self, method: str) -> Any:
        value = getattr(self._port, method)
        if not callable(value):
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            label, called_at = f"{self._name}.{method}", self._crossings.chronicle.clock.now()
            self._crossings.cross(f"before {label}")
            self._crossings.called_at = called_at
            answer = self._called(label, lambda: value(*args, **kwargs))
            self._crossings.cross(f"after {label}")
            return watched(answer, "venue", self._crossings) if method == "connect" else answer

        return call

    def _called(self, label: str, call: Callable[[], Any]) -> Any:
        return call()


class _WatchedStore(_Watched):
    def _called(self, label: str, call: Callable[[], Any]) -> Any:
        self._crossings.throttle(label)
        answer = call()
        again = (lambda: answer) if label in IDEMPOTENT else call
        return self._crossings.lose_answer(label, answer, again)


def watched[P](port: P, name: str, crossings: Crossings) -> P:
    """`port` with a boundary before and after the effect of each of its calls; so is a venue that it connects to."""
    return cast("P", _Watched(port, name, crossings))


def watched_store[P](port: P, name: str, crossings: Crossings) -> P:
    """The same for a table: it also throttles, and its answers may be lost."""
    return cast("P", _WatchedStore(port, name, crossings))
