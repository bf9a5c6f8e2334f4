"""Ask for the days to be compared that a person names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from candlecast.domain.parity.parity import days_since
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.ports.clock import Clock
from candlecast.ports.parity import ParityStore
from candlecast.ports.queue import ParityQueue
from candlecast.ports.store import StrategyStore
from candlecast.services.parity.ask_daily import task_of
from candlecast.services.strategies.change_strategy import Author

REPEAT_AFTER = timedelta(minutes=10)  # the queue is everybody's: a month takes minutes of it, and says the same for a while
AUTHORS_REPEAT_AFTER = timedelta(days=1)  # of a whole day: slow code takes minutes for each, and the night's comparisons wait


@dataclass(frozen=True, slots=True)
class AskParity:
    """Sends a task for each day of one strategy."""

    strategies: StrategyStore
    days: ParityStore
    queue: ParityQueue
    clock: Clock

    def __call__(self, author: Author, strategy_id: str, since: date) -> list[date]:
        """Ask for the days from `since` until today (UTC), both included; returns those that will be compared.

        Its authors may, and an operator for every strategy. A day that was compared within `REPEAT_AFTER` is left out, and for
        authors a day that was compared as a whole within `AUTHORS_REPEAT_AFTER`.
        Raises `NotFound`, `Conflict` (NO_CODE) for a source from outside, `RetryLater` if a task was not taken. Raises
        `InvalidValue` (PARITY_SPAN_INVALID) for no day or more than a month.
        """
        strategy = self.strategies.get_strategy(strategy_id)
        if not (author.is_operator or strategy.may_change(author.tenant_id)):
            raise NotFound("no such strategy")
        if strategy.timeframe is None:
            raise Conflict("NO_CODE", "signals from outside have no code to compare with")
        now = self.clock.now()
        wanted = days_since(since, now.date())
        known = self.days.list_days(strategy_id, wanted[0], wanted[-1])
        whole = REPEAT_AFTER if author.is_operator else AUTHORS_REPEAT_AFTER
        fresh = {each.day for each in known if abs(now - each.checked_at) < (whole if each.is_whole else REPEAT_AFTER)}
        days = [day for day in wanted if day not in fresh]
        self.queue.send_parity([task_of(strategy_id, day, now) for day in days])
        return days
