"""Order legs: the intent, our durable record of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from candlecast.domain.limits.limits import ClosingLimits
from candlecast.domain.orders.position import StopRules, position_key
from candlecast.domain.signals.reduction import Reduction
from candlecast.domain.values.ids import client_order_id
from candlecast.domain.values.money import ZERO, require_decimal, require_utc
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import OrderType, PositionMode, PositionSide, Side, TimeInForce
from candlecast.domain.venue.reports import MarketSettings, OrderRequest, StopTrigger
from candlecast.domain.venue.rules import VenueRules

MAX_REFERENCE_FACTOR = Decimal(10)
"""Between a reference price and a fill, either way. No market moves so far within a signal's life: further is no price."""


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
    """The purpose of a leg."""

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
    """Our durable record of one order leg, written before anything is sent (invariant 1). Times are UTC, prices in quote units.

    A leg is an entry, an exit, or protective (stop, target, trailing stop). Every leg except an entry only reduces a position.
    Raises `InvalidValue` for a naive time, and for a quantity that is no finite Decimal of zero or more.
    """

    intent_id: str
    """32 hex digits, a function of signal, subscription and leg (`ids.intent_id`), so that a repeat finds the same intent."""
    leg: str
    """Name of the leg within its signal: ENTRY, EXIT, STOP_LOSS, TAKE_PROFIT_1; later legs add a cause or a number."""
    kind: LegKind
    """Purpose of the leg."""
    tenant_id: str
    """The user whose account the leg is on."""
    account_id: str
    """The account that the leg is on."""
    subscription_id: str
    """The subscription that the leg trades for."""
    strategy_id: str
    """The strategy of the signal; a kill switch may name the strategy."""
    signal_id: str
    """The signal that asked for the leg, or that opened the leg's position."""
    correlation_id: str
    """Id that all log lines and messages of one signal share."""
    market: str
    """Unified symbol, such as BTC/USDT:USDT."""
    position_side: PositionSide | None
    """Side of the leg's position. None for an exit that waits to close either side, or that found no position."""
    state: IntentState
    """Stage of the leg's life; `lifecycle` has the transitions."""
    issued_at: datetime
    """Issue time of the signal. An entry's age counts from it, and an exit closes no position of a newer signal."""
    created_at: datetime
    """Time of the decision."""
    order_type: OrderType = OrderType.MARKET
    """Order type at the venue."""
    quantity: Decimal = ZERO
    """Base units to trade, zero or more. Zero before a size is decided: a refused leg, an exit that waits."""
    trigger_price: Decimal | None = None
    """Price that triggers a conditional order; of a trailing stop, the price where following begins (None: at once)."""
    stop_price: Decimal | None = None
    """Of an entry: price of its position's first stop; None if the position has no stop at first."""
    reference_price: Decimal | None = None
    """Price that the decision was made with, for notional and slippage; None where the signal has no price."""
    expires_at: datetime | None = None
    """Of an entry: the time after which the order is neither sent nor rests. None for the other legs: they never expire."""
    market_settings: MarketSettings | None = None
    """Of an entry: leverage and margin mode that must be in force at the venue before sending."""
    bracket_of: str | None = None
    """Of a protective leg, and of an entry that adds to a position: id of the entry that opened the position."""
    submitted_at: datetime | None = None
    """Time of the newest mark for sending; the settle window counts from it. None before the first mark."""
    lookups: int = 0
    """How often in a row the venue was asked for the order in vain."""
    last_lookup_at: datetime | None = None
    """Time of the last lookup in vain; None before the first."""
    attempts: int = 0
    """How often the venue certainly did not take the order, or ended an exit early; decides the pause and the alert."""
    retry_at: datetime | None = None
    """Earliest time of the next attempt; None without a pause."""
    venue_order_id: str | None = None
    """The venue's own id of the order; None until the venue has told it."""
    filled_quantity: Decimal = ZERO
    """Base units filled as far as we know, zero or more."""
    average_price: Decimal | None = None
    """Average price of all fills; None before the first fill."""
    fee: Decimal = ZERO
    """Fees of all fills, in quote units; estimated where the venue tells none."""
    denial: Denial | None = None
    """Why the leg was refused or ended early, with the value and the bound of the rule; None otherwise."""
    venue_message: str | None = None
    """The venue's own words for a rejection; None otherwise."""
    settled_at: datetime | None = None
    """Time at which the leg ended; None while it is open."""
    emergency: bool = False
    """Of an entry: whether the emergency limits decided, because the limits above the account were unknown."""
    limits_to_close: ClosingLimits | None = None
    """Of an entry: the limits by which the reconciler will close its position; None without such limits."""
    pool_id: str | None = None
    """Of an entry: the organisation in whose pool the entry is reserved; None without a pool."""
    price: Decimal | None = None
    """Limit price; None for an order without a limit."""
    time_in_force: TimeInForce = TimeInForce.GTC
    """How long an order with a limit price stands."""
    post_only: bool = False
    """Whether the venue must refuse an order that would be filled at once (a maker's fee, or no fill)."""
    callback_percent: Decimal | None = None
    """Of a trailing stop at the venue: per cent that it stays behind the best price (1 means 1 %)."""
    behind: str | None = None
    """Of a protective leg of an add: id of that add. The leg is sent after the add, and is void if the add brings nothing."""
    stop_rules: StopRules | None = None
    """Of an entry: how the stop of its position follows the market; None if the stop stays where it is."""
    strategy_version: str | None = None
    """Hash of the code and parameters that gave the signal, or the opening signal; None where nobody has told."""
    capital: Decimal | None = None
    """Of an entry that is sent: the subscription's capital in quote units, which the position's return counts on."""
    mark_price: Decimal | None = None
    """Of an entry: the venue's mark at the verdict on its signal; None for an entry from before there were verdicts."""
    stop_trigger: StopTrigger | None = None
    """Of an entry: the trigger of its position's stops. Of a stop: its own trigger. None: as the venue has it."""
    part_of: str | None = None
    """Id of the first part, of a leg that is a further part of a quantity above the market's maximum; None for any other leg."""
    cancel_asked_at: datetime | None = None
    """Of an entry: when its owner asked for its cancellation. It is sent no more, and cancelled where it rests. None: never."""
    reduction: Reduction | None = None
    """Of an exit of a part: the rest of the part, a quantity from its first mark on. None: all that is held."""

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
    def is_of_signal(self) -> bool:
        """Whether it is the entry or the exit of a signal itself, which a repeat of the message would decide again."""
        return not self.kind.is_protective and self.leg == self.kind

    @property
    def is_filled(self) -> bool:
        """Whether the venue has executed any of it."""
        return self.filled_quantity > 0

    @property
    def is_refused_exit(self) -> bool:
        """Whether it is an exit that the venue has not taken so far, and that waits for its next attempt."""
        return self.kind is LegKind.EXIT and self.state is IntentState.PENDING and self.attempts > 0

    @property
    def is_add(self) -> bool:
        """Whether it is an entry into a position that another entry has opened."""
        return self.kind is LegKind.ENTRY and self.bracket_of is not None

    @property
    def whole(self) -> str:
        """Id that all parts of a quantity share: that of the first part."""
        return self.part_of or self.intent_id

    @property
    def is_resting_entry(self) -> bool:
        """Whether it is an entry that the venue has in its book, so that its order is known and can be cancelled."""
        return self.kind is LegKind.ENTRY and self.state is IntentState.OPEN

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

    def request(self, position_mode: PositionMode = PositionMode.ONE_WAY, rules: VenueRules | None = None) -> OrderRequest:
        """The order that a venue with these rules is asked to place, in an account of this position mode."""
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
            good_till=None if rules is None else self._good_till(rules),
            stop_trigger=self.stop_trigger if self.kind is not LegKind.ENTRY else None,
        )

    def _good_till(self, rules: VenueRules) -> datetime | None:
        """When the venue is to end an entry that rests, so that it dies even while nobody of ours looks.

        Binance has no such end beside post-only.
        """
        stays = self.order_type.has_limit and not self.time_in_force.is_immediate and not self.post_only
        if self.kind is not LegKind.ENTRY or not stays or self.expires_at is None:
            return None
        return rules.good_till(self.expires_at, self.submitted_at or self.created_at)

    @property
    def valued_price(self) -> Decimal:
        """The higher of reference price and mark, which values an entry for every limit on money."""
        return max(self.reference_price or ZERO, self.mark_price or ZERO)

    @property
    def notional(self) -> Decimal:
        """Quantity at the valued price, in quote units."""
        return self.quantity * self.valued_price

    @property
    def slippage_bps(self) -> Decimal | None:
        """How much worse than the reference price it was filled, in basis points (negative: better).

        None beyond `MAX_REFERENCE_FACTOR`, too: nobody judges the price of an exit, and a stranger's code may name any.
        """
        if not self.average_price or not self.reference_price or self.order_type.is_conditional:
            return None
        return slippage_of(self.side, self.average_price, self.reference_price)

    @property
    def reason(self) -> Reason | None:
        return self.denial.reason if self.denial else None


def slippage_of(side: Side, price: Decimal, reference: Decimal) -> Decimal | None:
    """How much worse than the reference a fill is, in basis points of the reference; None beyond `MAX_REFERENCE_FACTOR`."""
    if not 1 / MAX_REFERENCE_FACTOR <= price / reference <= MAX_REFERENCE_FACTOR:
        return None
    worse = price - reference if side is Side.BUY else reference - price
    return (worse / reference * 10_000).quantize(Decimal("0.01"))
