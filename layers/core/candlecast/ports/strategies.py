"""Strategy code as the services see it: a definition and candles in, a decision out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from candlecast.domain.market.candle import Candle
from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.versions import StrategyVersion
from candlecast.domain.values.errors import Reject, RetryLater


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The decision of a strategy for its newest candle; `action` None is HOLD. Prices in quote units."""

    action: Action | None
    price: Decimal
    stop_loss: Decimal | None = None
    take_profits: tuple[TakeProfit, ...] = ()
    confidence: Decimal | None = None
    atr: Decimal | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    logs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRun:
    """One decision that is wanted: of a version, None: the definition's own code and parameters, on these closed candles."""

    version: StrategyVersion | None
    candles: Sequence[Candle]


Outcome = Evaluation | Reject | RetryLater


class StrategyCode(Protocol):
    """Runs the code that a definition names. Of a version, lookback and digest are known without it."""

    def lookback(self, definition: StrategyDefinition) -> int:
        """How many closed candles a run gets; raises `Reject` if code or parameters are not valid."""
        ...

    def version(self, definition: StrategyDefinition) -> str:
        """Version of code and parameters (`domain/strategies/version.py`); raises `Reject` as `lookback` does."""
        ...

    def evaluate(self, definition: StrategyDefinition, runs: Sequence[CodeRun]) -> Sequence[Outcome]:
        """Decide the newest candle of each run of the strategy, each for itself; the outcomes in the order of the runs.

        Any failure of a strategy's code is its own `Reject`; `RetryLater` says that the code could not be run.
        """
        ...
