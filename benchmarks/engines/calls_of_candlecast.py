"""Our calls: `calls_of_candlecast.py CANDLES averages|sma_cross|levels|sweep --rows n`, one for each line of stdin.

The work is that of `calls_of_vectorbt.py`: trades, fees and the final equity. `sma_cross` computes an ATR for its stop besides,
which plain terms do not place. A sweep also finds each pair's drawdown and Sharpe ratio; its processes are as many as cores.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from pathlib import Path

import measured
import numpy as np
from experiment_values import CASH, FAST, FASTS, FEE, SLOW, SLOWS, STOP, TARGET

from candlecast.backtest.candle_table import read_candle_table
from candlecast.backtest.fills import Costs
from candlecast.backtest.grid import axes_of, combinations_of
from candlecast.backtest.plain import PlainTerms
from candlecast.backtest.run import run
from candlecast.backtest.strategy_file import strategy_class
from candlecast.backtest.sweep import run_sweep
from candlecast.backtest.workers import cores
from candlecast.strategy import Candles

HERE = Path(__file__).parent
TWO_AVERAGES = str(HERE / "two_averages.py")
SMA_CROSS = str(HERE.parents[1] / "strategies" / "sma_cross.py")
WITH_LEVELS = str(HERE.parents[1] / "tests" / "support" / "crossing_with_levels.py")
TERMS = PlainTerms(quantity=1.0, cash=float(CASH), costs=Costs(taker_fee=FEE))
WITH_LEVELS_TERMS = PlainTerms(quantity=1.0, cash=float(CASH), costs=Costs(taker_fee=FEE), levels=True)


def repeated(path: Path, rows: int) -> Candles:
    """The rows of a file again and again, their times running on, as `tiled.py` has them."""
    candles = read_candle_table(path).candles
    step, order = int(candles.time[1] - candles.time[0]), np.arange(rows) % len(candles)
    prices = {name: getattr(candles, name)[order] for name in ("open", "high", "low", "close", "volume")}
    return Candles(time=candles.time[0] + step * np.arange(rows, dtype=np.int64), **prices)


def one(strategy: str, terms: PlainTerms, parameters: dict[str, object], candles: Candles) -> tuple[int, float, float]:
    """The number of trades, with the open one; fees; the final equity."""
    result = run(strategy_class(strategy).with_parameters(parameters), candles, terms)
    return len(result.trades) + (result.open_position is not None), result.fees, result.final_equity


def sweep(candles: Candles) -> tuple[int, float]:
    """The number of pairs and the best final equity."""
    strategy = strategy_class(TWO_AVERAGES)
    axes = axes_of(strategy, [f"fast_period={_words(FASTS)}", f"slow_period={_words(SLOWS)}"])
    found = run_sweep(strategy, combinations_of(strategy, axes), candles, TERMS, metric="total_return", processes=cores())
    return len(found.order), CASH * (1 + float(found.values.max()))


def _words(values: range) -> str:
    return ",".join(map(str, values))


AVERAGES: dict[str, object] = {"fast_period": FAST, "slow_period": SLOW}
SUBJECTS: dict[str, Callable[[Candles], object]] = {
    "averages": partial(one, TWO_AVERAGES, TERMS, AVERAGES),
    "sma_cross": partial(one, SMA_CROSS, TERMS, AVERAGES),
    "levels": partial(one, WITH_LEVELS, WITH_LEVELS_TERMS, {**AVERAGES, "stop": STOP, "target": TARGET}),
    "sweep": sweep,
}


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("candles", type=Path)
    parser.add_argument("subject", choices=SUBJECTS)
    parser.add_argument("--rows", type=int, required=True)
    asked = parser.parse_args()
    measured.serve(partial(SUBJECTS[asked.subject], repeated(asked.candles, asked.rows)))


if __name__ == "__main__":
    main()
