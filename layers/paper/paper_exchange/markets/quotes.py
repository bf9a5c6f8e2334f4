"""The market at one instant of the market clock, as far as matching needs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from paper_exchange.markets.candles import Bar
from paper_exchange.markets.markets import MarketSpec


class Quotes(Protocol):
    """Market data as of the market clock's `now_ms`; nothing that happens later can be seen through it."""

    @property
    def now_ms(self) -> int:
        """Market time."""
        ...

    def at(self, market_ms: int) -> Quotes:
        """The same market as it was at an earlier market time."""
        ...

    def spec(self, symbol: str) -> MarketSpec:
        """The market's rules; raises `VenueError` -1121."""
        ...

    def last_price(self, symbol: str) -> Decimal:
        """Close of the last closed candle; raises `VenueError` -1121, or -1112 before the first one."""
        ...

    def mark_price(self, symbol: str) -> Decimal:
        """The price at which positions are valued: last price times `mark_ratio`; raises as `last_price`."""
        ...

    def mark_ratio(self, symbol: str) -> Decimal:
        """Mark over last price in the candle that closes now."""
        ...

    def mark_ratios(self, symbol: str, after_ms: int) -> Sequence[Decimal]:
        """Every ratio of mark to last price in `(after_ms, now_ms]`, at least one."""
        ...

    @property
    def liquidates(self) -> bool:
        """Whether the venue takes over what cannot be carried any more."""
        ...

    def funding_rate(self, symbol: str) -> Decimal:
        """The fraction that longs pay per funding time; zero if there is no funding."""
        ...

    def pays_funding(self, symbol: str) -> bool:
        """Whether the market has ever had a funding rate."""
        ...

    def interval_ms(self, symbol: str) -> int:
        """Length of the symbol's base candles."""
        ...

    def closed_bars(self, symbol: str, after_ms: int) -> Sequence[Bar]:
        """Base candles that closed in `(after_ms, now_ms]`, ascending."""
        ...


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who asks (the key's fingerprint) and when (wall time), for the record only: prices and triggers follow market time."""

    signed_by: str
    wall_ms: int
