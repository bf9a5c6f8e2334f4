"""Candles that move enough to make strategies decide: trends, ranges, jumps, quiet and dead hours. Nothing here is a market."""

from __future__ import annotations

import numpy as np

from candlecast.domain.values.timeframe import Timeframe
from candlecast.strategy import Candles

START_MS = 1_704_067_200_000  # 2024-01-01T00:00Z, the boundary of every timeframe
FIRST_PRICE = 1_000.0
TICK_DIGITS = 2  # a coarse tick makes equal prices, as real markets do
SHORTEST_SPELL, LONGEST_SPELL = 20, 120  # rows of one kind of market
DEVIATIONS = (0.002, 0.006, 0.015)  # of a row's change: quiet, usual, wild
DRIFT = 0.4  # of a deviation a row, in a trend
PULL = 0.004  # back to the first price, so that a thousand rows neither vanish nor explode
JUMP_CHANCE, JUMP = 0.01, 5.0  # of a row; in deviations
DEAD_CHANCE = 0.05  # of a spell: nothing is traded, every price is the last one


def generated_candles(rows: int, seed: int, timeframe: Timeframe) -> Candles:
    """Make `rows` candles from a seed: equal seeds give equal candles. Prices are in quote units, around 1,000."""
    chance = np.random.default_rng(seed)
    changes, dead = np.zeros(rows), np.zeros(rows, dtype=np.bool_)
    row = 0
    while row < rows:
        length = int(chance.integers(SHORTEST_SPELL, LONGEST_SPELL))
        deviation = float(chance.choice(DEVIATIONS))
        drift = DRIFT * deviation * int(chance.integers(-1, 2))
        part = slice(row, min(row + length, rows))
        changes[part] = chance.normal(drift, deviation, length)[: part.stop - row]
        dead[part] = chance.random() < DEAD_CHANCE
        row += length
    jumps = chance.random(rows) < JUMP_CHANCE
    changes[jumps] *= JUMP
    changes[dead] = 0.0
    level = np.zeros(rows + 1)
    for at in range(rows):  # a sum with a pull has no closed form in numpy
        level[at + 1] = level[at] * (1.0 if dead[at] else 1.0 - PULL) + changes[at]
    price = np.round(FIRST_PRICE * np.exp(level), TICK_DIGITS)
    opened, close = price[:-1], price[1:]
    wicks = np.where(dead, 0.0, np.abs(chance.normal(0.0, 0.004, (2, rows))))
    return Candles(
        time=START_MS + np.arange(rows, dtype=np.int64) * timeframe.milliseconds,
        open=opened.copy(),
        high=np.round(np.maximum(opened, close) * (1.0 + wicks[0]), TICK_DIGITS),
        low=np.round(np.minimum(opened, close) * np.exp(-wicks[1]), TICK_DIGITS),
        close=close.copy(),
        volume=np.where(dead, 0.0, np.round(chance.lognormal(3.0, 0.5, rows) * (1.0 + 50.0 * np.abs(changes)), 3)),
    )
