"""The end of an order of lost minutes, which history shows as open and the restored account does not know."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from candlecast.domain.orders.fills import STATE_OF_STATUS, reason_of_end
from candlecast.domain.orders.intent import Intent, IntentState
from candlecast.domain.values.copying import replace
from candlecast.domain.values.money import ZERO, payment
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.venue.reports import VenueOrder

# An order that ended unfilled is not found so long after it was made (Binance, "Query Order" and "Query Algo Order").
FORGOTTEN_AFTER = timedelta(days=3)
ENDS_UNFILLED = {IntentState.CANCELLED: reason_of_end, IntentState.REJECTED: lambda *_: Reason.VENUE_REJECTED}


def ended_lost(lost: Intent, found: VenueOrder | None, fee_rate: Decimal, now: datetime) -> Intent | None:
    """The order as its venue has it; None while it is open there, or while one answer proves nothing.

    An order that the venue does not know was never placed, or was forgotten: it ends with TABLE_RESTORED. An order that has stood
    in the book is not absent before it can be forgotten. `fee_rate` estimates a fee that the venue does not tell.
    """
    if found is None and lost.state is IntentState.OPEN and now <= lost.created_at + FORGOTTEN_AFTER:
        return None
    if found is None:
        return replace(lost, state=IntentState.EXPIRED, denial=Denial(Reason.TABLE_RESTORED), settled_at=now)
    state = STATE_OF_STATUS[found.status]
    if not state.is_terminal:
        return None
    notional = found.filled_quantity * (found.average_price or ZERO)
    reason = ENDS_UNFILLED.get(state)
    return replace(
        lost,
        state=state,
        denial=None if reason is None else Denial(reason(lost, now)),
        venue_order_id=found.venue_order_id,
        filled_quantity=found.filled_quantity,
        average_price=found.average_price,
        fee=payment(notional * fee_rate) if found.fee is None else found.fee,
        settled_at=now,
    )
