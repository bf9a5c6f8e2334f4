"""Sums over closed trades with their currencies, for totals of a tenant. Apart, since the functions that trade read none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import date

    from candlecast.domain.strategies.statistics import QuotedStatistics, Statistics


@dataclass(frozen=True, slots=True)
class QuotedDays:
    """Sums of an account's trades by the day of their close (UTC) and their quote asset, which is empty if not known."""

    sums: Mapping[tuple[date, str], Statistics]
    next_day: date | None = None
    """First day that was not read, because the bound of one answer was reached; None: all were read."""


class ResultSums(Protocol):
    """Sums over the closed trades of a tenant."""

    def of_subscriptions(self, tenant_id: str) -> Mapping[str, QuotedStatistics]:
        """All sums by the id of their subscription: one query, a request for every megabyte."""
        ...

    def of_days(self, tenant_id: str, account_id: str, first: date, last: date) -> QuotedDays:
        """Sums of an account from `first` to `last`, in the order of days. One query of at most a thousand subscription days."""
        ...
