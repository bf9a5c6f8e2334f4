"""Decisions of all candles, made in the sandbox, as a strategy that a backtest can ask: no stranger's code runs here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from candlecast.domain.values.errors import Reject
from candlecast.sandbox.protocol import SANDBOX_RESULT_INVALID, SignalColumns
from candlecast.strategy import Candles, Parameters, Signals, Strategy, StrategyError, Target
from candlecast.strategy.candles import Floats, Integers

NAME = "decided"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoParameters(Parameters):
    """The code had its parameters in the sandbox."""


class DecidedColumns(Strategy[NoParameters]):
    """Answers each window with its rows of the decisions."""

    name = NAME
    description = "Decisions of uploaded code."

    def __init__(self, decided: Signals, time: Integers, lookback: int) -> None:
        """`decided` has a row for each candle of `time`, whose code looks back `lookback` candles."""
        self._decided = decided
        self._time = time
        self._lookback = lookback
        super().__init__(NoParameters())

    @property
    def lookback(self) -> int:
        return self._lookback

    def rows_needed(self) -> int:
        return self._lookback

    def signals(self, candles: Candles) -> Signals:
        """The rows of a window of the candles that were decided."""
        first = int(np.searchsorted(self._time, candles.time[0])) if len(candles) else 0
        return _rows(self._decided, first, first + len(candles))


def decided_columns(told: SignalColumns, candles: Candles, lookback: int) -> DecidedColumns:
    """The answer of the sandbox as a strategy. Raises `Reject` (SANDBOX_RESULT_INVALID) unless it has a row for each candle."""
    columns = {name: np.frombuffer(column, "<f8") for name, column in told.columns.items()}
    ladder = [f"target {number}" for number in range(1, len(told.shares) + 1)]
    if told.rows != len(candles) or not columns.keys() >= set(ladder):
        raise Reject(SANDBOX_RESULT_INVALID, "the answer is not one decision for each candle")
    try:
        decided = Signals(
            side=np.frombuffer(told.side, np.int8),
            price=columns.get("price"),
            stop_loss=columns.get("stop_loss"),
            confidence=columns.get("confidence"),
            targets=tuple(Target(columns[name], share) for name, share in zip(ladder, told.shares, strict=True)),
        )
    except StrategyError as error:
        raise Reject(SANDBOX_RESULT_INVALID, error.message) from None
    return DecidedColumns(decided, candles.time, lookback)


def _rows(signals: Signals, first: int, last: int) -> Signals:
    def part(column: Floats | None) -> Floats | None:
        return None if column is None else column[first:last]

    return Signals(
        side=signals.side[first:last],
        price=part(signals.price),
        stop_loss=part(signals.stop_loss),
        confidence=part(signals.confidence),
        targets=tuple(Target(target.price[first:last], target.share) for target in signals.targets),
    )
