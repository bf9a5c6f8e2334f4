"""Order legs: our durable record of each (the intent), what is asked of a venue, and what a venue says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from candlecast.domain.limits.limits import ClosingLimits
from candlecast.domain.orders.position import StopRules, position_key
from candlecast.domain.signals.entry_order import TimeInForce
from candlecast.domain.signals.signal import PositionSide
from candlecast.domain.subscriptions.subscription import MarginMode
from candlecast.domain.values.ids import client_order_id
from candlecast.domain.values.money import ZERO, require_decimal, require_utc
from candlecast.domain.values.reasons import Denial, Reason


class Side(StrEnum):
    """The side of an order."""

    BUY = "BUY"
    SELL = "SELL"

    @staticmethod
    def opening(position: PositionSide) -> Side:
        return Side.BUY if position is PositionSide.LONG else Side.SELL

    @staticmethod
    def closing(position: PositionSide) -> Side:
        return Side.SELL if position is PositionSide.LONG else Side.BUY


class OrderType(StrEnum):
    """The order types that we place."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP_MARKET = "STOP_MARKET"  # an entry above (long) the market, or a stop loss
    STOP_LIMIT = "STOP_LIMIT"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"
    TRAILING_STOP = "TRAILING_STOP"  # at market once the price has come back by a percentage from its best

    @property
    def is_conditional(self) -> bool:
        """Whether the venue holds it back until its price triggers it."""
        return self not in (OrderType.MARKET, OrderType.LIMIT)

    @property
    def has_limit(self) -> bool:
        """Whether it may rest in the book at its own price."""
        return self in (OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT)

    @property
    def rests(self) -> bool:
        """Whether it waits at the venue for its price, so that being open says nothing."""
        return self is not OrderType.MARKET


class PositionMode(StrEnum):
    """How a venue keeps an account's positions: one net position in a market, or a long and a short one side by side."""

    ONE_WAY = "ONE_WAY"
    HEDGE = "HEDGE"


class IntentState(StrEnum):
    """The life of an intent.

    PENDING is written and certainly not sent; from SUBMITTING on an order may exist; UNKNOWN says that the venue's
    answer was lost.
    """

    PENDING = "PENDING"
    SUBMITTING = "SUBMITTING"
    UNKNOWN = "UNKNOWN"
    OPEN = "OPEN"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    DENIED = "DENIED"
    EXPIRED = "EXPIRED"
    SKIPPED = "SKIPPED"

    @property
    def is_terminal(self) -> bool:
        return self not in (IntentState.PENDING, IntentState.SUBMITTING, IntentState.UNKNOWN, IntentState.OPEN)

    @property
    def is_unresolved(self) -> bool:
        """Whether an order may exist that we do not know of."""
        return self in (IntentState.SUBMITTING, IntentState.UNKNOWN)


class LegKind(StrEnum):
    """What a leg is for."""

    EXIT = "EXIT"
    ENTRY = "ENTRY"
    STOP_LOSS = "STOP_LOSS"
    TAKE_PROFIT = "TAKE_PROFIT"
    TRAILING_STOP = "TRAILING_STOP"  # the venue's own, beside the stop loss

    @property
    def is_protective(self) -> bool:
        return self in (LegKind.STOP_LOSS, LegKind.TAKE_PROFIT, LegKind.TRAILING_STOP)


@dataclass(frozen=True)
class MarketSettings:
    """Leverage and margin mode of a market of one account, as an entry needs them or as the venue has them in force."""

    leverage: Decimal
    margin_mode: MarginMode


