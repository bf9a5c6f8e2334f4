"""The market clock: this venue's market time, which decides prices, candles and triggers.

Wall time plays no part in any of these; it only dates signatures and records. In STEPPED mode an operator says what time it is.
In WALL mode recorded candles run along with real time, again and again. In LIVE mode the candles are a real venue's, and market
time is real.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from paper_exchange.errors import OperatorError

MAX_TIME_MS = 4_102_444_800_000  # the year 2100: a time in microseconds by mistake is far above it


class ClockMode(StrEnum):
    STEPPED = "stepped"
    WALL = "wall"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class MarketClock:
    """`now_ms` counts in STEPPED mode; `anchor_ms` is the real time at which the first recorded candle opens in WALL mode.

    `replay` counts how often the clock was set back or changed its mode; `started_ms` is where the present run began. An account
    of an earlier run is evaluated from there.
    """

    mode: ClockMode = ClockMode.STEPPED
    now_ms: int = 0
    anchor_ms: int = 0
    replay: int = 0
    started_ms: int = 0

    def market_ms(self, wall_ms: int) -> int:
        """Market time when wall time is `wall_ms`."""
        return self.now_ms if self.mode is ClockMode.STEPPED else wall_ms

    def step_to(self, market_ms: int, *, rewind: bool = False) -> MarketClock:
        """Set a stepped clock. It goes back only if told to (CLOCK_BACKWARDS): fills stay, and candles count anew from there."""
        if not 0 <= market_ms <= MAX_TIME_MS:
            raise OperatorError("CLOCK_INVALID", "now_ms must be milliseconds since 1970")
        if self.mode is ClockMode.STEPPED and market_ms >= self.now_ms:
            started = self.started_ms if self.now_ms else market_ms
            return replace(self, now_ms=market_ms, started_ms=started)
        if self.mode is ClockMode.STEPPED and not rewind:
            raise OperatorError("CLOCK_BACKWARDS", f"{market_ms} is before {self.now_ms}; send rewind to start over", 409)
        return MarketClock(ClockMode.STEPPED, market_ms, 0, self.replay + 1, market_ms)

    def run(self, mode: ClockMode, wall_ms: int, anchor_ms: int | None = None) -> MarketClock:
        """Let the clock follow wall time from now on."""
        anchor = wall_ms if anchor_ms is None else anchor_ms
        return MarketClock(mode, 0, anchor, self.replay + 1, wall_ms)
