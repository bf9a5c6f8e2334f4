"""The record of an order that is taken over, and of a leg that is not sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import partial

import pytest

from candlecast.domain.account.account import Account
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.values.errors import Ambiguous, Fatal, Reject, RetryLater
from candlecast.domain.values.reasons import Reason
from candlecast.domain.venue.reports import VenueOrder, VenueOrderStatus
from candlecast.services.orders.changes import Changes
from candlecast.services.orders.place_orders import PlaceOrders
from tests.support.builders import BTC, NOW, a_market, an_account, an_intent
from tests.support.fakes.accounts import FakeAccountStore
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.gate import FakeGate, check_gate
from tests.support.fakes.market_data import FakeMarkets
from tests.support.fakes.venue import FakeExchange, FakeVenue
from tests.support.money_path import IN_FORCE

D = Decimal
ENTRY, STOP = an_intent(), an_intent(LegKind.STOP_LOSS, state=IntentState.OPEN)
FILLED = VenueOrder(
    client_order_id="c", venue_order_id="1", status=VenueOrderStatus.FILLED, filled_quantity=D(10), average_price=D(100)
)


def place() -> PlaceOrders:
    clock, metrics = FakeClock(), RecordingMetrics()
    return PlaceOrders(FakeMarkets(a_market(taker_fee=D("0.0005"))), check_gate(FakeGate(), clock, metrics), clock, metrics)


def stored(store: FakeAccountStore, *legs: object) -> Account:
    intents = {leg.intent_id: leg for leg in legs}  # type: ignore[attr-defined]
    return store.create(an_account(intents=intents, market_settings={BTC: IN_FORCE}))


def test_a_fee_that_the_venue_does_not_tell_is_estimated_at_the_markets_rate() -> None:
    changes = Changes(stored(FakeAccountStore(), ENTRY))
    place().take_over(changes, ENTRY, FILLED)
    assert [p.fees for p in changes.account.positions.values()] == [D("0.5")]


def test_a_fill_in_a_market_that_left_the_catalogue_is_taken_over_without_a_fee() -> None:
    elsewhere = replace(ENTRY, market="GONE/USDT:USDT")
    changes = Changes(stored(FakeAccountStore(), elsewhere))
    place().take_over(changes, elsewhere, FILLED)
    assert [(p.quantity, p.fees) for p in changes.account.positions.values()] == [(D(10), D(0))]


@pytest.mark.parametrize("error", [Ambiguous("A"), RetryLater("B", after_seconds=1), Reject("C"), Fatal("D")])
def test_an_orphan_that_cannot_be_cancelled_stays_and_stops_nothing(error: Exception) -> None:
    exchange = FakeExchange()
    changes = Changes(stored(FakeAccountStore(), STOP))
    exchange.fail("cancel_order", error)  # type: ignore[arg-type]
    place().cancel_orphans(changes, FakeVenue(exchange, "key-1"))
    assert (changes.any, changes.account.orphans()) == (False, (STOP,))
    place().cancel_orphans(changes, FakeVenue(exchange, "key-1"))
    assert changes.account.orphans() == ()


def test_a_leg_that_has_ended_before_its_turn_is_not_sent() -> None:
    exchange = FakeExchange()
    changes = Changes(stored(FakeAccountStore(), ENTRY))
    changes.make(partial(Account.fail, intent_id=ENTRY.intent_id, state=IntentState.DENIED, reason=Reason.MAX_POSITIONS, now=NOW))
    place()(changes, FakeVenue(exchange, "key-1"), [ENTRY])
    assert exchange.requests == []


@pytest.mark.parametrize(("looked_for", "states"), [(None, []), (NOW, [IntentState.EXPIRED])])
def test_a_stop_without_its_position_is_forgotten_unless_it_has_been_told_of(
    looked_for: datetime | None, states: list[IntentState]
) -> None:
    stop = an_intent(LegKind.STOP_LOSS, last_lookup_at=looked_for)
    changes, exchange = Changes(stored(FakeAccountStore(), stop)), FakeExchange()
    place()(changes, FakeVenue(exchange, "key-1"), [stop])
    assert [event.order.state for event in changes.account.outbox if event.order] == states
    assert (exchange.requests, len(changes.account.intents)) == ([], 0)
