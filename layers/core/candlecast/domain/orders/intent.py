"""Order legs: the intent, our durable record of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from candlecast.domain.limits.limits import ClosingLimits
from candlecast.domain.orders.position import StopRules, position_key
from candlecast.domain.values.ids import client_order_id
from candlecast.domain.values.money import ZERO, require_decimal, require_utc
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import OrderType, PositionMode, PositionSide, Side, TimeInForce
from candlecast.domain.venue.reports import MarketSettings, OrderRequest


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

    def request(self, position_mode: PositionMode = PositionMode.ONE_WAY) -> OrderRequest:
        """The order that a venue is asked to place, in an account of this position mode."""
        return OrderRequest(
            client_order_id=self.client_order_id,
            market=self.market,
            side=self.side,
            order_type=self.order_type,
            quantity=self.quantity,
            reduce_only=self.reduce_only,
            trigger_price=self.trigger_price,
            price=self.price,
            time_in_force=self.time_in_force,
            post_only=self.post_only,
            callback_percent=self.callback_percent,
            position_side=self.position_side if position_mode is PositionMode.HEDGE else None,
        )

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
