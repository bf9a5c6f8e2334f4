"""The fake venue behaves as the real one does where the order protocol depends on it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from candlecast.domain.orders.intent import LegKind
from candlecast.domain.values.errors import Ambiguous, Fatal, Reject, RetryLater
from candlecast.domain.values.terms import OrderType, Side
from candlecast.domain.venue.reports import VenueOrderStatus
from candlecast.ports.venue import Credentials
from tests.support.builders import ACCOUNT, BTC, VENUE, an_intent, an_order_request
from tests.support.fakes.venue import FakeExchange, FakeVenue, FakeVenues, Fault

KEY = "key-1"
ENTRY = an_intent()


@pytest.fixture
def exchange() -> FakeExchange:
    return FakeExchange()


@pytest.fixture
def venue(exchange: FakeExchange) -> FakeVenue:
    return FakeVenues(exchange).connect(VENUE, ACCOUNT, "version-1", Credentials(KEY, "secret-1"))


def test_a_market_order_fills_and_moves_the_position(exchange: FakeExchange, venue: FakeVenue) -> None:
    order = venue.create_order(ENTRY.request())
    assert (order.status, order.filled_quantity, order.average_price) == (VenueOrderStatus.FILLED, Decimal(10), Decimal(100))
    assert exchange.net_position(KEY, BTC) == 10


def test_a_client_id_is_taken_again_once_its_order_has_filled(exchange: FakeExchange, venue: FakeVenue) -> None:
    venue.create_order(an_order_request())
    venue.create_order(an_order_request())
    assert len(exchange.orders(KEY, "cc1")) == 2


def test_a_client_id_of_an_open_order_is_refused(exchange: FakeExchange, venue: FakeVenue) -> None:
    exchange.fills_at_once = False
    venue.create_order(an_order_request())
    with pytest.raises(Reject):
        venue.create_order(an_order_request())


@pytest.mark.parametrize(
    ("fault", "error", "orders"),
    [
        (Fault.AMBIGUOUS_EXECUTED, Ambiguous, 1),
        (Fault.AMBIGUOUS_NOT_EXECUTED, Ambiguous, 0),
        (Fault.AMBIGUOUS_EXECUTED_LATE, Ambiguous, 0),
        (Fault.REJECT, Reject, 0),
        (Fault.RETRY_LATER, RetryLater, 0),
        (Fault.FATAL, Fatal, 0),
    ],
)
def test_a_scripted_fault_hits_one_order(
    exchange: FakeExchange, venue: FakeVenue, fault: Fault, error: type[Exception], orders: int
) -> None:
    exchange.script(fault)
    with pytest.raises(error):
        venue.create_order(ENTRY.request())
    assert len(exchange.orders(KEY)) == orders
    assert (venue.find_order(ENTRY) is not None) == bool(orders)
    venue.create_order(replace(ENTRY.request(), client_order_id="next"))


def test_a_late_order_reaches_the_book_when_it_arrives(exchange: FakeExchange, venue: FakeVenue) -> None:
    exchange.script(Fault.AMBIGUOUS_EXECUTED_LATE)
    with pytest.raises(Ambiguous):
        venue.create_order(ENTRY.request())
    exchange.arrive_late()
    found = venue.find_order(ENTRY)
    assert found is not None
    assert found.fee == Decimal("0.4")


def test_a_stop_closes_the_position_when_the_price_reaches_it(exchange: FakeExchange, venue: FakeVenue) -> None:
    venue.create_order(ENTRY.request())
    stop = an_intent(LegKind.STOP_LOSS)
    venue.create_order(stop.request())
    exchange.trade(BTC, Decimal(91))
    assert [order.client_order_id for order in venue.open_orders(BTC)] == [stop.client_order_id]
    exchange.trade(BTC, Decimal(89))
    assert exchange.net_position(KEY, BTC) == 0
    assert not venue.open_orders()
    assert not venue.positions()


def test_a_target_closes_on_the_winning_side(exchange: FakeExchange, venue: FakeVenue) -> None:
    venue.create_order(ENTRY.request())
    venue.create_order(an_intent(LegKind.TAKE_PROFIT).request())
    exchange.trade(BTC, Decimal(90))
    assert exchange.net_position(KEY, BTC) == 10
    exchange.trade(BTC, Decimal(111))
    assert exchange.net_position(KEY, BTC) == 0


def test_a_reduce_only_order_never_opens(exchange: FakeExchange, venue: FakeVenue) -> None:
    with pytest.raises(Reject):
        venue.create_order(an_order_request(side=Side.SELL, reduce_only=True))
    venue.create_order(an_order_request())
    venue.create_order(an_order_request("cc2", side=Side.SELL, reduce_only=True, quantity=Decimal(25)))
    assert exchange.net_position(KEY, BTC) == 0


def test_an_order_fills_in_parts(exchange: FakeExchange, venue: FakeVenue) -> None:
    exchange.fills_at_once = False
    venue.create_order(ENTRY.request())
    exchange.fill(KEY, ENTRY.client_order_id, Decimal(4), Decimal(99))
    exchange.fill(KEY, ENTRY.client_order_id, Decimal(6), Decimal(101))
    order = venue.find_order(ENTRY)
    assert order is not None
    assert (order.status, order.average_price) == (VenueOrderStatus.FILLED, Decimal("100.2"))


def test_a_cancelled_order_is_gone_and_cancelling_again_is_no_error(exchange: FakeExchange, venue: FakeVenue) -> None:
    request = an_order_request(ENTRY.client_order_id, order_type=OrderType.STOP_MARKET, trigger_price=Decimal(120))
    venue.create_order(request)
    venue.cancel_order(ENTRY)
    venue.cancel_order(ENTRY)
    assert exchange.orders(KEY)[0].status is VenueOrderStatus.CANCELLED


def test_a_revoked_key_is_refused_and_others_are_not(exchange: FakeExchange, venue: FakeVenue) -> None:
    other = FakeVenues(exchange).connect(VENUE, "account-2", "version-1", Credentials("key-2", "secret-2"))
    exchange.revoke(KEY)
    with pytest.raises(Fatal):
        venue.create_order(an_order_request())
    other.create_order(an_order_request())
    assert [(request.api_key, request.method) for request in exchange.requests] == [
        (KEY, "create_order"),
        ("key-2", "create_order"),
    ]


def test_a_replica_that_lags_misses_an_order_so_many_times(exchange: FakeExchange, venue: FakeVenue) -> None:
    venue.create_order(ENTRY.request())
    exchange.hidden_lookups = 1
    assert venue.find_order(ENTRY) is None
    assert venue.find_order(ENTRY) is not None
