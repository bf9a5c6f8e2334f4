"""Limits on held positions: the positions that the reconciler has to close."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.account.account import Account
from candlecast.domain.decide.risk.held import losing_positions, overdue_positions
from candlecast.domain.limits.limits import ClosingLimits
from candlecast.domain.values.terms import PositionSide
from candlecast.domain.venue.reports import VenueOrder, VenueOrderStatus
from tests.support.builders import BTC, ETH, NOW, SUBSCRIPTION, a_position, an_account, an_intent

D = Decimal


def holding(**changes: Any) -> Account:
    position = a_position(**changes)
    return an_account(positions={position.key: position})


def test_a_position_is_overdue_once_it_was_held_as_long_as_it_may() -> None:
    account = holding(limits_to_close=ClosingLimits(max_holding_hours=D("1.5")))
    assert overdue_positions(account, NOW + timedelta(minutes=89)) == ()
    assert overdue_positions(account, NOW + timedelta(minutes=90)) == tuple(account.positions.values())


def test_a_position_without_limits_is_left_alone() -> None:
    account = holding()
    assert overdue_positions(account, NOW + timedelta(days=999)) == ()
    assert losing_positions(account, {BTC: D(1)}) == ()


@pytest.mark.parametrize(
    ("side", "just_within", "at_the_limit"), [(PositionSide.LONG, "95.1", "95"), (PositionSide.SHORT, "104.9", "105")]
)
def test_a_position_loses_too_much_at_the_share_of_what_it_has_cost(
    side: PositionSide, just_within: str, at_the_limit: str
) -> None:
    account = holding(side=side, limits_to_close=ClosingLimits(max_unrealised_loss_percent=D(5)))
    assert losing_positions(account, {BTC: D(just_within)}) == ()
    assert losing_positions(account, {BTC: D(at_the_limit)}) == tuple(account.positions.values())


def test_a_market_without_a_mark_price_is_left_alone() -> None:
    account = holding(limits_to_close=ClosingLimits(max_unrealised_loss_percent=D(5)))
    assert losing_positions(account, {ETH: D(1)}) == ()


def test_a_position_has_the_limits_of_the_entry_that_opened_it() -> None:
    limits = ClosingLimits(max_holding_hours=D(1))
    entry = an_intent(limits_to_close=limits)
    filled = VenueOrder(
        client_order_id=entry.client_order_id,
        venue_order_id="1",
        status=VenueOrderStatus.FILLED,
        filled_quantity=D(10),
        average_price=D(100),
    )
    account = an_account().decide([entry], NOW).apply(entry.intent_id, filled, D(0), NOW)
    position = account.position(SUBSCRIPTION, BTC)
    assert position is not None
    assert position.limits_to_close == limits
