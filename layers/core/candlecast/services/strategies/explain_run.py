"""Explain a strategy's runs on a candle, also those that gave no signal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from candlecast.domain.decide.outcome import told_run
from candlecast.domain.strategies.execution import Execution
from candlecast.domain.values.errors import NotFound
from candlecast.ports.store import ExecutionStore

A_MOMENT = timedelta(microseconds=1)  # between two closes in a key


@dataclass(frozen=True, slots=True)
class ExplainedRun:
    """A run, with its outcome in a sentence."""

    execution: Execution
    sentence: str


@dataclass(frozen=True, slots=True)
class ExplainRun:
    """One query: a strategy with versions has a run of each on the same candle."""

    executions: ExecutionStore

    def __call__(self, strategy_id: str, candle_close: datetime) -> Sequence[ExplainedRun]:
        """The runs on a candle, that of its first record first; raises `NotFound` without any."""
        found = list(self.executions.executions_between(strategy_id, candle_close, candle_close + A_MOMENT))
        if not found:
            raise NotFound("no run on such a candle")
        return [ExplainedRun(each, told_run(each)) for each in found]