@dataclass(frozen=True, kw_only=True)
class Intent:
    """Our durable record of one order leg, written before anything is sent (invariant 1).

    `leg` is the leg's name within its signal (`ENTRY`, `EXIT`, `STOP_LOSS`, `TAKE_PROFIT_1` ...); `reference_price` the
    price that the decision was made with; `stop_price` where an entry's position must have its stop, and `stop_rules` how that
    follows the market; `bracket_of` for protective legs, and for an entry that adds to a position, the id of the entry that has
    opened the position; `behind` the entry that a protective leg is sent after, if that is another one; `price` the limit of
    an order that has one; `callback_percent` how far a trailing stop stays behind; `expires_at` the wall time after which it is
    never sent and does not rest (None: an exit or a protective leg never expires); `market_settings` what an entry needs in
    force at the venue; `lookups` how often the
    venue was asked for it in vain; `attempts` how often the venue certainly did not take it, or took it and left it undone;
    `retry_at` when it may be sent again at the earliest. An exit that waits for an earlier order of its position has neither
    quantity nor, if it closes whatever is held, a side until it is marked for sending. `emergency` says that an entry was decided
    under the emergency limits; `limits_to_close` are those that its position will have.
    """

    intent_id: str
    leg: str
    kind: LegKind
    tenant_id: str
    account_id: str
    subscription_id: str
    strategy_id: str
    signal_id: str
    correlation_id: str
    market: str
    position_side: PositionSide | None
    state: IntentState
    issued_at: datetime
    created_at: datetime
    order_type: OrderType = OrderType.MARKET
    quantity: Decimal = ZERO
    trigger_price: Decimal | None = None
    stop_price: Decimal | None = None
    reference_price: Decimal | None = None
    expires_at: datetime | None = None
    market_settings: MarketSettings | None = None
    bracket_of: str | None = None
    submitted_at: datetime | None = None
    lookups: int = 0
    last_lookup_at: datetime | None = None
    attempts: int = 0
    retry_at: datetime | None = None
    venue_order_id: str | None = None
    filled_quantity: Decimal = ZERO
    average_price: Decimal | None = None
    fee: Decimal = ZERO
    denial: Denial | None = None
    venue_message: str | None = None
    settled_at: datetime | None = None
    emergency: bool = False
    limits_to_close: ClosingLimits | None = None
    pool_id: str | None = None  # of an entry: the organisation in whose pool it is reserved
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    callback_percent: Decimal | None = None
    behind: str | None = None
    stop_rules: StopRules | None = None

    def __post_init__(self) -> None:
        require_utc("issued_at", self.issued_at)
        require_utc("created_at", self.created_at)
        require_decimal("quantity", self.quantity, non_negative=True)
        require_decimal("filled_quantity", self.filled_quantity, non_negative=True)

    @property
    def client_order_id(self) -> str:
        return client_order_id(self.intent_id)

    @property
    def position_key(self) -> str:
        """Key of the position that the leg is about."""
        return position_key(self.subscription_id, self.market)

    @property
    def reduce_only(self) -> bool:
        return self.kind is not LegKind.ENTRY

    @property
    def is_add(self) -> bool:
        """Whether it is an entry into a position that another entry has opened."""
        return self.kind is LegKind.ENTRY and self.bracket_of is not None

    @property
    def follows(self) -> str | None:
        """The intent id of the entry that a protective leg is sent after."""
        return (self.behind or self.bracket_of) if self.kind.is_protective else None

    @property
    def side(self) -> Side:
        """The order's side; only an intent that is about a position has one."""
        if self.position_side is None:
            raise ValueError("an intent without a position side is never sent")
        return Side.opening(self.position_side) if self.kind is LegKind.ENTRY else Side.closing(self.position_side)

    @property
    def notional(self) -> Decimal:
        """Quantity at the reference price, in quote units."""
        return self.quantity * (self.reference_price or ZERO)

    @property
    def slippage_bps(self) -> Decimal | None:
        """How much worse than the reference price it was filled, in basis points (negative: better)."""
        if self.average_price is None or not self.reference_price or self.order_type.is_conditional:
            return None
        worse = self.average_price - self.reference_price if self.side is Side.BUY else self.reference_price - self.average_price
        return (worse / self.reference_price * 10_000).quantize(Decimal("0.01"))

    @property
    def reason(self) -> Reason | None:
        return self.denial.reason if self.denial else None


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
