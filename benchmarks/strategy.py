"""The cost of strategies: one live decision of each built-in, and a whole history at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness.measuring import Figure, Subject, compare
from candlecast.strategy import Candles, Decision, Floats, Strategy, decide, evaluate
from candlecast.strategy.registry import available, load_strategy
from infra.local.candle_files import read_candle_file, sample_files

HISTORY = 30_000  # three weeks of 1m: a backtest that someone waits for
WINDOW = 500  # what a chart shows, and most bots ask their venue for
SHORT = f"strategy: {WINDOW} candles, "
SMA_ROWS = 21  # the slow average of sma_cross
PLAIN = f"plain numpy SMA({SMA_ROWS})"


def figures(path: Path | None) -> Iterator[Figure]:
    """Decisions on the lookback window, then the whole history, each against one moving average over as many rows."""
    history = recorded(path)
    strategies = [load_strategy(name).with_parameters({}) for name in available()]
    window = history.last(max(strategy.lookback for strategy in strategies))
    domain_candles = read_candle_file(_file(path)).candles[-len(window) :]
    yield from compare(
        Subject(f"strategy: {PLAIN} over {len(window)} rows", partial(plain_sma, window.close)),
        *(Subject(f"strategy: decide {strategy.name}", _deciding(strategy, window), "decision") for strategy in strategies),
        Subject(f"strategy: columns of {len(window)} candles", partial(Candles.from_candles, domain_candles)),
    )
    yield from compare(
        Subject(f"strategy: {PLAIN} over {len(history):,} rows", partial(plain_sma, history.close)),
        *(Subject(f"strategy: evaluate {strategy.name}", partial(evaluate, strategy, history)) for strategy in strategies),
    )
    short = history.last(WINDOW)
    yield from compare(
        Subject(f"strategy: {PLAIN} over {WINDOW} rows", partial(plain_sma, short.close)),
        *(Subject(f"{SHORT}{strategy.name}", partial(evaluate, strategy, short)) for strategy in strategies),
    )


def section(figures: Sequence[Figure]) -> Mapping[str, object]:
    """The report's summary: CPU of 500 candles, by built-in."""
    short = {figure.name.removeprefix(SHORT): figure for figure in figures if figure.name.startswith(SHORT)}
    return {"cpu_ms": {name: round(figure.median / 1_000, 4) for name, figure in short.items()}}


def recorded(path: Path | None, rows: int = HISTORY) -> Candles:
    """The last `rows` candles of a file; a shorter one (the sample, without `path`) is repeated, its times running on."""
    file = read_candle_file(_file(path))
    candles = Candles.from_candles(file.candles)
    if len(candles) >= rows:
        return candles.last(rows)
    step = int(candles.time[1] - candles.time[0])
    order = np.arange(rows) % len(candles)
    columns = {name: getattr(candles, name)[order] for name in ("open", "high", "low", "close", "volume")}
    return Candles(time=candles.time[0] + step * np.arange(rows, dtype=np.int64), **columns)


def plain_sma(close: Floats) -> Floats:
    """A moving average as anyone would write it: the difference of running sums."""
    sums = np.cumsum(close)
    sums[SMA_ROWS:] = sums[SMA_ROWS:] - sums[:-SMA_ROWS]
    return sums[SMA_ROWS - 1 :] / SMA_ROWS


def _file(path: Path | None) -> Path:
    return path or sample_files()[0]


def _deciding(strategy: Strategy[Any], candles: Candles) -> partial[Decision]:
    return partial(decide, strategy, candles.last(strategy.lookback))
