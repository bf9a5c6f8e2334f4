"""The candle store in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from candlecast.domain.market.funding import FundingYear
from candlecast.domain.market.history import CandleMonth, Manifest, Series
from candlecast.domain.values.errors import Conflict, RetryLater
from candlecast.ports.candle_history import Kept

Place = tuple[Series, str]
Funding = tuple[str, str, int]
Value = CandleMonth | Manifest | FundingYear
MANIFEST = "manifest"


@dataclass
class FakeCandleHistory:
    """`held` has values by series and month, or `MANIFEST`, with a number for each write; None is a damaged value.

    Years of funding lie there by venue, market and year.

    `unavailable` refuses. `before_write` is called before each write, once.
    """

    held: dict[Place | Funding, tuple[Value | None, int]] = field(default_factory=dict)
    unavailable: bool = False
    before_write: Callable[[], object] | None = None
    written: int = 0

    def manifest(self, series: Series) -> Kept[Manifest]:
        return self._read((series, MANIFEST), Manifest())

    def months(self, series: Series, names: Sequence[str]) -> Sequence[Kept[CandleMonth]]:
        return [self._read((series, name), CandleMonth(month=name, timeframe=series.timeframe)) for name in names]

    def keep_manifest(self, series: Series, kept: Kept[Manifest]) -> None:
        self._write((series, MANIFEST), kept)

    def keep_months(self, series: Series, kept: Sequence[Kept[CandleMonth]]) -> None:
        lost = []
        for each in kept:
            try:
                self._write((series, each.value.month), each)
            except Conflict as error:
                lost.append(error)
        for first in lost:
            raise first

    def year(self, venue: str, market: str, year: int) -> Kept[FundingYear]:
        return self._read((venue, market, year), FundingYear(year=year))

    def keep_year(self, venue: str, market: str, kept: Kept[FundingYear]) -> None:
        self._write((venue, market, kept.value.year), kept)

    def spoil(self, *place: Any) -> None:
        """Damage what is held."""
        self.held[place] = (None, self._next())

    def _read[T: (CandleMonth, Manifest, FundingYear)](self, place: Place | Funding, empty: T) -> Kept[T]:
        self._require()
        if place not in self.held:
            return Kept(empty, None)
        value, number = self.held[place]
        if isinstance(value, type(empty)):
            return Kept(value, str(number))
        return Kept(empty, str(number), is_damaged=True)

    def _write(self, place: Place | Funding, kept: Kept[CandleMonth] | Kept[Manifest] | Kept[FundingYear]) -> None:
        self._require()
        before, self.before_write = self.before_write, None
        if before is not None:
            before()
        found = self.held.get(place)
        if kept.version != (None if found is None else str(found[1])):
            raise Conflict("VERSION_CONFLICT", "somebody else has extended the candles")
        self.held[place] = (kept.value, self._next())

    def _next(self) -> int:
        self.written += 1
        return self.written

    def _require(self) -> None:
        if self.unavailable:
            raise RetryLater("CANDLES_UNAVAILABLE", "told to fail", after_seconds=1)
