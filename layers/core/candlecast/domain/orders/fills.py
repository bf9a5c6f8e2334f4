"""The meaning of a venue's report on an order: the next state, the price of a fill, the position that an entry opens."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.position import Position
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.ids import digest
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.reasons import Reason
from candlecast.domain.venue.reports import VenueOrder, VenueOrderStatus

STATE_OF_STATUS = {
    VenueOrderStatus.OPEN: IntentState.OPEN,
    VenueOrderStatus.FILLED: IntentState.FILLED,
    VenueOrderStatus.CANCELLED: IntentState.CANCELLED,
    VenueOrderStatus.REJECTED: IntentState.REJECTED,
}


def reason_of_end(intent: Intent, now: datetime) -> Reason:
    """Why the venue ended an order before it was filled.

    By its owner's word, by its own terms (IOC, FOK, post-only, the end of its validity), or for a cause of the venue's own.
    """
    if intent.cancel_asked_at is not None:
        return Reason.CANCELLED_BY_OWNER
    over = intent.kind is LegKind.ENTRY and intent.expires_at is not None and now > intent.expires_at
    by_terms = intent.time_in_force.is_immediate or intent.post_only or over
    return Reason.ENTRY_NOT_FILLED if by_terms else Reason.CANCELLED_AT_VENUE


def filled_into(held: Position | None, entry: Intent, quantity: Decimal, price: Decimal, fee: Decimal, now: datetime) -> Position:
    """The position after some of an entry was filled: opened, grown, or added to; raises `InvalidValue` if it is another's."""
    if held is None:
        return opened_by(entry, quantity, price, fee, now)
    if held.entry_intent_id == entry.whole:
        return held.grown(quantity, price, fee)
    if held.entry_intent_id != entry.bracket_of:
        raise InvalidValue("a fill of one entry cannot grow the position of another", code="FILL_OF_ANOTHER_ENTRY")
    begins = entry.filled_quantity == 0 and entry.part_of is None  # a further part is no add of its own
    return held.added(quantity, price, fee, entry.stop_price, begins=begins)


def price_of_last(intent: Intent, order: VenueOrder, filled: Decimal) -> Decimal:
    """Price of the fills since the last look, from the order's average."""
    average = order.average_price
    if average is None:
        raise InvalidValue("a filled order must have a price", code="FILL_WITHOUT_PRICE")
    before = (intent.average_price or ZERO) * intent.filled_quantity
    return (average * order.filled_quantity - before) / filled


def own_trade_id(entry: Intent) -> str | None:
    """Id of the trade that the next fill of an entry opens; None: the entry's.

    An earlier position of the same entry may have been closed already. That position was opened by another part or another fill.
    """
    first = entry.part_of is None and entry.filled_quantity == 0
    return None if first else digest("trade", entry.intent_id, str(entry.filled_quantity))


def opened_by(intent: Intent, quantity: Decimal, price: Decimal, fee: Decimal, now: datetime) -> Position:
    """The position that an entry's first fill opens."""
    if intent.position_side is None:
        raise InvalidValue("an entry has a side")
    return Position(
        tenant_id=intent.tenant_id,
        account_id=intent.account_id,
        subscription_id=intent.subscription_id,
        strategy_id=intent.strategy_id,
        market=intent.market,
        side=intent.position_side,
        quantity=quantity,
        opened_quantity=quantity,
        entry_price=price,
        entry_intent_id=intent.whole,  # the first part, even if the venue shows another one first
        signal_id=intent.signal_id,
        correlation_id=intent.correlation_id,
        opened_at=now,
        signal_issued_at=intent.issued_at,
        stop_price=intent.stop_price,
        initial_stop=intent.stop_price,
        stop_rules=intent.stop_rules,
        stop_trigger=intent.stop_trigger,
        fees=fee,
        limits_to_close=intent.limits_to_close,
        pool_id=intent.pool_id,
        strategy_version=intent.strategy_version,
        capital=intent.capital,
        own_trade_id=own_trade_id(intent),
    )
