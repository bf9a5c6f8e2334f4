"""The fills of lost orders at the venue: of this place, since the restored moment, and of nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.account.account import Account
from candlecast.domain.orders.position import place_of
from candlecast.domain.reconcile.adopt_lost import LostFills
from candlecast.domain.values.ids import client_order_id
from candlecast.domain.values.terms import PositionMode, PositionSide, Side
from candlecast.domain.venue.reports import VenueOrder, VenueOrderStatus, VenueTrade
from candlecast.services.reconcile.find_lost import MAX_ORDERS_ASKED, find_lost
from tests.support.builders import BTC, NOW, an_account, an_intent

D = Decimal
MOMENT = NOW - timedelta(minutes=5)
OURS = [client_order_id(f"{number:02x}" * 16) for number in range(MAX_ORDERS_ASKED + 1)]


class Venue:
    """A venue with trades; the client id of each order's name is given."""

    def __init__(self, trades: Sequence[VenueTrade], names: dict[str, str]) -> None:
        self._trades = trades
        self._names = names
        self.since: datetime | None = None
        self.asked: list[str] = []

    def trades_since(self, market: str, since: datetime) -> Sequence[VenueTrade]:
        self.since = since
        return [trade for trade in self._trades if trade.market == market and trade.traded_at >= since]

    def find_order_by_venue_id(self, _market: str, venue_order_id: str) -> VenueOrder | None:
        self.asked.append(venue_order_id)
        name = self._names.get(venue_order_id)
        if name is None:
            return None
        return VenueOrder(client_order_id=name, venue_order_id=venue_order_id, status=VenueOrderStatus.FILLED)


def a_fill(number: int = 0, side: Side = Side.BUY, **changes: Any) -> VenueTrade:
    values: dict[str, Any] = {
        "trade_id": f"trade-{number}",
        "venue_order_id": f"venue-{number}",
        "market": BTC,
        "side": side,
        "quantity": D(10),
        "price": D(100),
        "fee": D(2),
        "traded_at": NOW - timedelta(minutes=1),
    }
    return VenueTrade(**{**values, **changes})


def names(count: int) -> dict[str, str]:
    return {f"venue-{number}": OURS[number] for number in range(count)}


def found(venue: Venue, account: Account | None = None, place: str = BTC, since: datetime = MOMENT) -> LostFills | None:
    return find_lost(account or an_account(), venue, place, since, NOW)  # type: ignore[arg-type]


def test_the_fills_of_a_lost_order_are_its_quantity_price_and_fee() -> None:
    parts = [a_fill(quantity=D(4), price=D(90)), a_fill(trade_id="another", quantity=D(6), price=D(100), fee=D(3))]
    assert found(Venue(parts, names(1))) == LostFills(D(10), D(96), D(5), frozenset(OURS[:1]))


def test_a_trade_of_before_the_restored_moment_explains_nothing() -> None:
    """The account has settled its order, and has forgotten it since."""
    earlier = a_fill(traded_at=MOMENT - timedelta(seconds=1))
    assert found(Venue([earlier], names(1))) is None


def test_trades_are_asked_for_no_further_back_than_a_venue_lists_them() -> None:
    venue = Venue([], {})
    assert found(venue, since=NOW - timedelta(days=30)) is None
    assert venue.since is not None
    assert venue.since >= NOW - timedelta(days=7)


def test_the_fills_of_another_side_explain_nothing_in_hedge_mode() -> None:
    trades = [a_fill(position_side=PositionSide.LONG), a_fill(1, Side.SELL, quantity=D(3), position_side=PositionSide.SHORT)]
    hedged, venue = an_account(position_mode=PositionMode.HEDGE), Venue(trades, names(2))
    by_side = {side: found(venue, hedged, place_of(BTC, side)) for side in PositionSide}
    assert {side: it.quantity for side, it in by_side.items() if it is not None} == {
        PositionSide.LONG: D(10),
        PositionSide.SHORT: D(-3),
    }


def test_an_order_that_the_account_knows_is_neither_lost_nor_asked_for() -> None:
    known = an_intent(intent_id="0" * 32, venue_order_id="venue-0")
    venue = Venue([a_fill()], names(1))
    assert found(venue, an_account(intents={known.intent_id: known})) is None
    assert venue.asked == []


@pytest.mark.parametrize("name", ["a-grid-bot-1", None])
def test_an_order_of_somebody_else_or_that_nobody_finds_is_not_ours(name: str | None) -> None:
    assert found(Venue([a_fill()], {} if name is None else {"venue-0": name})) is None


def test_an_entry_that_was_closed_in_part_counts_with_its_share_of_the_fees() -> None:
    trades = [a_fill(fee=D(2)), a_fill(1, Side.SELL, quantity=D(4), price=D(110), fee=D("0.5"))]
    assert found(Venue(trades, names(2))) == LostFills(D(6), D(100), D("1.2"), frozenset(OURS[:2]))


def test_an_entry_that_was_closed_whole_leaves_nothing() -> None:
    assert found(Venue([a_fill(), a_fill(1, Side.SELL)], names(2))) is None


@pytest.mark.parametrize(("orders", "adopts"), [(MAX_ORDERS_ASKED, True), (MAX_ORDERS_ASKED + 1, False)])
def test_more_orders_than_a_look_can_ask_for_are_for_a_person(orders: int, *, adopts: bool) -> None:
    venue = Venue([a_fill(number) for number in range(orders)], names(orders))
    assert (found(venue) is not None) is adopts
    assert len(venue.asked) == (orders if adopts else 0)
