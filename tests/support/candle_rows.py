"""Candles for tests: of a minute, of recorded files, of the shipped sample, of a seeded walk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from candlecast.domain.market.candle import Candle
from candlecast.strategy import Candles
from infra.local.candle_files import read_candle_file, sample_files

START = datetime(2026, 11, 21, tzinfo=UTC)
RECORDED = Path(__file__).parents[2].parent / "shared" / "reference" / "candles"
RECORDED_NAMES = (
    "BTC-USDT-perp-1m-2022-01.csv.gz",
    "ETH-BTC-spot-5m-2018-01.csv.gz",
    "XRP-USDT-perp-5m-2021-11.csv.gz",
)
SAMPLE_NAMES = tuple(path.name for path in sample_files())


def candle_at(minute: int, close: int) -> Candle:
    """The 1m candle that opens `minute` minutes after midnight, with wicks that follow from its close."""
    return Candle(
        START + timedelta(minutes=minute),
        open=Decimal(close),
        high=Decimal(close + minute % 7),
        low=Decimal(close) - Decimal(minute % 5) / 10,
        close=Decimal(close),
        volume=Decimal(minute % 3),
    )


@cache
def candles_of(name: str) -> Candles:
    """The columns of a recorded file (the test is skipped where they are absent) or of a shipped sample."""
    path = next((path for path in sample_files() if path.name == name), RECORDED / name)
    if not path.is_file():
        pytest.skip(f"recorded candles are not on this machine: {name}")
    return Candles.from_candles(read_candle_file(path).candles)


def walk(rows: int, seed: int = 7, step: float = 1.0) -> Candles:
    """A random walk of `rows` 1m candles around 1,000."""
    generator = np.random.default_rng(seed)
    close = 1000.0 + np.cumsum(generator.normal(0.0, step, rows)).clip(-900, 9000)
    opened = np.concatenate(([1000.0], close[:-1]))
    wick = np.abs(generator.normal(0.0, step / 2, (2, rows)))
    return Candles(
        time=np.arange(rows, dtype=np.int64) * 60_000,
        open=opened,
        high=np.maximum(opened, close) + wick[0],
        low=np.minimum(opened, close) - wick[1],
        close=close,
        volume=np.abs(generator.normal(10.0, 3.0, rows)),
    )
