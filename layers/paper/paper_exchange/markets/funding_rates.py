"""Funding rates of a market as an operator has set them over market time, so that paying late pays what was in force then."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from paper_exchange.errors import OperatorError

DEFAULT_RATE = Decimal("0.0001")  # the venue's usual one: its interest of 0.01 % in 8 hours
MAX_RATE = Decimal("0.03")  # the venue's widest cap
MAX_RATE_CHANGES = 50  # of a market; they ride in the exchange's state item, 40 bytes each


@dataclass(frozen=True, slots=True)
class FundingRate:
    """A rate from a market time on."""

    from_ms: int
    rate: Decimal


def rate_at(rates: tuple[FundingRate, ...], market_ms: int) -> Decimal:
    """The rate that is in force; zero before the first."""
    return next((change.rate for change in reversed(rates) if change.from_ms <= market_ms), Decimal(0))


def with_rate(rates: tuple[FundingRate, ...], rate: Decimal, market_ms: int) -> tuple[FundingRate, ...]:
    """Another rate from now on; earlier payments stay, and rates that a clock set back has undone are forgotten."""
    kept = tuple(change for change in rates if change.from_ms < market_ms)
    if len(kept) >= MAX_RATE_CHANGES:
        raise OperatorError("RATES_TOO_MANY", f"at most {MAX_RATE_CHANGES} changes of a market's funding rate")
    return (*kept, FundingRate(market_ms, rate))
