"""How many of a strategy's runs decided as a backtest does, as one number for several days: no decision, no parameter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

SHARE_DAYS = 30  # with today: the days of the share that a strategy shows


class ComparedDay(Protocol):
    """A day of parity in numbers: `domain.parity.parity.ParityDay`."""

    @property
    def checked(self) -> int: ...
    @property
    def equal(self) -> int: ...
    @property
    def otherwise(self) -> int: ...
    @property
    def checked_at(self) -> datetime: ...


@dataclass(frozen=True, kw_only=True)
class ParityShare:
    """Several days as one number."""

    days: int = 0
    checked: int = 0
    equal: int = 0
    otherwise: int = 0
    compared_at: datetime | None = None
    """The newest comparison of a run; None if no run was compared."""

    @staticmethod
    def of(days: Iterable[ComparedDay]) -> ParityShare:
        found = list(days)
        return ParityShare(
            days=len(found),
            checked=sum(day.checked for day in found),
            equal=sum(day.equal for day in found),
            otherwise=sum(day.otherwise for day in found),
            compared_at=max((day.checked_at for day in found if day.checked), default=None),
        )

    @property
    def percent(self) -> Decimal | None:
        """Runs in a hundred that decided as the backtest, rounded down to two digits; None without runs.

        A candle that was revised and changed no decision does not count against the strategy.
        """
        if not self.checked:
            return None
        return Decimal((self.checked - self.otherwise) * 10_000 // self.checked) / 100
