"""Parity by day in memory, and code of a test that decides candle by candle as live does, and at once as a backtest does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

from candlecast.adapters.strategy_code import evaluation_of
from candlecast.domain.parity.parity import MAX_DAYS, ParityDay
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.version import strategy_version
from candlecast.domain.values.errors import DomainError, Reject, RetryLater
from candlecast.ports.parity import FrameOutcome, FrameRun
from candlecast.ports.strategies import CodeRun, Outcome
from candlecast.strategy import Candles, Strategy, decide, evaluate
from candlecast.strategy.decision import decision_at


@dataclass
class FakeParityStore:
    """`ports.parity.ParityStore`."""

    held: dict[tuple[str, date], ParityDay] = field(default_factory=dict)

    def put_day(self, day: ParityDay) -> None:
        self.held[day.strategy_id, day.day] = day

    def list_days(self, strategy_id: str, first: date, last: date) -> Sequence[ParityDay]:
        found = [day for (strategy, at), day in self.held.items() if strategy == strategy_id and first <= at <= last]
        return sorted(found, key=lambda day: day.day, reverse=True)[:MAX_DAYS]


@dataclass
class CodeOf:
    """`StrategyCode` and `FrameCode` of one strategy in this process.

    `text` stands for the text of the code: another one is another version. `runs` and `frames` count, and `unavailable` makes
    each of them a `RetryLater`.
    """

    strategy: Strategy[Any]
    text: str = "first"
    runs: int = 0
    frames: int = 0
    unavailable: bool = False
    is_gone: bool = False

    def lookback(self, definition: StrategyDefinition) -> int:
        if self.is_gone:
            raise Reject("STRATEGY_UNKNOWN", "there is no such code")
        return self.strategy.lookback

    def version(self, definition: StrategyDefinition) -> str:
        if self.is_gone:
            raise Reject("STRATEGY_UNKNOWN", "there is no such code")
        return strategy_version(definition, self.text)

    def evaluate(self, definition: StrategyDefinition, runs: Sequence[CodeRun]) -> Sequence[Outcome]:
        self.runs += len(runs)
        return [self._answer(partial(self._decided, run)) for run in runs]

    def decide_frames(self, definition: StrategyDefinition, runs: Sequence[FrameRun]) -> Sequence[FrameOutcome]:
        self.frames += len(runs)
        return [self._answer(partial(self._frame, run)) for run in runs]

    def _decided(self, run: CodeRun) -> Outcome:
        return evaluation_of(decide(self.strategy, Candles.from_candles(run.candles)))

    def _frame(self, run: FrameRun) -> FrameOutcome:
        candles = Candles.from_candles(run.candles)
        signals = evaluate(self.strategy, candles)
        return [evaluation_of(decision_at(signals, candles, row)) for row in run.rows]

    def _answer(self, decided: Callable[[], Any]) -> Any:
        if self.unavailable:
            return RetryLater("SANDBOX_UNAVAILABLE", "told to fail", after_seconds=1)
        try:
            return decided()
        except DomainError as error:
            return Reject(error.code, error.message)
