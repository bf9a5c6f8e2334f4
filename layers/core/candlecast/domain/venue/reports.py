"""What a venue is asked for, and what it says of orders, trades and positions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from candlecast.domain.values.money import ZERO
from candlecast.domain.values.terms import MarginMode, OrderType, PositionMode, PositionSide, Side, TimeInForce

if TYPE_CHECKING:
    from candlecast.domain.orders.intent import Intent


@dataclass(frozen=True)
class MarketSettings:
    """Leverage and margin mode of a market of one account, as an entry needs them or as the venue has them in force."""

    leverage: Decimal
    margin_mode: MarginMode


@dataclass(frozen=True, kw_only=True)
class OrderRequest:
    """What a venue is asked to place.

    `trigger_price` of a trailing stop is where it begins to follow (None: at once). `position_side` is given in hedge mode only:
    such a venue takes no reduce-only flag, and an order of the closing side can open nothing.
    """

    client_order_id: str
    market: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    reduce_only: bool
    trigger_price: Decimal | None = None
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    callback_percent: Decimal | None = None
    position_side: PositionSide | None = None

    @staticmethod
    def of(intent: Intent, position_mode: PositionMode = PositionMode.ONE_WAY) -> OrderRequest:
        return OrderRequest(
            client_order_id=intent.client_order_id,
            market=intent.market,
            side=intent.side,
            order_type=intent.order_type,
            quantity=intent.quantity,
            reduce_only=intent.reduce_only,
            trigger_price=intent.trigger_price,
            price=intent.price,
            time_in_force=intent.time_in_force,
            post_only=intent.post_only,
            callback_percent=intent.callback_percent,
            position_side=intent.position_side if position_mode is PositionMode.HEDGE else None,
        )


class VenueOrderStatus(StrEnum):
    """A venue's word on an order."""

    OPEN = "OPEN"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"


@dataclass(frozen=True, kw_only=True)
class VenueOrder:
    """What a venue says of an order. `fee` is in quote units and None where the venue does not say it with the order."""

    client_order_id: str
    venue_order_id: str
    status: VenueOrderStatus
    filled_quantity: Decimal = ZERO
    average_price: Decimal | None = None
    fee: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class VenueOpenOrder:
    """What a venue says of an order that rests in its book, ours or not; `trigger_price` of a conditional one.

    `is_conditional` says in which of the venue's books it is.
    """

    client_order_id: str
    venue_order_id: str
    market: str
    side: Side
    quantity: Decimal
    trigger_price: Decimal | None = None
    is_conditional: bool = False
    reduce_only: bool = False


@dataclass(frozen=True, kw_only=True)
class VenueTrade:
    """One execution of one order, ours or not. `fee` is in quote units and None where it was paid in something else."""

    trade_id: str
    venue_order_id: str
    market: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal | None
    traded_at: datetime
    position_side: PositionSide | None = None  # in hedge mode


@dataclass(frozen=True, kw_only=True)
class VenuePosition:
    """What a venue says of a position in a market: the net one, or in hedge mode that of one side. None where it does not say."""

    market: str
    side: PositionSide
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal | None = None
    liquidation_price: Decimal | None = None
    leverage: Decimal | None = None
    margin_mode: MarginMode | None = None
    unrealised_pnl: Decimal | None = None
