"""Find the trades by which somebody else has closed or reduced a position of ours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from candlecast.domain.account.account import Account
from candlecast.domain.market.market import quote_of
from candlecast.domain.orders.position import market_of
from candlecast.domain.reconcile.adopt import OutsideFill, held_at, net_of
from candlecast.domain.reconcile.closing import Closing
from candlecast.domain.reconcile.drift import ClosedBy, closed_by, is_our_id, left_of
from candlecast.domain.reconcile.restoration import is_lost, is_restoring
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.terms import PositionSide, Side
from candlecast.domain.venue.reports import VenueTrade
from candlecast.ports.venue import MAX_LOOK_BACK, Venue
from candlecast.services.reconcile.price_assets import PriceAssets

MAX_ORDERS_ASKED = 10  # whose orders made the trades that closed a position; a look has little time, and these are the newest


@dataclass(slots=True)
class _Authors:
    """Client ids of the orders that made trades, each asked for once."""

    account: Account
    venue: Venue
    market: str
    known: dict[str, str | None] = field(default_factory=dict)

    def is_full(self, trade: VenueTrade) -> bool:
        """Whether no more orders are asked for."""
        return trade.venue_order_id not in self.known and len(self.known) >= MAX_ORDERS_ASKED

    def other(self, trade: VenueTrade) -> str | None:
        """The client id of an order that no intent explains; None of ours, and of one that the venue does not know."""
        key = trade.venue_order_id
        if key not in self.known:
            order = self.venue.find_order_by_venue_id(self.market, key)
            self.known[key] = order.client_order_id if order is not None else None
        client_order_id = self.known[key]
        if client_order_id is None or (is_our_id(client_order_id) and not self._is_lost(client_order_id)):
            return None
        return client_order_id

    def lost(self, trades: Iterable[VenueTrade], gone: Decimal) -> frozenset[str]:
        """The client ids of lost orders of ours that made `gone`, oldest first: a later one has opened what is held now."""
        found, quantity = set[str](), ZERO
        for trade in trades:
            client_order_id = self.known.get(trade.venue_order_id)
            quantity += trade.quantity
            if quantity <= gone and client_order_id is not None and self._is_lost(client_order_id):
                found.add(client_order_id)
        return frozenset(found)

    def _is_lost(self, client_order_id: str) -> bool:
        return is_restoring(self.account) and is_lost(self.account, client_order_id)


def find_closing(account: Account, venue: Venue, place: str, theirs: Decimal, began: datetime, now: datetime) -> Closing:
    """The trades of others in a place, where the venue holds `theirs` (signed); those from `began` on can be its cause.

    The fill is that of the newest on the closing side, since older ones were adopted before. Where the venue reports none (days
    ago, or behind a thousand others), the entry price stands for theirs, so that no profit is invented. Too many orders to
    attribute prove nothing: then `traded` is zero. One request, and one more for each order.
    """
    ours = net_of(account, place)
    gone, positions = abs(ours) - left_of(ours, theirs), held_at(account, place)
    side, held = (Side.SELL, PositionSide.LONG) if ours > 0 else (Side.BUY, PositionSide.SHORT)
    since = max(min(position.signal_issued_at for position in positions), now - MAX_LOOK_BACK)
    authors, prices = _Authors(account, venue, market_of(place)), PriceAssets(venue)
    trades = [trade for trade in venue.trades_since(authors.market, since) if trade.position_side in (None, held)]
    traded, notional, fee, quantity, closer = ZERO, ZERO, ZERO, ZERO, ClosedBy.CLOSED_OUTSIDE
    for trade in sorted(trades, key=lambda trade: trade.traded_at, reverse=True):
        recent, part = trade.traded_at >= began, min(trade.quantity, gone - quantity) if trade.side is side else ZERO
        if not recent and part <= 0:
            continue
        if authors.is_full(trade):
            traded = ZERO if recent else traded
            break
        client_order_id = authors.other(trade)
        if client_order_id is None:
            continue
        if recent:
            traded += trade.quantity if trade.side is side else -trade.quantity
        if part > 0:
            quantity, notional = quantity + part, notional + part * trade.price
            price = prices.of({trade.fee_asset}, quote_of(authors.market)).get(trade.fee_asset, ZERO)
            fee += trade.fee_paid * price * part / trade.quantity
            if closer is ClosedBy.CLOSED_OUTSIDE:
                closer = closed_by(client_order_id)
    lost = authors.lost((it for it in trades if it.side is side and it.traded_at >= began), gone)
    if quantity == 0:
        return Closing(traded, OutsideFill(positions[0].entry_price, ZERO, closer), lost)
    return Closing(traded, OutsideFill(notional / quantity, fee, closer), lost)
