"""The class that every strategy extends."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import get_original_bases
from typing import Any, ClassVar, Self, cast, get_args

from candlecast.domain.strategies.definition import MAX_LOOKBACK
from candlecast.strategy import indicators
from candlecast.strategy.candles import Candles
from candlecast.strategy.errors import StrategyError
from candlecast.strategy.parameters import Parameters
from candlecast.strategy.signals import Signals

NAME_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,63}")
ATR_PERIOD = 14  # Wilder's own choice; every decision carries this ATR for the subscribers' multipliers


class Strategy[P: Parameters](ABC):
    """A rule that turns closed candles into signals.

    Class attributes: `name` (equal to the module's), `description` (one sentence for the marketplace); the parameters' type is
    the one in the brackets, `Strategy[MyParameters]`. An instance holds parameters and nothing else: no position, no memory of
    earlier candles, no clock, no randomness. The same candles give the same signals.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    parameters_type: ClassVar[type[Parameters]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        (parameters_type, *_) = get_args(get_original_bases(cls)[0]) or (None,)
        if not (isinstance(parameters_type, type) and issubclass(parameters_type, Parameters)):
            raise StrategyError("STRATEGY_INVALID", f"{cls.__name__} must extend Strategy[its parameters]")
        if not NAME_PATTERN.fullmatch(getattr(cls, "name", "")) or not getattr(cls, "description", ""):
            raise StrategyError("STRATEGY_INVALID", f"{cls.__name__} needs a name ([a-z0-9_]) and a description")
        cls.parameters_type = parameters_type

    def __init__(self, parameters: P) -> None:
        """Hold `parameters`; raises `StrategyError` LOOKBACK_TOO_LONG if they need more candles than one request brings."""
        self.parameters = parameters
        if self.lookback > MAX_LOOKBACK:
            raise StrategyError("LOOKBACK_TOO_LONG", f"{self.name} needs {self.lookback} candles, at most {MAX_LOOKBACK}")

    @classmethod
    def with_parameters(cls, values: Mapping[str, object]) -> Self:
        """The strategy with stored or posted parameter values; raises what `Parameters.from_mapping` raises."""
        return cls(cast(P, cls.parameters_type.from_mapping(values)))

    @property
    def lookback(self) -> int:
        """Candles that a live run gets: enough for the rule and for the ATR that every decision carries."""
        return max(self.rows_needed(), indicators.atr_rows(ATR_PERIOD))

    @abstractmethod
    def rows_needed(self) -> int:
        """How many rows, its own included, the decision of a row depends on. Use `indicators.*_rows`."""

    @abstractmethod
    def signals(self, candles: Candles) -> Signals:
        """Decide every row from that row and rows before it.

        The answer for a row must depend on the last `rows_needed` rows up to it and nothing else; `guard.assert_prefix_invariant`
        checks it. Rows whose indicators are still NaN must be HOLD.
        """
