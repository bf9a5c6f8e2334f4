"""Show how a subscription or an account has done day by day, from its closed trades."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import accumulate

from candlecast.domain.strategies.days import DayPage
from candlecast.domain.strategies.statistics import Statistics
from candlecast.ports.clock import Clock
from candlecast.ports.store import AccountStore, History, SubscriptionStore


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityDay:
    """The trades that closed on a day (UTC)."""

    day: date
    statistics: Statistics
    cumulative_net_pnl: Decimal
    """Quote units after fees and funding, of all days of the answer up to this one."""


@dataclass(frozen=True, slots=True)
class Equity:
    """The days with trades, oldest first, and the days that were asked for."""

    page: DayPage
    days: Sequence[EquityDay]

    @property
    def total(self) -> Statistics:
        """Sums over the days."""
        return sum((it.statistics for it in self.days), Statistics())


@dataclass(frozen=True, slots=True)
class ShowEquity:
    """Reads the sums by day: one query, after a read of the subscription or the account."""

    subscriptions: SubscriptionStore
    accounts: AccountStore
    history: History
    clock: Clock

    def of_subscription(self, tenant_id: str, subscription_id: str, first: date | None, last: date | None) -> Equity:
        """The days from `first` to `last`; without them the last thirty. Raises `NotFound`, `InvalidValue`."""
        subscription = self.subscriptions.get_subscription(tenant_id, subscription_id)
        page = DayPage.of(first, last, self.clock.now().date())
        if subscription.account_id is None:
            return Equity(page, ())
        return self._read(tenant_id, subscription.account_id, page, subscription_id)

    def of_account(self, tenant_id: str, account_id: str, first: date | None, last: date | None) -> Equity:
        """The same of all subscriptions of an account."""
        self.accounts.load(tenant_id, account_id)
        return self._read(tenant_id, account_id, DayPage.of(first, last, self.clock.now().date()))

    def _read(self, tenant_id: str, account_id: str, page: DayPage, subscription_id: str | None = None) -> Equity:
        read = self.history.daily_statistics(tenant_id, account_id, page.first, page.last, subscription_id)
        sums = accumulate(statistics.net_pnl for statistics in read.days.values())
        days = [
            EquityDay(day=day, statistics=statistics, cumulative_net_pnl=total)
            for (day, statistics), total in zip(read.days.items(), sums, strict=True)
        ]
        return Equity(page.until(read.next_day), days)
