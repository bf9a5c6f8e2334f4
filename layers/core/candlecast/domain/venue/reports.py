"""Requests to a venue, and its reports of orders, trades and positions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from candlecast.domain.values.money import ZERO
from candlecast.domain.values.terms import MarginMode, OrderType, PositionSide, Side, TimeInForce, WorkingType


@dataclass(frozen=True)
class MarketSettings:
    """Leverage and margin mode of a market of one account, as an entry needs them or as the venue has them in force."""

    leverage: Decimal
    margin_mode: MarginMode


@dataclass(frozen=True, kw_only=True)
class StopTrigger:
    """The trigger of a position's stops, beside the trigger price."""

    working_type: WorkingType = WorkingType.CONTRACT_PRICE
    """The price that is held against the trigger price."""
    price_protect: bool = False
    """Whether the venue holds the stop back while mark and last price are far apart."""


@dataclass(frozen=True, kw_only=True)
class OrderRequest:
    """An order to place at a venue.

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
    good_till: datetime | None = None
    """Of an order that rests: when the venue ends it by itself; None: never."""
    stop_trigger: StopTrigger | None = None
    """Of a stop: its trigger, None as the venue has it without a word."""


class VenueOrderStatus(StrEnum):
    """A venue's word on an order."""

    OPEN = "OPEN"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"


@dataclass(frozen=True, kw_only=True)
class VenueOrder:
    """A venue's report of an order. `fee` is in quote units, and None where the venue does not report it with the order."""

    client_order_id: str
    venue_order_id: str
    status: VenueOrderStatus
    filled_quantity: Decimal = ZERO
    average_price: Decimal | None = None
    fee: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class VenueOpenOrder:
    """A venue's report of an order that rests in its book, ours or not; `trigger_price` of a conditional order.

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
    """One execution of one order, ours or not. `fee` is in quote units and None where it was paid in something else.

    `fee_paid` is in units of `fee_asset`, below zero for a rebate; an empty asset means that the fee is not told.
    """

    trade_id: str
    venue_order_id: str
    market: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal | None
    traded_at: datetime
    position_side: PositionSide | None = None  # in hedge mode
    fee_paid: Decimal = ZERO
    fee_asset: str = ""


FUNDING_AT_ONCE = 1_000  # rows of Binance's income list; a further page begins where a full one ends


@dataclass(frozen=True, kw_only=True)
class VenueFunding:
    """A funding payment of one market's positions together: `amount` in units of `asset`, below zero if it was paid by us."""

    market: str
    asset: str
    amount: Decimal
    paid_at: datetime


@dataclass(frozen=True)
class FeeRates:
    """An account's fees as fractions of the notional; below zero for a rebate."""

    maker: Decimal
    taker: Decimal
    as_of: datetime


@dataclass(frozen=True)
class LeverageCap:
    """The largest notional of a position at a leverage, in quote units; None if the venue names none."""

    leverage: Decimal
    notional: Decimal | None
    as_of: datetime


@dataclass(frozen=True, kw_only=True)
class VenuePosition:
    """A venue's report of a position in a market: net, or of one side in hedge mode. Values that it does not report are None."""

    market: str
    side: PositionSide
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal | None = None
    liquidation_price: Decimal | None = None
    leverage: Decimal | None = None
    margin_mode: MarginMode | None = None
    unrealised_pnl: Decimal | None = None
