"""The signal of a strategy's decision on a candle, the same for a live run and for a backtest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from candlecast.domain.signals.signal import Action, Signal, TakeProfit
from candlecast.domain.values.ids import candle_signal_id


class Decided(Protocol):
    """The decision of a strategy for its newest candle; `action` None is HOLD. Prices in quote units."""

    @property
    def action(self) -> Action | None: ...
    @property
    def price(self) -> Decimal: ...
    @property
    def stop_loss(self) -> Decimal | None: ...
    @property
    def take_profits(self) -> tuple[TakeProfit, ...]: ...
    @property
    def confidence(self) -> Decimal | None: ...
    @property
    def atr(self) -> Decimal | None: ...
    @property
    def metadata(self) -> Mapping[str, str]: ...


def candle_signal(
    decided: Decided,
    *,
    strategy_id: str,
    market: str,
    candle_close: datetime,
    issued_at: datetime,
    correlation_id: str,
    strategy_version: str | None,
) -> Signal | None:
    """The decision as a signal; None for HOLD. Raises `InvalidValue` for levels that no order can have."""
    if decided.action is None:
        return None
    return Signal(
        signal_id=candle_signal_id(strategy_id, candle_close),
        strategy_id=strategy_id,
        market=market,
        action=decided.action,
        issued_at=issued_at,
        correlation_id=correlation_id,
        price=decided.price,
        stop_loss=decided.stop_loss,
        take_profits=decided.take_profits,
        atr=decided.atr,
        confidence=decided.confidence,
        candle_close=candle_close,
        metadata=decided.metadata,
        strategy_version=strategy_version,
    )
