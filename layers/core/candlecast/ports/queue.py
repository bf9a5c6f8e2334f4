"""Queues between functions, one method per queue so that a message cannot land in the wrong one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from candlecast.domain.messages import CandleClosed, ReconcileRequest, SignalShard, TradeOrder


class CandleQueue(Protocol):
    def send_candle(self, message: CandleClosed, delay_seconds: int) -> None:
        """Deliver after `delay_seconds` (0 to 900)."""
        ...


class SignalQueue(Protocol):
    def send_shards(self, messages: Sequence[SignalShard]) -> None:
        """Send all, in batches; raises `RetryLater` if any was not taken."""
        ...


class TradeQueue(Protocol):
    def send_orders(self, messages: Sequence[TradeOrder]) -> None:
        """Send all in batches of ten, grouped by account, deduplicated by signal and subscription; raises `RetryLater`."""
        ...


class ReconcileQueue(Protocol):
    def send_reconcile(self, requests: Sequence[ReconcileRequest], delay_seconds: int = 0) -> None: ...
