"""Built-in strategies behind the `StrategyCode` port: the boundary at which errors of a strategy's own code end."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

from candlecast.domain.market.candle import Candle
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.execution import MAX_LOG_CHARACTERS, MAX_LOG_LINES
from candlecast.domain.strategies.version import strategy_version
from candlecast.domain.values.errors import DomainError, Reject
from candlecast.ports.strategies import Evaluation
from candlecast.strategy import Candles, Strategy, decide
from candlecast.strategy.registry import load_strategy


class BuiltInStrategies:
    """Loads the module that a definition names and decides its newest candle."""

    def lookback(self, definition: StrategyDefinition) -> int:
        """Candles that the definition's run gets; raises `Reject` for unknown code or invalid parameters."""
        return _strategy(definition).lookback

    def version(self, definition: StrategyDefinition) -> str:
        """Hash of the module's text and the definition; raises `Reject` for unknown code or invalid parameters."""
        return strategy_version(definition, _source_of(type(_strategy(definition)).__module__))

    def evaluate(self, definition: StrategyDefinition, candles: Sequence[Candle]) -> Evaluation:
        """Decide; raises `Reject` with the strategy's own code, or STRATEGY_FAILED with the type of anything unforeseen."""
        strategy = _strategy(definition)
        try:
            decision = decide(strategy, Candles.from_candles(candles))
        except DomainError as error:
            raise Reject(error.code, error.message) from error
        except Exception as error:  # an author's code may raise anything, and must not stop another author's strategy
            raise Reject("STRATEGY_FAILED", f"{type(error).__name__}: {error}"[:MAX_LOG_CHARACTERS]) from error
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


@cache
def _source_of(module: str) -> str:
    """Text of a strategy's module, read once per environment: the layer ships sources (decision 0043)."""
    return inspect.getsource(sys.modules[module])


def _strategy(definition: StrategyDefinition) -> Strategy[Any]:
    try:
        return load_strategy(definition.code or "").with_parameters(definition.parameters)
    except DomainError as error:
        raise Reject(error.code, error.message) from error
