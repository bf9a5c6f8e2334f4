"""Fills of lost orders explain a part of a difference, and a lost stop says where the adopted position has its own."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.reconcile.adopt_lost import LostFills, lost_stop
from candlecast.domain.values.ids import client_order_id
from candlecast.domain.values.terms import PositionSide, Side
from candlecast.domain.venue.reports import VenueOpenOrder
from tests.support.builders import BTC, ETH, an_account, an_intent

D = Decimal
OURS, OTHER_OURS = (client_order_id(letter * 32) for letter in "ab")
MARK = D(100)


def stop_at(price: int, **changes: Any) -> VenueOpenOrder:
    """A stop of a long position that bears an id of ours and that the account does not know."""
    values: dict[str, Any] = {
        "client_order_id": OURS,
        "venue_order_id": f"venue-{price}",
        "market": BTC,
        "side": Side.SELL,
        "quantity": D(1),
        "trigger_price": D(price),
        "is_conditional": True,
        "reduce_only": True,
    }
    return VenueOpenOrder(**{**values, **changes})


def found(*orders: VenueOpenOrder, side: PositionSide = PositionSide.LONG, **account: Any) -> Decimal | None:
    return lost_stop(an_account(**account), orders, BTC, side, MARK)


def test_a_lost_stop_is_where_it_rests() -> None:
    assert found(stop_at(90)) == 90


@pytest.mark.parametrize(
    "other",
    [
        stop_at(95, reduce_only=False),
        stop_at(95, side=Side.BUY),
        stop_at(95, market=ETH),
        stop_at(95, client_order_id="a-grid-bot-1"),
        stop_at(105),
        stop_at(95, trigger_price=None),
    ],
    ids=["it may open", "of the other side", "of another market", "of somebody else", "a target", "no condition"],
)
def test_an_order_that_is_no_stop_of_ours_is_not_taken_for_one(other: VenueOpenOrder) -> None:
    assert found(other) is None
    assert found(other, stop_at(90)) == 90


def test_a_stop_that_the_account_knows_belongs_to_another_position() -> None:
    known = an_intent(intent_id="a" * 32)
    assert known.client_order_id == OURS
    assert found(stop_at(95), stop_at(90, client_order_id=OTHER_OURS), intents={known.intent_id: known}) == 90


@pytest.mark.parametrize(
    ("side", "closing", "prices", "tightest"),
    [(PositionSide.LONG, Side.SELL, (80, 90), 90), (PositionSide.SHORT, Side.BUY, (120, 110), 110)],
)
def test_of_two_lost_stops_the_tightest_counts(side: PositionSide, closing: Side, prices: tuple[int, int], tightest: int) -> None:
    assert found(*(stop_at(price, side=closing) for price in prices), side=side) == tightest


@pytest.mark.parametrize(
    ("fills", "difference", "part"),
    [(10, 10, 10), (10, 4, 4), (4, 10, 4), (-4, -10, -4), (-10, -4, -4), (10, -10, 0), (-10, 10, 0)],
)
def test_fills_explain_at_most_themselves_and_nothing_of_the_other_side(fills: int, difference: int, part: int) -> None:
    assert LostFills(D(fills), MARK, D(0), frozenset()).part_of(D(difference)) == part
