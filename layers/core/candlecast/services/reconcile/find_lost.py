"""Find the fills of orders of ours that a restore of the table has lost."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from candlecast.domain.account.account import Account
from candlecast.domain.orders.position import market_of, place_of
from candlecast.domain.reconcile.adopt_lost import LostFills
from candlecast.domain.reconcile.restoration import is_lost
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.terms import PositionMode, Side
from candlecast.domain.venue.reports import VenueTrade
from candlecast.ports.venue import MAX_LOOK_BACK, Venue

MAX_ORDERS_ASKED = 20  # of one market: a look has little time; more orders in the lost minutes are for a person


def find_lost(account: Account, venue: Venue, place: str, since: datetime, now: datetime) -> LostFills | None:
    """The net fills of lost orders in a place since the restored moment; None if there are none, or too many to attribute.

    One request, and one more for each order that no intent explains.
    """
    market, parts = market_of(place), defaultdict[str, list[VenueTrade]](list)
    known = {intent.venue_order_id for intent in account.intents.values()}
    for trade in venue.trades_since(market, max(since, now - MAX_LOOK_BACK)):
        side = trade.position_side if account.position_mode is PositionMode.HEDGE else None
        if place_of(market, side) == place and trade.venue_order_id not in known:
            parts[trade.venue_order_id].append(trade)
    if len(parts) > MAX_ORDERS_ASKED:
        return None
    lost = dict[str, list[VenueTrade]]()
    for venue_order_id, trades in parts.items():
        order = venue.find_order_by_venue_id(market, venue_order_id)
        if order is not None and is_lost(account, order.client_order_id):
            lost[order.client_order_id] = trades
    return _summed(lost)


def _summed(lost: dict[str, list[VenueTrade]]) -> LostFills | None:
    trades = [trade for of_order in lost.values() for trade in of_order]
    net = sum((trade.quantity if trade.side is Side.BUY else -trade.quantity for trade in trades), ZERO)
    if net == 0:
        return None
    opening = [trade for trade in trades if trade.side is (Side.BUY if net > 0 else Side.SELL)]
    quantity = sum((trade.quantity for trade in opening), ZERO)
    notional = sum((trade.quantity * trade.price for trade in opening), ZERO)
    fees = sum((trade.fee or ZERO for trade in opening), ZERO)
    return LostFills(net, notional / quantity, fees * abs(net) / quantity, frozenset(lost))
