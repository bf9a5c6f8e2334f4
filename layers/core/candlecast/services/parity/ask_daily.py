"""Ask each night for yesterday to be compared, of all followed strategies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import batched

from candlecast.domain.parity.parity import A_DAY
from candlecast.domain.signals.messages import ParityTask
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.firing import require_recent
from candlecast.domain.values.ids import digest
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.clock import Clock
from candlecast.ports.firings import FiringStore
from candlecast.ports.queue import ParityQueue
from candlecast.ports.store import StrategyStore

MAX_FIRING_AGE = timedelta(hours=12)  # a firing of the night asks for the day before it until noon; later, a person names days
SENT_AT_ONCE = 1_000  # tasks: of more, only these are in memory


@dataclass(frozen=True, slots=True)
class AskParityDaily:
    """Sends a task for each followed strategy. One whose last follower has left since is asked for by people alone."""

    strategies: StrategyStore
    queue: ParityQueue
    firings: FiringStore
    clock: Clock

    def __call__(self, scheduled_at: datetime) -> int:
        """Ask for the day before the firing; returns for how many strategies. A retry asks again, which changes no result.

        Raises `FiringRefused` for a firing that is too old or still to come, `RetryLater`.
        """
        now = self.clock.now()
        require_recent(scheduled_at, now, MAX_FIRING_AGE)
        day, asked = scheduled_at.date() - A_DAY, 0
        for some in batched(self._followed(), SENT_AT_ONCE, strict=False):
            self.queue.send_parity([task_of(strategy_id, day, now) for strategy_id in some])
            asked += len(some)
        with suppress(RetryLater):  # all days are asked for: a repeat would ask again, and the watch tells a person
            self.firings.note_parity(scheduled_at)
        return asked

    def _followed(self) -> Iterator[str]:
        for timeframe in Timeframe:
            for venue, market in self.strategies.followed_markets(timeframe):
                for definition in self.strategies.followed_strategies(timeframe, venue, market):
                    yield definition.strategy_id
            for _, _, strategy_id in self.strategies.followed_uploads(timeframe):
                yield strategy_id


def task_of(strategy_id: str, day: date, asked_at: datetime | None = None) -> ParityTask:
    """The task of a day; without `asked_at` it is compared in any case."""
    correlation_id = digest("parity", strategy_id, day.isoformat())
    return ParityTask(strategy_id=strategy_id, day=day, correlation_id=correlation_id, asked_at=asked_at)
