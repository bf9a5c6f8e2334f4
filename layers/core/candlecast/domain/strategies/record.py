"""The record of a strategy over all its followers' closed trades: returns on capital, in which no tenant weighs too much.

Each tenant counts with the mean of their own trades. The weight of that mean is the number of trades, up to `MAX_TENANT_TRADES`.
Each trade adds the change of its tenant's part to the sums of all tenants, so a reader adds up a few rows.
No sum holds money, so nobody learns from a record how much a tenant trades with.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from decimal import Decimal

from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.statistics import Statistics
from candlecast.domain.values.money import HUNDRED, ZERO
from candlecast.domain.venue.rules import rules_of

MAX_TENANT_TRADES = 30  # from about thirty values on a mean says something; more of one tenant's trades must not outvote others
MAX_TRADE_RETURN = Decimal(
    1
)  # a return beyond the whole capital says that the capital was set too small, not how good the trade was
PLACES = Decimal("1E-12")  # of every sum: additions stay exact, and a fraction of capital needs no more
EXTERNAL_OUTCOME_DELAY = timedelta(hours=1)  # an external strategy has no candle; its signals trade within minutes


@dataclass(frozen=True, kw_only=True)
class RecordSums:
    """Sums over tenants, each part weighted; returns, gains and losses are fractions of capital after fees."""

    tenants: int = 0
    trades: int = 0
    weight: int = 0
    wins: Decimal = ZERO
    returns: Decimal = ZERO
    gains: Decimal = ZERO
    losses: Decimal = ZERO

    def __add__(self, other: RecordSums) -> RecordSums:
        return RecordSums(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(RecordSums)})

    def __sub__(self, other: RecordSums) -> RecordSums:
        return RecordSums(**{f.name: getattr(self, f.name) - getattr(other, f.name) for f in fields(RecordSums)})


@dataclass(frozen=True, kw_only=True)
class TenantRecord:
    """One tenant's trades with a strategy on a venue, unweighted. `version` is how often the record was written."""

    trades: int = 0
    wins: int = 0
    returns: Decimal = ZERO
    gains: Decimal = ZERO
    losses: Decimal = ZERO
    version: int = 0

    def with_trade(self, trade_return: Decimal) -> TenantRecord:
        """The record with one more trade, whose result is `trade_return` of its capital."""
        return TenantRecord(
            trades=self.trades + 1,
            wins=self.wins + int(trade_return > 0),
            returns=self.returns + trade_return,
            gains=self.gains + max(trade_return, ZERO),
            losses=self.losses + max(-trade_return, ZERO),
            version=self.version + 1,
        )

    def without_trade(self, trade_return: Decimal) -> TenantRecord:
        """The record with one trade less, to count it with another result."""
        return TenantRecord(
            trades=self.trades - 1,
            wins=self.wins - int(trade_return > 0),
            returns=self.returns - trade_return,
            gains=self.gains - max(trade_return, ZERO),
            losses=self.losses - max(-trade_return, ZERO),
            version=self.version,
        )

    @property
    def part(self) -> RecordSums:
        """The tenant's part of the strategy's sums."""
        if self.trades == 0:
            return RecordSums()
        weight = min(self.trades, MAX_TENANT_TRADES)

        def weighted(total: Decimal | int) -> Decimal:
            return (Decimal(total) * weight / self.trades).quantize(PLACES)

        return RecordSums(
            tenants=1,
            trades=self.trades,
            weight=weight,
            wins=weighted(self.wins),
            returns=weighted(self.returns),
            gains=weighted(self.gains),
            losses=weighted(self.losses),
        )


@dataclass(frozen=True, kw_only=True)
class StrategyRecord:
    """A strategy's record on its own venue. Trades on other venues never count, so paper and live never mix."""

    venue: str
    sums: RecordSums
    closed_before: datetime | None = None
    """Trades that closed later are left out; None: nothing is left out."""
    earlier: Statistics = field(default_factory=Statistics)
    """Trades from before records were kept by venue: they may mix venues, so they are told apart and count in nothing else."""

    @property
    def is_paper(self) -> bool:
        return rules_of(self.venue).is_paper

    @property
    def mean_return_percent(self) -> Decimal | None:
        """Mean return of a trade on the subscription's capital, after fees; None before the first trade."""
        return None if self.sums.weight == 0 else (HUNDRED * self.sums.returns / self.sums.weight).quantize(Decimal("0.0001"))

    @property
    def win_rate_percent(self) -> Decimal | None:
        """Share of winning trades; None before the first."""
        return None if self.sums.weight == 0 else (HUNDRED * self.sums.wins / self.sums.weight).quantize(Decimal("0.01"))

    @property
    def profit_factor(self) -> Decimal | None:
        """Gains over losses; None before the first loss."""
        return None if self.sums.losses <= 0 else (self.sums.gains / self.sums.losses).quantize(Decimal("0.001"))


def counted_return(net_pnl: Decimal, capital: Decimal | None) -> Decimal | None:
    """Return of a trade on its capital after fees, within `MAX_TRADE_RETURN`; None for an older trade, without a capital."""
    if capital is None:
        return None
    return max(-MAX_TRADE_RETURN, min(net_pnl / capital, MAX_TRADE_RETURN)).quantize(PLACES)


def window_of(closed_at: datetime) -> datetime:
    """Start of the hour of a trade's close. The trade is counted in that hour too, so a reader can leave the newest hours out.

    Shorter windows are more rows to read for a strategy of days. Longer ones keep an outcome from strangers for longer.
    """
    return closed_at.replace(minute=0, second=0, microsecond=0)


def public_until(definition: StrategyDefinition, now: datetime) -> datetime:
    """Start of the first window that is not public yet: all trades before it are at least one candle old."""
    delay = EXTERNAL_OUTCOME_DELAY if definition.timeframe is None else definition.timeframe.length
    return window_of(now - delay)
