"""The trigger of a stop, and the end of an entry that rests at the venue, are those of the subscription's settings."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import OrderType, TimeInForce, WorkingType
from candlecast.domain.venue.reports import OrderRequest, StopTrigger, VenueOrderStatus
from candlecast.domain.venue.rules import BINANCE_USDM, CAUTIOUS
from tests.support.builders import BTC, NOW, after, an_intent, settings
from tests.support.money_path import KEY, MoneyPath, bracket

D = Decimal
BY_MARK = {"stop_working_type": WorkingType.MARK_PRICE, "stop_price_protect": True}
MARKED = StopTrigger(working_type=WorkingType.MARK_PRICE, price_protect=True)
LIMIT = EntryOrder(type=EntryType.LIMIT, price=D(98), rests_seconds=60)


def entered(**chosen: Any) -> MoneyPath:
    path = MoneyPath()
    path.execute(bracket(), settings=settings(**chosen))
    return path


def requests(path: MoneyPath) -> dict[OrderType, OrderRequest]:
    return {request.order_type: request for request, _ in path.exchange.books[KEY].orders}


def test_without_a_word_the_last_price_triggers_stops() -> None:
    path = entered()
    assert {request.stop_trigger for request in requests(path).values()} == {None}
    path.exchange.trade(BTC, D(90))
    path.settle(looks=2)
    assert path.is_flat


def test_a_stop_by_mark_is_left_alone_by_the_last_price() -> None:
    path = entered(**BY_MARK)
    path.exchange.marks[BTC] = D(99)
    path.exchange.trade(BTC, D(85))
    assert path.net == 10
    path.exchange.marks[BTC] = D(90)
    path.exchange.trade(BTC, D(92))
    path.settle(looks=2)
    assert path.is_flat


def test_the_choice_holds_for_stops_alone_and_for_each_that_follows() -> None:
    path = entered(**BY_MARK)
    (position,) = path.account.positions.values()
    path.change(positions={position.key: replace(position, stop_price=D(95))})
    path.reconcile(60)
    assert path.live_stops() == [(D(10), D(95))]
    sent = [(r.order_type, r.stop_trigger) for r, _ in path.exchange.books[KEY].orders]
    assert sent == [
        (OrderType.MARKET, None),
        (OrderType.STOP_MARKET, MARKED),
        (OrderType.TAKE_PROFIT_MARKET, None),
        (OrderType.STOP_MARKET, MARKED),
    ]


def test_an_entry_that_rests_ends_at_the_venue_even_if_nobody_of_ours_looks() -> None:
    path = MoneyPath()
    path.execute(bracket(entry=LIMIT, targets=()))
    assert requests(path)[OrderType.LIMIT].good_till == NOW + timedelta(seconds=615)


@pytest.mark.parametrize(("rests", "till"), [(600, 615), (616, 616), (86_400, 86_400)])
def test_the_end_at_the_venue_is_never_before_our_own_and_never_sooner_than_the_venue_allows(rests: int, till: int) -> None:
    leg = an_intent(order_type=OrderType.LIMIT, price=D(98), submitted_at=NOW, expires_at=after(rests))
    assert leg.request(rules=BINANCE_USDM).good_till == after(till)
    assert leg.request(rules=CAUTIOUS).good_till is None


@pytest.mark.parametrize(
    "changes",
    [
        {"time_in_force": TimeInForce.IOC},
        {"time_in_force": TimeInForce.FOK},
        {"post_only": True},
        {"order_type": OrderType.MARKET, "price": None},
        {"order_type": OrderType.STOP_MARKET, "price": None, "trigger_price": D(98)},
        {"kind": LegKind.TAKE_PROFIT, "order_type": OrderType.TAKE_PROFIT_LIMIT, "trigger_price": D(98)},
    ],
)
def test_no_other_order_has_an_end_at_the_venue(changes: dict[str, Any]) -> None:
    leg = an_intent(**{"order_type": OrderType.LIMIT, "price": D(98), "expires_at": after(60), **changes})
    assert leg.request(rules=BINANCE_USDM).good_till is None


def test_an_entry_that_the_venue_has_ended_in_time_was_not_filled() -> None:
    path = MoneyPath()
    path.execute(bracket(entry=LIMIT, targets=()))
    ((request, order),) = path.exchange.books[KEY].orders
    path.exchange.books[KEY].orders[0] = (request, replace(order, status=VenueOrderStatus.CANCELLED))
    path.settle(looks=3, seconds=400)
    (entry,) = path.told(LegKind.ENTRY)
    assert (entry.state, entry.reason) == (IntentState.CANCELLED, Reason.ENTRY_NOT_FILLED)
    assert path.is_flat


def test_all_or_nothing_fills_nothing_where_not_all_can_be_filled() -> None:
    path = MoneyPath()
    path.exchange.liquidity = D(4)
    path.execute(bracket(entry=EntryOrder(type=EntryType.LIMIT, price=D(101), time_in_force=TimeInForce.FOK), targets=()))
    (entry,) = path.told(LegKind.ENTRY)
    assert (entry.state, entry.reason, path.net) == (IntentState.REJECTED, Reason.ENTRY_NOT_FILLED, D(0))
