"""The results of parity by day, and code that decides many candles at once, as a backtest does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from candlecast.domain.market.candle import Candle
from candlecast.domain.orders.fleet import SignalFill
from candlecast.domain.parity.parity import ParityDay
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.versions import StrategyVersion
from candlecast.domain.values.errors import Reject, RetryLater
from candlecast.ports.strategies import Evaluation


class ParityStore(Protocol):
    """The results of each strategy and day; a later check of a day takes the place of an earlier one."""

    def put_day(self, day: ParityDay) -> None:
        """Raises `RetryLater`."""
        ...

    def list_days(self, strategy_id: str, first: date, last: date) -> Sequence[ParityDay]:
        """The days from `first` to `last` that were checked, newest first. One query. Raises `RetryLater`."""
        ...


class FillStore(Protocol):
    """The fills of a backtest, beside the sums of the slippage of a signal's followers."""

    def put_fills(self, strategy_id: str, fills: Sequence[SignalFill]) -> None:
        """Keep each with its signal's sums; nothing for a signal without a counted order. One write each. Raises `RetryLater`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRun:
    """Candles that are decided in one run, and the rows whose decisions are wanted. None: the definition's own code."""

    version: StrategyVersion | None
    candles: Sequence[Candle]
    rows: Sequence[int]


FrameOutcome = Sequence[Evaluation] | Reject | RetryLater


class FrameCode(Protocol):
    """Runs the code that a definition names as a backtest runs it."""

    def decide_frames(self, definition: StrategyDefinition, runs: Sequence[FrameRun]) -> Sequence[FrameOutcome]:
        """Decide all candles of each run; the wanted decisions in the order of their rows. They have no ATR and no logs.

        A row with less than the lookback behind it is HOLD. `Reject` says that the code refused the frame, `RetryLater` that it
        could not be run.
        """
        ...
