"""The market clock: this venue's market time, which decides prices, candles and triggers.

Wall time plays no part in any of these; it only dates signatures and records. In STEPPED mode an operator says what time it is.
In WALL mode recorded candles run along with real time, again and again. In LIVE mode the candles are a real venue's, and market
time is real.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from paper_exchange.errors import OperatorError

MAX_STEPS = 24  # of 70 bytes each in the exchange's state item, which every request reads
MAX_TIME_MS = 4_102_444_800_000  # the year 2100: a time in microseconds by mistake is far above it


class ClockMode(StrEnum):
    STEPPED = "stepped"
    WALL = "wall"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class ClockStep:
    """A stepped clock was set to `market_ms` at `wall_ms`; `ran_along` if wall time moved by as much since the step before."""

    market_ms: int
    wall_ms: int
    ran_along: bool = False


@dataclass(frozen=True, slots=True)
class MarketClock:
    """`now_ms` counts in STEPPED mode; `anchor_ms` is the real time at which the first recorded candle opens in WALL mode.

    `replay` counts how often the clock was set back or changed its mode; `started_ms` is where the present run began. An account
    of an earlier run is evaluated from there. `steps` are the latest steps of a stepped clock's present run, ascending.
    """

    mode: ClockMode = ClockMode.STEPPED
    now_ms: int = 0
    anchor_ms: int = 0
    replay: int = 0
    started_ms: int = 0
    steps: tuple[ClockStep, ...] = ()

    def market_ms(self, wall_ms: int) -> int:
        """Market time when wall time is `wall_ms`."""
        return self.now_ms if self.mode is ClockMode.STEPPED else wall_ms

    def dated(self, market_ms: int, wall_ms: int) -> int:
        """The wall time of an instant of market time that has passed when wall time is `wall_ms`.

        A clock that follows wall time has the same instants. A stepped clock jumps: an instant within a jump has the
        jump's date, unless wall time was moved along with the clock.
        """
        if self.mode is not ClockMode.STEPPED:
            return market_ms
        jump = next((step for step in self.steps if step.market_ms >= market_ms), None)
        if jump is None:
            return wall_ms
        return jump.wall_ms - (jump.market_ms - market_ms if jump.ran_along else 0)

    def step_to(self, market_ms: int, wall_ms: int, *, rewind: bool = False) -> MarketClock:
        """Set a stepped clock. It goes back only if told to (CLOCK_BACKWARDS): fills stay, and candles count anew from there."""
        if not 0 <= market_ms <= MAX_TIME_MS:
            raise OperatorError("CLOCK_INVALID", "now_ms must be milliseconds since 1970")
        if self.mode is ClockMode.STEPPED and market_ms >= self.now_ms:
            started = self.started_ms if self.now_ms else market_ms
            return replace(self, now_ms=market_ms, started_ms=started, steps=self._with_step(market_ms, wall_ms))
        if self.mode is ClockMode.STEPPED and not rewind:
            raise OperatorError("CLOCK_BACKWARDS", f"{market_ms} is before {self.now_ms}; send rewind to start over", 409)
        step = ClockStep(market_ms, wall_ms)
        return MarketClock(ClockMode.STEPPED, market_ms, 0, self.replay + 1, market_ms, (step,))

    def _with_step(self, market_ms: int, wall_ms: int) -> tuple[ClockStep, ...]:
        last = self.steps[-1] if self.steps else None
        if last is not None and last.market_ms == market_ms:
            return self.steps
        ran_along = last is not None and wall_ms - last.wall_ms == market_ms - last.market_ms
        return (*self.steps, ClockStep(market_ms, wall_ms, ran_along))[-MAX_STEPS:]

    def run(self, mode: ClockMode, wall_ms: int, anchor_ms: int | None = None) -> MarketClock:
        """Let the clock follow wall time from now on."""
        anchor = wall_ms if anchor_ms is None else anchor_ms
        return MarketClock(mode, 0, anchor, self.replay + 1, wall_ms)
