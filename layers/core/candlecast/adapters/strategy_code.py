"""Strategy code behind the `StrategyCode` port: the boundary at which errors of a strategy's own code end."""

from __future__ import annotations

import inspect
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from types import FrameType
from typing import Any

from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.execution import MAX_LOG_CHARACTERS, MAX_LOG_LINES
from candlecast.domain.strategies.version import strategy_version
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import DomainError, Reject
from candlecast.ports.code_checks import CheckedCode
from candlecast.ports.strategies import CodeRun, Evaluation
from candlecast.strategy import Candles, Strategy, decide
from candlecast.strategy.decision import Decision
from candlecast.strategy.registry import load_strategy

# For one decision of a built-in strategy, which takes milliseconds. The runner has 60 s for all strategies of a market.
BUILT_IN_SECONDS = 5.0


class _TooSlow(BaseException):
    """The time is over. No `Exception`, so that a strategy that catches its own errors does not go on."""


class BuiltInStrategies:
    """Loads the module that a definition names and decides its newest candle."""

    def lookback(self, definition: StrategyDefinition) -> int:
        """Candles that the definition's run gets; raises `Reject` for unknown code or invalid parameters."""
        return built_in_strategy(definition).lookback

    def version(self, definition: StrategyDefinition) -> str:
        """Hash of the module's text and the definition; raises `Reject` for unknown code or invalid parameters."""
        return strategy_version(definition, _source_of(type(built_in_strategy(definition)).__module__))

    def inspect(self, definition: StrategyDefinition) -> CheckedCode:
        """The description that the module gives of itself; raises `Reject` for unknown code or invalid parameters."""
        strategy = built_in_strategy(definition)
        return CheckedCode(
            parameters=strategy.parameters.to_mapping(),
            parameter_schema=strategy.parameters_type.json_schema(),
            lookback=strategy.lookback,
        )

    def evaluate(self, definition: StrategyDefinition, runs: Sequence[CodeRun]) -> list[Evaluation | Reject]:
        """Decide each run, in the main thread.

        The outcomes are decisions, or `Reject` with the strategy's own code, STRATEGY_TOO_SLOW after `BUILT_IN_SECONDS`, or
        STRATEGY_FAILED with the type of anything unforeseen.
        """
        return [_outcome(definition, run) for run in runs]


def _outcome(definition: StrategyDefinition, run: CodeRun) -> Evaluation | Reject:
    try:
        return _decided(definition, run)
    except Reject as error:
        return error


def _decided(definition: StrategyDefinition, run: CodeRun) -> Evaluation:
    if run.version is not None:
        definition = replace(definition, parameters=run.version.parameters)
    strategy = built_in_strategy(definition)
    with refusing(BUILT_IN_SECONDS):
        return evaluation_of(decide(strategy, Candles.from_candles(run.candles)))


def evaluation_of(decision: Decision) -> Evaluation:
    """The decision as the services see it."""
    return Evaluation(
        action=decision.action,
        price=decision.price,
        stop_loss=decision.stop_loss,
        take_profits=decision.take_profits,
        confidence=decision.confidence,
        atr=decision.atr,
        metadata=decision.metadata,
        logs=tuple(line[:MAX_LOG_CHARACTERS] for line in decision.logs[:MAX_LOG_LINES]),
    )


@contextmanager
def refusing(seconds: float) -> Iterator[None]:
    """Raise `Reject` for any error of a strategy's own code, and once the time is over (STRATEGY_TOO_SLOW)."""
    try:
        with _at_most(seconds):
            yield
    except DomainError as error:
        raise Reject(error.code, error.message) from error
    except _TooSlow:
        raise Reject("STRATEGY_TOO_SLOW", f"a decision takes at most {seconds:g} seconds") from None
    except Exception as error:  # an author's code may raise anything, and must not stop another author's strategy
        raise Reject("STRATEGY_FAILED", f"{type(error).__name__}: {error}"[:MAX_LOG_CHARACTERS]) from error


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise `_TooSlow` in the main thread once the time is over; an extension's loop is interrupted when it returns."""

    def over(number: int, frame: FrameType | None) -> None:
        raise _TooSlow

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@cache
def _source_of(module: str) -> str:
    """Text of a strategy's module, read once per environment: the layer ships sources (decision 0043)."""
    return inspect.getsource(sys.modules[module])


def built_in_strategy(definition: StrategyDefinition) -> Strategy[Any]:
    """The strategy of the definition; raises `Reject` for unknown code or invalid parameters."""
    try:
        return load_strategy(definition.code or "").with_parameters(definition.parameters)
    except DomainError as error:
        raise Reject(error.code, error.message) from error
