"""Results by day (UTC): the days of one answer, and the days of a strategy over all its followers.

A strategy's days hold returns on capital and no money. A tenant counts with the mean of their subscriptions, so nobody weighs
more by following twice.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, timedelta
from decimal import Decimal

from candlecast.domain.strategies.record import PLACES
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import HUNDRED, ZERO

A_DAY = timedelta(days=1)
MAX_DAYS = 366  # of one answer: a whole year, which is some 6,000 rows of a strategy
USUAL_DAYS = 30  # where nobody names the first day
FIRST_DAY = date(2000, 1, 1)  # a day of trading before it is a slip
MAX_COUNTED_SUBSCRIPTIONS = 50  # of a tenant on a day: the mean of fifty says enough, and the tenant's item stays small


@dataclass(frozen=True)
class DayPage:
    """The days of one answer."""

    first: date
    last: date
    """Included."""
    following: date | None = None
    """First day of the next answer; None after the last."""

    @staticmethod
    def of(first: date | None, last: date | None, today: date) -> DayPage:
        """The first answer for the days from `first` to `last`; without them the last thirty days, and none beyond today.

        Raises `InvalidValue` if the days are in the wrong order.
        """
        end = today if last is None else max(FIRST_DAY, min(last, today))
        start = max(FIRST_DAY, end - (USUAL_DAYS - 1) * A_DAY) if first is None else max(FIRST_DAY, first)
        if start > end:
            raise InvalidValue(f"the first day, {start}, is after the last one, {end}")
        if (end - start).days < MAX_DAYS:
            return DayPage(start, end)
        following = start + MAX_DAYS * A_DAY
        return DayPage(start, following - A_DAY, following)

    def until(self, following: date | None) -> DayPage:
        """The same, ended before `following` if not all days were read."""
        return self if following is None else DayPage(self.first, following - A_DAY, following)


@dataclass(frozen=True, kw_only=True)
class DaySums:
    """Sums of a strategy's day over tenants."""

    tenants: int = 0
    """Tenants with a trade that closed on the day."""
    trades: int = 0
    """Trades that closed on the day."""
    returns: Decimal = ZERO
    """Returns on capital after fees and funding, a fraction: the sum of the tenants' means over their subscriptions."""

    def __add__(self, other: DaySums) -> DaySums:
        return DaySums(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(DaySums)})

    def __sub__(self, other: DaySums) -> DaySums:
        return DaySums(**{f.name: getattr(self, f.name) - getattr(other, f.name) for f in fields(DaySums)})

    @property
    def return_percent(self) -> Decimal:
        """Mean return of a tenant on the day, per cent of capital; 0 without trades."""
        return (HUNDRED * self.returns / max(self.tenants, 1)).quantize(Decimal("0.0001"))


@dataclass(frozen=True, kw_only=True)
class TenantDay:
    """One tenant's trades with a strategy on a venue that closed on one day."""

    trades: int = 0
    returns: Decimal = ZERO
    """Sum of the trades' returns on capital after fees and funding, a fraction."""
    subscriptions: tuple[str, ...] = ()
    """Subscriptions that are counted, at most `MAX_COUNTED_SUBSCRIPTIONS`."""

    def with_trade(self, subscription_id: str, trade_return: Decimal, earlier: Decimal | None = None) -> TenantDay:
        """The day with one more trade, or with the corrected return of a trade that counted as `earlier`.

        The same day for a trade of a subscription that is not counted.
        """
        is_counted = subscription_id in self.subscriptions
        if earlier is not None:
            return replace(self, returns=self.returns + trade_return - earlier) if is_counted else self
        if not is_counted and len(self.subscriptions) >= MAX_COUNTED_SUBSCRIPTIONS:
            return self
        return TenantDay(
            trades=self.trades + 1,
            returns=self.returns + trade_return,
            subscriptions=self.subscriptions if is_counted else (*self.subscriptions, subscription_id),
        )

    @property
    def part(self) -> DaySums:
        """The tenant's part of the strategy's day."""
        if not self.subscriptions:
            return DaySums()
        mean = (self.returns / len(self.subscriptions)).quantize(PLACES)
        return DaySums(tenants=1, trades=self.trades, returns=mean)
