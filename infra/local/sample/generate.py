"""Make the sample candles that ship with the project, the same on every machine.

Only `Random.random`, whose sequence Python guarantees for a seed, and exactly rounded arithmetic are used: no `gauss`, no `exp`.
Prices move in ticks. The walk switches between regimes (up, down, range, quiet), so that every kind of strategy finds something
to do.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random

from candlecast.domain.market.candle import Candle
from candlecast.domain.values.timeframe import EPOCH, Timeframe
from infra.local.candle_files import HEADER, SAMPLE_DIRECTORY

ROWS = 720  # twelve hours: the longest lookback of a built-in strategy and more than five hours to replay
START = datetime(2026, 1, 5, tzinfo=UTC)
TIMEFRAME = Timeframe.M1
STEPS_PER_CANDLE = 12  # price changes within a candle: enough for wicks on both sides
UNIFORMS_PER_NORMAL = 12  # their sum minus six is close to a standard normal deviate, without a logarithm
VOLUME_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Regime:
    """A kind of market: a step's drift in standard deviations, its size relative to the market's, its pull to the first price."""

    drift: float
    scale: float
    pull: float


REGIMES = (
    Regime(drift=0.07, scale=1.0, pull=0.0),
    Regime(drift=-0.07, scale=1.0, pull=0.0),
    Regime(drift=0.0, scale=0.9, pull=0.001),
    Regime(drift=0.0, scale=0.35, pull=0.0005),
)
SHORTEST_REGIME = 10  # candles
LONGEST_REGIME = 40


@dataclass(frozen=True, slots=True)
class SampleMarket:
    """An invented market: `first_price`, `step_ticks` (a step's standard deviation) in ticks, volume in base units a candle."""

    file_name: str
    seed: int
    tick: Decimal
    first_price: int
    step_ticks: float
    base_volume: float


MARKETS = (
    SampleMarket("BTC-USDT-perp-1m-sample.csv.gz", 20260105, Decimal("0.10"), 640_000, 90.0, 38.0),
    SampleMarket("ETH-USDT-perp-1m-sample.csv.gz", 20260106, Decimal("0.01"), 320_000, 48.0, 410.0),
)


def sample_candles(market: SampleMarket) -> tuple[Candle, ...]:
    """The sample candles of `market`: contiguous, each opens at the close before it."""
    random = Random(market.seed)  # noqa: S311  (market data, no secret)
    candles = []
    price = market.first_price
    regimes = _regimes(random)
    for row in range(ROWS):
        regime = next(regimes)
        path = [price]
        for _ in range(STEPS_PER_CANDLE):
            noise = regime.scale * market.step_ticks * (_normal(random) + regime.drift)
            price = max(1, price + round(noise + regime.pull * (market.first_price - price)))
            path.append(price)
        candles.append(_candle(market, row, path, random))
    return tuple(candles)


def render(candles: Sequence[Candle]) -> str:
    """The text of a candle file."""
    rows = (
        f"{(candle.open_time - EPOCH) // Timeframe.M1.length * Timeframe.M1.milliseconds},"
        f"{candle.open},{candle.high},{candle.low},{candle.close},{candle.volume}"
        for candle in candles
    )
    return "\n".join((HEADER, *rows)) + "\n"


def write_samples(directory: Path) -> None:
    """Write all sample files; the archive's time stamp is zero, so that a second run changes nothing."""
    for market in MARKETS:
        compressed = gzip.compress(render(sample_candles(market)).encode(), compresslevel=9, mtime=0)
        (directory / market.file_name).write_bytes(compressed)


def _regimes(random: Random) -> Iterator[Regime]:
    """One regime a candle, each kept for a while."""
    while True:
        regime = REGIMES[int(random.random() * len(REGIMES))]
        for _ in range(SHORTEST_REGIME + int(random.random() * (LONGEST_REGIME - SHORTEST_REGIME))):
            yield regime


def _normal(random: Random) -> float:
    return sum(random.random() for _ in range(UNIFORMS_PER_NORMAL)) - UNIFORMS_PER_NORMAL / 2


def _candle(market: SampleMarket, row: int, path: Sequence[int], random: Random) -> Candle:
    """A candle of a path of prices in ticks; it trades more where it moved more."""
    span = (max(path) - min(path)) / (market.step_ticks * STEPS_PER_CANDLE**0.5)
    volume = market.base_volume * (0.25 + span) * (0.5 + random.random())
    return Candle(
        open_time=START + row * TIMEFRAME.length,
        open=path[0] * market.tick,
        high=max(path) * market.tick,
        low=min(path) * market.tick,
        close=path[-1] * market.tick,
        volume=Decimal(f"{volume:.{VOLUME_DIGITS}f}"),
    )


if __name__ == "__main__":
    write_samples(SAMPLE_DIRECTORY)
