"""Track record: the sums over closed trades. Counters are additive, so that they can be kept by atomic increments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal

from candlecast.domain.values.money import HUNDRED, ZERO


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """Sums over closed trades; money in quote units, pnl before fees and funding."""

    trades: int = 0
    wins: int = 0
    losses: int = 0
    pnl: Decimal = ZERO
    fees: Decimal = ZERO
    gross_profit: Decimal = ZERO
    gross_loss: Decimal = ZERO
    funding: Decimal = ZERO

    @staticmethod
    def of(pnl: Decimal, fees: Decimal, funding: Decimal = ZERO) -> Statistics:
        """The sums of a single trade: its profit before both, its fees, its funding. A win has a profit after both."""
        net_pnl = pnl - fees + funding
        won = net_pnl > 0
        return Statistics(
            trades=1,
            wins=int(won),
            losses=int(not won),
            pnl=pnl,
            fees=fees,
            gross_profit=max(net_pnl, ZERO),
            gross_loss=max(-net_pnl, ZERO),
            funding=funding,
        )

    def __add__(self, other: Statistics) -> Statistics:
        return Statistics(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(Statistics)})

    def __sub__(self, other: Statistics) -> Statistics:
        return Statistics(**{f.name: getattr(self, f.name) - getattr(other, f.name) for f in fields(Statistics)})

    @property
    def net_pnl(self) -> Decimal:
        return self.pnl - self.fees + self.funding

    @property
    def win_rate_percent(self) -> Decimal | None:
        """Share of winning trades; None before the first."""
        return None if self.trades == 0 else (HUNDRED * self.wins / self.trades).quantize(Decimal("0.01"))

    @property
    def profit_factor(self) -> Decimal | None:
        """Gross profit over gross loss; None before the first loss."""
        return None if self.gross_loss == 0 else (self.gross_profit / self.gross_loss).quantize(Decimal("0.001"))


@dataclass(frozen=True, kw_only=True)
class QuotedStatistics:
    """Sums over closed trades, with the currencies of their markets."""

    statistics: Statistics
    quotes: frozenset[str] = frozenset()
    """Quote assets of the trades; empty in sums without a trade since quotes are kept."""

    @property
    def quote(self) -> str:
        """The one quote asset of the sums; empty if it is not known, or if there are several."""
        return next(iter(self.quotes)) if len(self.quotes) == 1 else ""


@dataclass(frozen=True, kw_only=True)
class DailyStatistics:
    """Sums over the trades that closed on each day (UTC), in the order of days. A day without trades is left out."""

    days: Mapping[date, Statistics]
    next_day: date | None = None
    """First day that was not read, because the bound of one answer was reached; None: all were read."""
