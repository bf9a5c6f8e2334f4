"""The work list of the candle clock, as operators read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from candlecast.domain.strategies.definition import StrategyKind
    from candlecast.domain.values.timeframe import Timeframe
    from candlecast.ports.store import Page


@dataclass(frozen=True, slots=True)
class ClockEntry:
    """A followed strategy whose code runs on each candle of a market."""

    venue: str
    market: str
    strategy_id: str


class ClockRegistry(Protocol):
    """The index that the candle clock reads."""

    def entries(self, timeframe: Timeframe, kind: StrategyKind, cursor: str | None = None, limit: int = 50) -> Page[ClockEntry]:
        """Followed strategies of a timeframe, BUILT_IN or UPLOADED, by venue and market. The index alone is read.

        Raises `InvalidValue` (CURSOR_INVALID, PAGE_SIZE_INVALID).
        """
        ...
