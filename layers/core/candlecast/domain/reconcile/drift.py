"""The tables of reconciliation: (our record, the venue's report, its age) -> action.

Three small tables, for orders, for protection and for positions; every row of each is a test, and the documentation shows them.
Our own orders and positions are repaired. Those of somebody else are reported and never touched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from candlecast.domain.account.findings import Drift
from candlecast.domain.orders.intent import IntentState
from candlecast.domain.values.ids import CLIENT_ORDER_ID_LENGTH, CLIENT_ORDER_ID_PREFIX

_OURS = re.compile(rf"{CLIENT_ORDER_ID_PREFIX}[0-9a-f]{{{CLIENT_ORDER_ID_LENGTH - len(CLIENT_ORDER_ID_PREFIX)}}}")


def is_our_id(client_order_id: str) -> bool:
    """Whether a client id is of the form that we give; the only orders at a venue that we ever cancel."""
    return _OURS.fullmatch(client_order_id) is not None


class ClosedBy(StrEnum):
    """Who closed a position if no leg of ours did."""

    CLOSED_OUTSIDE = "CLOSED_OUTSIDE"
    LIQUIDATED = "LIQUIDATED"
    DELEVERAGED = "DELEVERAGED"
    SETTLED = "SETTLED"
    CLOSED_BEFORE_RESTORE = "CLOSED_BEFORE_RESTORE"


# How Binance USD-M begins the client ids of its own orders: "Order update" of the user data streams
_OF_VENUE = {
    "autoclose-": ClosedBy.LIQUIDATED,
    "adl_autoclose": ClosedBy.DELEVERAGED,
    "settlement_autoclose-": ClosedBy.SETTLED,
    "delivery_autoclose-": ClosedBy.SETTLED,
}


def closed_by(client_order_id: str) -> ClosedBy:
    """Who closed a position by an order without an intent: the venue, a person, or we in minutes that are lost."""
    if is_our_id(client_order_id):
        return ClosedBy.CLOSED_BEFORE_RESTORE
    found = (who for begin, who in _OF_VENUE.items() if client_order_id.startswith(begin))
    return next(found, ClosedBy.CLOSED_OUTSIDE)


# -- orders ------------------------------------------------------------------------------------------------------------------


class OrderStep(StrEnum):
    """A step for an order."""

    NOTHING = "nothing"
    LOOK_UP = "ask for it by its client id"
    FOLLOW = "ask how it ended"
    WAIT = "look again: it may just have been placed"
    CANCEL = "cancel it: the id is ours, and no intent wants the order"
    REPORT = "note it as external and tell once"


def order_step(ours: IntentState | None, *, at_venue: bool, our_id: bool, age: timedelta | None, spacing: timedelta) -> OrderStep:
    """The step for an order.

    `ours` is the state of the order's intent (None: we have none). `at_venue` says whether the order is among the venue's open
    orders, `our_id` whether its client id is one of ours. `age` is how long ago a look first saw the order without an intent
    (None: now).
    """
    if ours is not None:
        if ours.is_unresolved:
            return OrderStep.LOOK_UP
        if ours is IntentState.OPEN:
            return OrderStep.NOTHING if at_venue else OrderStep.FOLLOW
        return OrderStep.LOOK_UP if at_venue else OrderStep.NOTHING  # PENDING: an order of an earlier mark has turned up
    if not at_venue:
        return OrderStep.NOTHING
    if not our_id:
        return OrderStep.REPORT
    return OrderStep.WAIT if age is None or age < spacing else OrderStep.CANCEL


# -- protection --------------------------------------------------------------------------------------------------------------


class StopStep(StrEnum):
    """The step for the stop of a position."""

    NOTHING = "nothing"
    WAIT = "wait: an order that decides it has not ended"
    PLACE = "place one for all that is held"
    REPLACE = "place one of the right size and price; the old one is then surplus"
    CANCEL_SURPLUS = "cancel all but the newest that together close all"


@dataclass(frozen=True)
class StopReport:
    """The stops of one position: (quantity, trigger) of those that live at the venue, newest last; whether one is on its way."""

    live: tuple[tuple[Decimal, Decimal | None], ...]
    on_its_way: bool


def right_stops(held: Decimal, stop_price: Decimal | None, report: StopReport) -> tuple[Decimal, ...]:
    """Quantities of the newest live stops that stand at the right price and together close no more than is held."""
    right: list[Decimal] = []
    for quantity, trigger in reversed(report.live):
        if trigger != stop_price or sum(right, quantity) > held:
            break
        right.append(quantity)
    return tuple(right)


def stop_step(held: Decimal, stop_price: Decimal | None, report: StopReport) -> StopStep:
    """The step for the stop of a position of `held`, which belongs at `stop_price` (None: the position should have no stop).

    A new stop is placed first and the old stop cancelled then: there is no moment without. A stop may come in parts.
    """
    if stop_price is None:
        return StopStep.NOTHING
    if report.on_its_way:
        return StopStep.WAIT
    if not report.live:
        return StopStep.PLACE
    right = right_stops(held, stop_price, report)
    if sum(right) != held:
        return StopStep.REPLACE
    return StopStep.CANCEL_SURPLUS if len(report.live) > len(right) else StopStep.NOTHING


# -- positions ---------------------------------------------------------------------------------------------------------------


class PositionStep(StrEnum):
    """The step for a market in which the venue holds more or less than we do."""

    AGREE = "nothing; forget what was noted"
    WAIT = "wait: an order of the market has not ended, or the last look was a moment ago"
    NOTE = "note the difference and look again"
    SHRINK = "adopt once it is proven (below): ours was reduced or closed by hand or by the venue"
    REPORT = "tell once and take no entries in the market: more is held than ours"
    KNOWN = "nothing: it was told"


def position_step(
    ours: Decimal, theirs: Decimal, noted: Drift | None, now: datetime, *, settled: bool, spacing: timedelta
) -> PositionStep:
    """The step for a market; quantities are signed (short is negative).

    A difference that is seen once may be a fill between two requests. It counts when a second look, `spacing` later, sees the
    same difference while no order of the market is unresolved. A position that has turned was closed and another one opened.
    """
    difference = theirs - ours
    if difference == 0:
        return PositionStep.AGREE
    if not settled:
        return PositionStep.WAIT
    if noted is None or not noted.counts or noted.difference != difference:
        return PositionStep.NOTE
    if noted.reported:
        return PositionStep.KNOWN
    if now - noted.seen_at < spacing:
        return PositionStep.WAIT
    return PositionStep.SHRINK if _has_shrunk(ours, theirs) else PositionStep.REPORT


def left_of(ours: Decimal, theirs: Decimal) -> Decimal:
    """How much of our position is left (unsigned) when the venue holds `theirs`."""
    return abs(theirs) if ours * theirs > 0 else Decimal(0)


def _has_shrunk(ours: Decimal, theirs: Decimal) -> bool:
    return ours != 0 and (ours * theirs <= 0 or abs(theirs) < abs(ours))
