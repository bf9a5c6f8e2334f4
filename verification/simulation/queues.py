"""Queues that deliver at least once: a FIFO one that blocks a group behind its first message, and one without order."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from candlecast.domain.values.errors import Conflict, RetryLater
from candlecast.runtime.batch import FIFO_PAUSES_SECONDS, PAUSES_SECONDS, pause_seconds
from tests.support.fakes.clock import FakeClock
from verification.simulation.chronicle import Chronicle
from verification.simulation.crossings import Crash, Crossings
from verification.simulation.exchange import Later
from verification.simulation.profile import Profile

DEDUPLICATION_WINDOW = timedelta(minutes=5)  # of an SQS FIFO queue


@dataclass(slots=True)
class Delivery[M]:
    """A message on its way, with how often it was received."""

    message: M
    receives: int = 0


@dataclass(slots=True)
class Consumer[M]:
    """A function behind a queue: its use case, its time-out, and how long its messages stay invisible after a crash."""

    name: str
    use_case: Callable[[M], object]
    timeout_seconds: float
    visibility_seconds: float
    max_receives: int


@dataclass(slots=True)
class Workshop:
    """The parts that all queues share."""

    chronicle: Chronicle
    random: Random
    profile: Profile
    crossings: Crossings
    later: Later

    @property
    def clock(self) -> FakeClock:
        return self.chronicle.clock

    def repeats(self, kind: str) -> bool:
        """Whether a message comes once more than it should."""
        again = self.random.random() < self.profile.repeat
        if again:
            self.chronicle.fault(kind)
        return again


def consume[M](workshop: Workshop, consumer: Consumer[M], delivery: Delivery[M], conflict_pause: float) -> float | None:
    """Receive a message once: None if it is done, else the seconds after which it comes back."""
    delivery.receives += 1
    told = f"{consumer.name}, receive {delivery.receives} of {_name(delivery.message)}"
    workshop.chronicle.tell(f"{told} begins")
    try:
        with workshop.crossings.visit(consumer.timeout_seconds):
            consumer.use_case(delivery.message)
            workshop.crossings.cross(f"return {consumer.name}")
    except Crash:
        workshop.chronicle.tell(f"{told} has died")
        return consumer.visibility_seconds
    except RetryLater as error:
        workshop.chronicle.tell(f"{told} comes back: {error.code}")
        return pause_seconds(error, delivery.receives)
    except Conflict as error:
        workshop.chronicle.tell(f"{told} comes back: {error.code}")
        return conflict_pause
    workshop.chronicle.tell(f"{told} is done")
    return None


def _name(message: object) -> str:
    """The subject of a message, in a few words."""
    signal = getattr(message, "signal", None)
    whom = getattr(message, "account_id", None) or getattr(message, "market", "all followers")
    return str(whom) if signal is None else f"{signal.action} {signal.signal_id[:6]} for {whom}"


class StandardQueue[M]:
    """Unordered: messages come when they are due, some of them twice; spent ones are kept in `dead`."""

    def __init__(self, workshop: Workshop, consumer: Consumer[M]) -> None:
        self._workshop, self._consumer = workshop, consumer
        self.dead: list[M] = []
        self.under_way = 0

    def put(self, message: M, delay_seconds: float = 0) -> None:
        workshop = self._workshop
        copies = 2 if workshop.repeats("message_repeated") else 1
        for _ in range(copies):
            jitter = workshop.random.uniform(0, workshop.profile.jitter_seconds)
            self.under_way += 1
            self._deliver_at(workshop.clock.now() + timedelta(seconds=delay_seconds + jitter), Delivery(message))

    def redrive(self) -> None:
        """Put the dead letters back, as an operator does."""
        dead, self.dead = self.dead, []
        for message in dead:
            self.put(message)

    def _deliver_at(self, at: datetime, delivery: Delivery[M]) -> None:
        def deliver() -> None:
            again = consume(self._workshop, self._consumer, delivery, PAUSES_SECONDS[0])
            if again is None:
                self.under_way -= 1
            elif delivery.receives >= self._consumer.max_receives:
                self.under_way -= 1
                self._workshop.chronicle.tell(f"dead letter: {_name(delivery.message)}")
                self.dead.append(delivery.message)
            else:
                self._deliver_at(self._workshop.clock.now() + timedelta(seconds=again), delivery)

        self._workshop.later(at, deliver)


class FifoQueue[M]:
    """Ordered by group; a repeat of a key within the window is dropped; a message that comes back blocks its group."""

    def __init__(
        self, workshop: Workshop, consumer: Consumer[M], group: Callable[[M], str], key: Callable[[M], Hashable]
    ) -> None:
        self._workshop, self._consumer, self._group, self._key = workshop, consumer, group, key
        self._waiting: defaultdict[str, deque[Delivery[M]]] = defaultdict(deque)
        self._busy: set[str] = set()
        self._seen: dict[Hashable, datetime] = {}
        self.dead: list[M] = []
        self.put_messages: list[M] = []
        self.receives = 0

    @property
    def under_way(self) -> int:
        return sum(len(waiting) for waiting in self._waiting.values())

    def put(self, message: M) -> None:
        now, key = self._workshop.clock.now(), self._key(message)
        if key in self._seen and now - self._seen[key] < DEDUPLICATION_WINDOW:
            return
        self._seen[key] = now
        self.put_messages.append(message)
        self._append(message)

    def redrive(self) -> None:
        """Put the dead letters back behind everything else, as an operator does."""
        dead, self.dead = self.dead, []
        for message in dead:
            self._append(message)

    def _append(self, message: M) -> None:
        group = self._group(message)
        self._waiting[group].append(Delivery(message))
        if group not in self._busy:
            self._next(group, self._workshop.random.uniform(0, self._workshop.profile.jitter_seconds))

    def _next(self, group: str, after_seconds: float) -> None:
        self._busy.add(group)
        self._workshop.later(self._workshop.clock.now() + timedelta(seconds=after_seconds), lambda: self._deliver(group))

    def _deliver(self, group: str) -> None:
        waiting, workshop = self._waiting[group], self._workshop
        self.receives += 1
        again = consume(workshop, self._consumer, waiting[0], FIFO_PAUSES_SECONDS[0])
        if again is None and workshop.repeats("fifo_message_repeated"):
            again = self._consumer.visibility_seconds  # done, and the function died before it could say so
        elif again is None:
            waiting.popleft()
        elif waiting[0].receives >= self._consumer.max_receives:
            self.dead.append(waiting.popleft().message)
        self._busy.discard(group)
        if waiting:
            self._next(group, again or 0)
