"""A strategy as people subscribe to it: code with parameters on a market, or an outside source of signals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import require_utc
from candlecast.domain.values.timeframe import Timeframe

MAX_LOOKBACK = 1_500  # the most candles that Binance serves in one request


class StrategyKind(StrEnum):
    """BUILT_IN runs code of ours on each candle; EXTERNAL has no code, its signals arrive by webhook."""

    BUILT_IN = "BUILT_IN"
    EXTERNAL = "EXTERNAL"


@dataclass(frozen=True, kw_only=True)
class StrategyDefinition:
    """One strategy that can be followed.

    A BUILT_IN strategy names its `code` (a module of `strategies/`), the `venue` of its candles, its `market` and `timeframe`.
    An EXTERNAL strategy names its `source_id` (the webhook that feeds it) and the `venue` of its tickers.
    """

    strategy_id: str
    name: str
    kind: StrategyKind
    venue: str
    created_at: datetime
    market: str | None = None
    timeframe: Timeframe | None = None
    code: str | None = None
    parameters: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    source_id: str | None = None
    description: str = ""
    subscriber_count: int = 0

    def __post_init__(self) -> None:
        require_utc("created_at", self.created_at)
        if self.kind is StrategyKind.BUILT_IN and not (self.code and self.market and self.timeframe):
            raise InvalidValue("a built-in strategy needs code, market and timeframe")
        if self.kind is StrategyKind.EXTERNAL and not self.source_id:
            raise InvalidValue("an external strategy needs a source")


@dataclass(frozen=True, kw_only=True)
class SignalSource:
    """Where signals come from outside: which strategy they belong to and which version of the shared secret is in force."""

    source_id: str
    strategy_id: str
    venue: str
    secret_version: str
    created_at: datetime
    enabled: bool = True

    def __post_init__(self) -> None:
        require_utc("created_at", self.created_at)
