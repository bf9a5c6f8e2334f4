"""Show how the followers of a strategy have done day by day: returns on capital, and no money of anybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import accumulate

from candlecast.domain.strategies.days import A_DAY, DayPage, DaySums
from candlecast.domain.strategies.record import public_until
from candlecast.ports.clock import Clock
from candlecast.ports.store import StrategyStore
from candlecast.services.strategies.admit_reader import Admission


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyDay:
    """The trades of all followers that closed on a day (UTC)."""

    day: date
    sums: DaySums
    cumulative_return_percent: Decimal
    """Sum of the days' mean returns, of all days of the answer up to this one; summed and not compounded."""


@dataclass(frozen=True, slots=True)
class StrategyEquity:
    """The days with trades on the strategy's own venue, oldest first, and the days that were asked for."""

    venue: str
    page: DayPage
    days: Sequence[StrategyDay]


@dataclass(frozen=True, slots=True)
class ShowStrategyEquity:
    """Reads the sums by day of the strategy's own venue; one query."""

    strategies: StrategyStore
    clock: Clock

    def __call__(self, admitted: Admission, first: date | None, last: date | None) -> StrategyEquity:
        """The days from `first` to `last`; without them the last thirty.

        A reader who may not see decisions as they happen sees whole days whose trades are all public. Raises `InvalidValue`.
        """
        strategy, now = admitted.strategy, self.clock.now()
        newest = now.date() if admitted.sees_decisions else public_until(strategy, now).date() - A_DAY
        page = DayPage.of(first, last, newest)
        read = self.strategies.strategy_days(strategy.strategy_id, strategy.venue, page.first, page.last)
        sums = accumulate(sums.return_percent for sums in read.values())
        days = [
            StrategyDay(day=day, sums=sums_of_day, cumulative_return_percent=total)
            for (day, sums_of_day), total in zip(read.items(), sums, strict=True)
        ]
        return StrategyEquity(strategy.venue, page, days)
