"""Messages between functions: frozen, versioned, additive changes only.

Two versions of a function live side by side while a deployment is under way. An order's message carries settings and limits and
has a module of its own (`domain/subscriptions/trade_order.py`). Functions that only start or pass on a signal do not load it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from candlecast.domain.signals.audience import Audience
from candlecast.domain.signals.signal import Signal
from candlecast.domain.values.money import require_utc
from candlecast.domain.values.timeframe import Timeframe


@dataclass(frozen=True, kw_only=True)
class CandleClosed:
    """CandleQueue and UploadedCandleQueue: a candle of a market is about to close; run the strategies that are due."""

    venue: str
    market: str
    timeframe: Timeframe
    candle_close: datetime
    correlation_id: str
    strategy_id: str | None = None
    """The one uploaded strategy to run (UploadedCandleQueue); None: all built-in strategies of the market."""
    missed: bool = False
    """Whether no firing has announced the candle in its time: each strategy gets a record of it, and no signal."""
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
    max_notional: Decimal | None = None
    """Quote units that the orders of the shard may have together by the bound of the signal's source; None without a bound."""
    published_at: datetime | None = None
    """When the signal was published, by our own clock; None in messages of older code."""
    audience: Audience | None = None
    """The followers whom the signal goes to; None: all of them."""
    schema_version: int = 1

    def __post_init__(self) -> None:
        if self.published_at is not None:
            require_utc("published_at", self.published_at)


@dataclass(frozen=True, kw_only=True)
class ReconcileRequest:
    """ReconcileQueue, and AwaitedLookQueue where an order waits for the look: compare one account with its venue."""

    tenant_id: str
    account_id: str
    correlation_id: str
    full: bool = False
    """Whether positions and balance are wanted now, turn or not."""
    asked_at: datetime | None = None
    """When the look was asked for; None in messages of older code."""
    awaited: bool = False
    """Whether an order waits for the look."""
    turn: datetime | None = None
    """The account's turn that the look is for; None for a look at its open orders, and in messages of older code."""
    schema_version: int = 1

    def __post_init__(self) -> None:
        for name, instant in (("asked_at", self.asked_at), ("turn", self.turn)):
            if instant is not None:
                require_utc(name, instant)


@dataclass(frozen=True, kw_only=True)
class VettingRequest:
    """VettingQueue: ask the venue what the keys of one account may do."""

    tenant_id: str
    account_id: str
    correlation_id: str
    asked_at: datetime
    schema_version: int = 1

    def __post_init__(self) -> None:
        require_utc("asked_at", self.asked_at)


@dataclass(frozen=True, kw_only=True)
class BacktestTask:
    """BacktestQueue: compute one backtest of a tenant, one part of a sweep, or the backtest on a card of the marketplace."""

    tenant_id: str
    backtest_id: str
    correlation_id: str
    part: int | None = None
    """Number of the sweep's part, from 0; None for a single backtest."""
    card_of: str | None = None
    """The strategy whose card gets the figures; tenant and id say nothing then."""
    schema_version: int = 1


@dataclass(frozen=True, kw_only=True)
class ParityTask:
    """ParityQueue: compare the runs of a strategy on one day with a backtest."""

    strategy_id: str
    day: date
    """The day (UTC) on which the candles closed."""
    correlation_id: str
    asked_at: datetime | None = None
    """When it was asked for: a comparison that began later has answered it. None in messages of older code."""
    schema_version: int = 1

    def __post_init__(self) -> None:
        if self.asked_at is not None:
            require_utc("asked_at", self.asked_at)
