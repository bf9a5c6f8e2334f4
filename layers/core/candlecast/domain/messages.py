"""Messages between functions: frozen, versioned, additive changes only.

Two versions of a function live side by side while a deployment is under way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from candlecast.domain.limits import EffectiveLimits
from candlecast.domain.money import require_utc
from candlecast.domain.pool_bounds import PoolLimits
from candlecast.domain.quote import Quote
from candlecast.domain.signal import Signal
from candlecast.domain.subscription import Settings
from candlecast.domain.timeframe import Timeframe


@dataclass(frozen=True, kw_only=True)
class CandleClosed:
    """CandleQueue: a candle of a market is about to close; run the strategies that are due."""

    venue: str
    market: str
    timeframe: Timeframe
    candle_close: datetime
    correlation_id: str
    schema_version: int = 1

    def __post_init__(self) -> None:
        require_utc("candle_close", self.candle_close)


@dataclass(frozen=True, kw_only=True)
class SignalShard:
    """SignalQueue: fan a signal out to one shard of its subscribers; shard positions are in `[start, end)` as four hex digits."""

    signal: Signal
    venue: str
    shard: int
    start: str
    end: str
    schema_version: int = 1


@dataclass(frozen=True, kw_only=True)
class TradeOrder:
    """TradeQueue: one subscriber's share of a signal, with the settings and limits as they were when it was fanned out.

    `limits` are those above the account (None: nothing does); `quote` is the market's, for limits that compare with it;
    `pool` is what its organisation's accounts share; `strategy_version` is a hash of the strategy's code and parameters.
    """

    signal: Signal
    tenant_id: str
    account_id: str
    subscription_id: str
    settings: Settings
    organisation_id: str | None = None
    limits: EffectiveLimits | None = None
    quote: Quote | None = None
    strategy_version: str | None = None
    pool: PoolLimits | None = None
    schema_version: int = 1


@dataclass(frozen=True, kw_only=True)
class ReconcileRequest:
    """ReconcileQueue: compare one account with its venue; `full` if positions and balance are wanted now, turn or not."""

    tenant_id: str
    account_id: str
    correlation_id: str
    full: bool = False
    schema_version: int = 1
