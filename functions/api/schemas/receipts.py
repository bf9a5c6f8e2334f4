"""Bodies of decisions: an entry that is thought of, and the receipt that one gets."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.signals.signal import MAX_TAKE_PROFITS, Action, TakeProfit
from candlecast.services.limits.list_receipts import DecidedOrder
from candlecast.services.limits.validate_order import WantedEntry
from functions.api.schemas.trading import ReasonView
from functions.api.schemas.values import ABOVE_ZERO, Body, Identifier, Money, Symbol, View, bounded


class Target(Body):
    """A rung of the take-profit ladder; `share` of the position is closed at `price`."""

    price: Money = Field(description="Quote units, above 0.", json_schema_extra=ABOVE_ZERO)
    share: Money = Field(
        description="Part of the position, above 0, at most 1; together at most 1.", json_schema_extra=bounded(1, 1)
    )


class ValidationRequest(Body):
    """An entry to be held against every limit; nothing is placed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "subscription_id": "subscription-1",
                    "action": "LONG",
                    "market": "BTC/USDT:USDT",
                    "price": "100",
                    "stop_loss": "95",
                    "take_profits": [{"price": "110", "share": "1"}],
                }
            ]
        }
    )

    subscription_id: Identifier = Field(description="Subscription whose settings and limits count.")
    action: Literal[Action.LONG, Action.SHORT] = Field(description="LONG or SHORT: the entry that is thought of.")
    market: Symbol = Field(description="Market to enter.")
    price: Money = Field(description="Reference price in quote units, above 0.", json_schema_extra=ABOVE_ZERO)
    stop_loss: Money | None = Field(default=None, description="Price of the stop, above 0.", json_schema_extra=ABOVE_ZERO)
    take_profits: tuple[Target, ...] = Field(
        default=(), max_length=MAX_TAKE_PROFITS, description="Rungs at which parts of the position are closed."
    )
    atr: Money | None = Field(default=None, description="Average true range, for settings that need it.")

    def to_domain(self) -> WantedEntry:
        return WantedEntry(
            action=self.action,
            market=self.market,
            price=self.price,
            stop_loss=self.stop_loss,
            take_profits=tuple(TakeProfit(target.price, target.share) for target in self.take_profits),
            atr=self.atr,
        )


class ReceiptView(View):
    """A decision: traded or not, by which limits with which values and bounds, and where they came from.

    `digest` is the SHA-256 of the receipt's canonical text, which deciding again on the same state gives again.
    """

    digest: str = Field(description="SHA-256 of the receipt's canonical text.")
    receipt: dict[str, Any] = Field(description="The decision with every limit: value, bound, margin, origin.")

    @staticmethod
    def of(text: str) -> ReceiptView:
        return ReceiptView(digest=hashlib.sha256(text.encode()).hexdigest(), receipt=json.loads(text))


class DecidedOrderView(View):
    """An order that a signal has asked for, and how that was decided."""

    order_id: str
    decided_at: datetime = Field(description="When the leg was recorded.")
    signal_id: str
    subscription_id: str
    account_id: str | None = Field(description="Null for a subscription without an account.")
    strategy_id: str
    strategy_version: str | None = Field(description="Hash of the code and parameters that gave the signal.")
    market: str
    kind: LegKind = Field(description="ENTRY or EXIT.")
    state: IntentState = Field(description="Present state of the order.")
    reason: ReasonView | None = Field(description="Why the leg was not placed or ended without a fill.")
    decision: ReceiptView | None = Field(description="The receipt; null once it is three months old.")

    @staticmethod
    def of(decided: DecidedOrder) -> DecidedOrderView:
        order = decided.order
        return DecidedOrderView(
            order_id=order.intent_id,
            decided_at=order.created_at,
            signal_id=order.signal_id,
            subscription_id=order.subscription_id,
            account_id=order.account_id or None,
            strategy_id=order.strategy_id,
            strategy_version=order.strategy_version,
            market=order.market,
            kind=order.kind,
            state=order.state,
            reason=None if order.denial is None else ReasonView.of(order.denial),
            decision=None if decided.receipt is None else ReceiptView.of(decided.receipt),
        )
