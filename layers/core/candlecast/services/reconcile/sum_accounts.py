"""Sum holdings and results of all accounts of a tenant: by currency, play money apart from real money."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from candlecast.domain.account.account import Account
from candlecast.domain.market.market import quote_of
from candlecast.domain.strategies.days import DayPage
from candlecast.domain.strategies.statistics import Statistics
from candlecast.domain.values.money import ZERO
from candlecast.domain.venue.rules import rules_of
from candlecast.ports.clock import Clock
from candlecast.ports.store import AccountStore, History, SubscriptionStore
from candlecast.ports.totals import ResultSums
from candlecast.services.reconcile.value_positions import ValuedPosition, ValuePositions


@dataclass(frozen=True, slots=True, order=True)
class Currency:
    """A currency of play money, or of real money."""

    is_paper: bool
    quote: str
    """Quote asset; empty for results whose currency is not known."""


@dataclass(slots=True)
class Total:
    """Holdings and results of all accounts in one currency; money in its units."""

    currency: Currency
    accounts: int = 0
    """Accounts with a balance in it."""
    equity: Decimal = ZERO
    balances_as_of: datetime | None = None
    """When the oldest of the balances was told; None without one."""
    open_positions: int = 0
    unpriced_positions: int = 0
    """Open positions without a price, which are not in `unrealised_pnl`."""
    unrealised_pnl: Decimal = ZERO
    open_fees: Decimal = ZERO
    open_funding: Decimal = ZERO
    closed: Statistics = field(default_factory=Statistics)
    """Sums over all closed trades."""

    @property
    def fees(self) -> Decimal:
        """Of closed trades and of open positions."""
        return self.closed.fees + self.open_fees

    @property
    def funding(self) -> Decimal:
        """Received less paid, of closed trades and of open positions."""
        return self.closed.funding + self.open_funding

    @property
    def net_pnl(self) -> Decimal:
        return self.closed.pnl + self.unrealised_pnl - self.fees + self.funding

    def add_balance(self, amount: Decimal, as_of: datetime) -> None:
        self.accounts += 1
        self.equity += amount
        self.balances_as_of = as_of if self.balances_as_of is None else min(self.balances_as_of, as_of)

    def add_position(self, valued: ValuedPosition) -> None:
        self.open_positions += 1
        self.open_fees += valued.position.fees
        self.open_funding += valued.position.funding
        if valued.unrealised_pnl is None:
            self.unpriced_positions += 1
        else:
            self.unrealised_pnl += valued.unrealised_pnl


@dataclass(frozen=True, slots=True)
class TotalDay:
    """The trades of all accounts that closed on a day (UTC) in one currency."""

    day: date
    currency: Currency
    statistics: Statistics
    cumulative_net_pnl: Decimal
    """Of all days of the answer up to this one, in this currency."""


@dataclass(frozen=True, slots=True)
class TotalDays:
    """The days with trades, oldest first, and the days that were asked for."""

    page: DayPage
    days: Sequence[TotalDay]


@dataclass(frozen=True, slots=True)
class SumAccounts:
    """Reads what is counted already; no trade is read. An account that is gone from the list counts as live."""

    accounts: AccountStore
    subscriptions: SubscriptionStore
    history: History
    sums: ResultSums
    value: ValuePositions
    clock: Clock

    def __call__(self, tenant_id: str) -> Sequence[Total]:
        """The totals by currency, real money first.

        Two requests for accounts, and one each for positions, subscriptions and their sums; beyond a megabyte one more for
        each. Then one for the prices of each venue. A retired account has no balance here, since nobody looks at it any more.
        """
        accounts = {it.account_id: it for it in self.accounts.list_accounts(tenant_id)}
        totals: dict[Currency, Total] = {}

        def total(account_id: str | None, quote: str) -> Total:
            currency = Currency(_is_paper(accounts.get(account_id or "")), quote)
            return totals.setdefault(currency, Total(currency))

        for account in accounts.values():
            if account.balance is not None and account.retired_at is None:
                for asset, amount in account.balance.by_currency.items():
                    total(account.account_id, asset).add_balance(amount, account.balance.as_of)
        venues = {account_id: account.venue for account_id, account in accounts.items()}
        for valued in self.value.valued(self.history.list_positions(tenant_id), venues):
            total(valued.position.account_id, quote_of(valued.position.market)).add_position(valued)
        owners = {it.subscription_id: it.account_id for it in self.subscriptions.list_subscriptions(tenant_id)}
        for subscription_id, quoted in self.sums.of_subscriptions(tenant_id).items():
            found = total(owners.get(subscription_id), quoted.quote)
            found.closed += quoted.statistics
        return [totals[currency] for currency in sorted(totals)]

    def by_day(self, tenant_id: str, first: date | None, last: date | None) -> TotalDays:
        """The days from `first` to `last`; without them the last thirty. Raises `InvalidValue`.

        Two requests for accounts, and one for each of them. An account with very many days ends the answer for all accounts at
        the same day.
        """
        page = DayPage.of(first, last, self.clock.now().date())
        sums: defaultdict[tuple[date, Currency], Statistics] = defaultdict(Statistics)
        unread: list[date] = []
        for account in self.accounts.list_accounts(tenant_id):
            read = self.sums.of_days(tenant_id, account.account_id, page.first, page.last)
            for (day, quote), statistics in read.sums.items():
                sums[day, Currency(_is_paper(account), quote)] += statistics
            if read.next_day is not None:
                unread.append(read.next_day)
        following = min(unread, default=None)
        whole = {place: sums[place] for place in sorted(sums) if following is None or place[0] < following}
        return TotalDays(page.until(following), _added_up(whole))


def _is_paper(account: Account | None) -> bool:
    return account is not None and rules_of(account.venue).is_paper


def _added_up(sums: Mapping[tuple[date, Currency], Statistics]) -> Sequence[TotalDay]:
    running: defaultdict[Currency, Decimal] = defaultdict(lambda: ZERO)
    days: list[TotalDay] = []
    for (day, currency), statistics in sums.items():
        running[currency] += statistics.net_pnl
        days.append(TotalDay(day, currency, statistics, running[currency]))
    return days
