"""Decisions of many candles in one run, as a backtest makes them: built-in code in process, uploaded code in a sandbox."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from candlecast.adapters.aws.sandbox_function import SandboxFunction, SandboxRun, Told
from candlecast.adapters.decided_columns import decided_columns
from candlecast.adapters.strategy_code import built_in_strategy, evaluation_of, refusing
from candlecast.adapters.uploaded_strategies import result_of, run_of
from candlecast.domain.strategies.definition import StrategyDefinition, StrategyKind
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Reject, RetryLater
from candlecast.ports.code_store import CodeStore
from candlecast.ports.parity import FrameOutcome, FrameRun
from candlecast.ports.strategies import Evaluation
from candlecast.sandbox.protocol import Job
from candlecast.strategy import Candles, Signals, StrategyError, evaluate
from candlecast.strategy.decision import decision_at

# For all candles of a frame: the longest run that the sandbox makes. Built-in code takes milliseconds.
FRAME_SECONDS = 30.0


class WholeFrames:
    """`ports.parity.FrameCode`."""

    def __init__(self, code: CodeStore, sandbox: SandboxFunction) -> None:
        self._code = code
        self._sandbox = sandbox

    def decide_frames(self, definition: StrategyDefinition, runs: Sequence[FrameRun]) -> Sequence[FrameOutcome]:
        if definition.kind is StrategyKind.UPLOADED:
            return self._in_sandboxes(definition, runs)
        return [_outcome(definition, run) for run in runs]

    def _in_sandboxes(self, definition: StrategyDefinition, runs: Sequence[FrameRun]) -> Sequence[FrameOutcome]:
        asked = [run_of(definition, run, self._code.get, Job.SIGNALS, FRAME_SECONDS) for run in runs]
        told: Iterator[Told] = iter(self._sandbox.run([each for each in asked if isinstance(each, SandboxRun)]))
        return [_told(next(told), run) if isinstance(each, SandboxRun) else each for each, run in zip(asked, runs, strict=True)]


def _outcome(definition: StrategyDefinition, run: FrameRun) -> FrameOutcome:
    if run.version is not None:
        definition = replace(definition, parameters=run.version.parameters)
    try:
        strategy, candles = built_in_strategy(definition), Candles.from_candles(run.candles)
        with refusing(FRAME_SECONDS):
            signals = evaluate(strategy, candles)
    except Reject as error:
        return error
    return _decisions(signals, candles, run.rows)


def _told(told: Told, run: FrameRun) -> FrameOutcome:
    """The decisions of an answer, which code that has broken out may have forged: its levels are checked here again."""
    try:
        result, candles = result_of(told), Candles.from_candles(run.candles)
        signals = evaluate(decided_columns(result, candles, 1 if run.version is None else run.version.lookback), candles)
    except (Reject, RetryLater) as error:
        return error
    except StrategyError as error:
        return Reject(error.code, error.message)
    return _decisions(signals, candles, run.rows)


def _decisions(signals: Signals, candles: Candles, rows: Sequence[int]) -> Sequence[Evaluation]:
    return [evaluation_of(decision_at(signals, candles, row)) for row in rows]
