"""Adopt positions that orders of ours have opened in minutes that a restore of the table has lost.

Their subscriptions are not known: an order's client id is a hash. So such a position belongs to the account alone. The first exit
of any subscription in its market closes it, and its stop stands where the lost order's stop stands at the venue.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from candlecast.domain.account.account import Account
from candlecast.domain.account.events import Event, EventType
from candlecast.domain.orders.position import Position, position_key, unattributed
from candlecast.domain.reconcile.restoration import Restoration, is_lost, of_client_id, remember
from candlecast.domain.values.copying import replace
from candlecast.domain.values.ids import digest
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.terms import PositionSide, Side
from candlecast.domain.venue.reports import VenueOpenOrder

STRATEGY = "unattributed"  # of a position whose signal nobody knows
ADOPTED, ADOPTED_WITHOUT_STOP = "POSITION_ADOPTED", "POSITION_ADOPTED_WITHOUT_STOP"  # the alerts


@dataclass(frozen=True)
class LostFills:
    """Fills of lost orders of ours in one place: net base units (short is negative), average price and fee of that side."""

    quantity: Decimal
    price: Decimal
    fee: Decimal
    client_order_ids: frozenset[str]

    def part_of(self, difference: Decimal) -> Decimal:
        """How much of a difference (signed) these fills explain; the rest is somebody else's."""
        if self.quantity * difference <= 0:
            return ZERO
        return min(self.quantity, difference, key=abs)


def lost_stop(
    account: Account, orders: Iterable[VenueOpenOrder], market: str, side: PositionSide, mark: Decimal
) -> Decimal | None:
    """Where the tightest lost stop of a position rests, in quote units; None if none does.

    A closing order beyond the mark is a target, and stays out.
    """
    stops = [
        order.trigger_price
        for order in orders
        if order.market == market
        and order.reduce_only
        and order.side is Side.closing(side)
        and order.trigger_price is not None
        and (mark - order.trigger_price) * side.sign > 0
        and is_lost(account, order.client_order_id)
    ]
    return max(stops, key=lambda stop: stop * side.sign, default=None)


def adopt_lost(
    account: Account, market: str, part: Decimal, fills: LostFills, stop: Decimal | None, restored: Restoration, now: datetime
) -> Account:
    """The account with a position of `part` (signed), which lost orders have opened, under no subscription; a person is told.

    The orders are known from then on: their fills explain nothing else, and a repeat of their signals plans nothing.
    """
    side = PositionSide.LONG if part > 0 else PositionSide.SHORT
    subscription = unattributed(side)
    held = account.positions.get(position_key(subscription, market))
    if held is None:
        name = digest("unattributed", account.account_id, market, side, now.isoformat())
        position = Position(
            tenant_id=account.tenant_id,
            account_id=account.account_id,
            subscription_id=subscription,
            strategy_id=STRATEGY,
            market=market,
            side=side,
            quantity=abs(part),
            opened_quantity=abs(part),
            entry_price=fills.price,
            entry_intent_id=name,
            signal_id=name,
            correlation_id=name,
            opened_at=now,
            signal_issued_at=restored.restored_to,
            stop_price=stop,
            initial_stop=stop,
            fees=fills.fee,
        )
    else:
        position = held.added(abs(part), fills.price, fills.fee, stop, begins=False)
    known = remember(account, [of_client_id(it) for it in fills.client_order_ids], now)
    code = ADOPTED_WITHOUT_STOP if position.stop_price is None else ADOPTED
    told = Event(type=EventType.POSITION_CHANGED, occurred_at=now, position=position)
    adopted = replace(known, positions={**known.positions, position.key: position}).tell(told)
    return adopted.alert(code, now, position=position)
