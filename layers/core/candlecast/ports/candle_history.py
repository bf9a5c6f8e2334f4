"""Candles that were fetched once, for everybody: one object for each month of a series, and a manifest over them.

Rates of funding beside them: one object for each year of a market.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from candlecast.domain.market.funding import FundingYear
from candlecast.domain.market.history import CandleMonth, Manifest, Series


@dataclass(frozen=True, slots=True)
class Kept[T]:
    """A value as the store has it."""

    value: T
    """Empty if the store has none, or has one that is damaged."""
    version: str | None
    """The store's name of the object that was read; None if there is none. A write replaces that object alone."""
    is_damaged: bool = False
    """The object is no value of ours, or one of another series or month."""


class CandleHistory(Protocol):
    """Months of candles by series. Every method raises `RetryLater` (CANDLES_UNAVAILABLE)."""

    def manifest(self, series: Series) -> Kept[Manifest]: ...

    def months(self, series: Series, names: Sequence[str]) -> Sequence[Kept[CandleMonth]]:
        """The months of these names, in their order."""
        ...

    def keep_manifest(self, series: Series, kept: Kept[Manifest]) -> None:
        """Replace what was read. Raises `Conflict` (VERSION_CONFLICT) if somebody has written since."""
        ...

    def keep_months(self, series: Series, kept: Sequence[Kept[CandleMonth]]) -> None:
        """Replace what was read; all are tried. Raises `Conflict` (VERSION_CONFLICT) if somebody has written one since."""
        ...


class FundingHistory(Protocol):
    """Years of funding by market. Both methods raise `RetryLater` (CANDLES_UNAVAILABLE)."""

    def year(self, venue: str, market: str, year: int) -> Kept[FundingYear]: ...

    def keep_year(self, venue: str, market: str, kept: Kept[FundingYear]) -> None:
        """Replace what was read. Raises `Conflict` (VERSION_CONFLICT) if somebody has written since."""
        ...
