"""Rates of a market as an operator has set them over market time: funding, and the distance of the mark from the last price.

A look that comes late finds the rate that was in force then.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from paper_exchange.errors import OperatorError

DEFAULT_RATE = Decimal("0.0001")  # the venue's usual funding rate: its interest of 0.01 % in 8 hours
MAX_RATE = Decimal("0.03")  # the venue's widest cap of a funding rate
MAX_MARK_OFFSET_BPS = 5_000  # the mark at half or at one and a half of the last price: further apart nothing is a market
MAX_RATE_CHANGES = 50  # of a market's funding; they ride in the exchange's state item, 42 bytes each
MAX_MARK_CHANGES = 20  # of a market; with a hundred markets and all their funding the item stays below 400 kB


@dataclass(frozen=True, slots=True)
class RateChange:
    """A rate from a market time on."""

    from_ms: int
    rate: Decimal


def rate_at(rates: tuple[RateChange, ...], market_ms: int) -> Decimal:
    """The rate that is in force; zero before the first."""
    return next((change.rate for change in reversed(rates) if change.from_ms <= market_ms), Decimal(0))


def with_rate(rates: tuple[RateChange, ...], rate: Decimal, market_ms: int, most: int) -> tuple[RateChange, ...]:
    """Another rate from now on; earlier payments stay, and rates that a clock set back has undone are forgotten."""
    kept = tuple(change for change in rates if change.from_ms < market_ms)
    if len(kept) >= most:
        raise OperatorError("RATES_TOO_MANY", f"at most {most} changes of a market's rate")
    return (*kept, RateChange(market_ms, rate))
