"""A position that a venue does not list is not closed by that: the trades or the market's own answer must agree."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.orders.position import Trade
from candlecast.domain.reconcile.closing import NOT_PROVEN, PATIENCE
from candlecast.domain.reconcile.look_schedule import next_full_look
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.money import ZERO
from candlecast.domain.venue.rules import BINANCE_USDM
from candlecast.services.reconcile.find_closing import MAX_ORDERS_ASKED
from tests.support.builders import BTC
from tests.support.fakes.venue import Fault
from tests.support.money_path import KEY, MoneyPath

D = Decimal
APART = BINANCE_USDM.lookup_spacing.total_seconds()
STOP = [(D(10), D(90))]
EVERYTHING = {"positions", "positions_in", "trades_since"}


def holding(**levels: Any) -> MoneyPath:
    path = MoneyPath()
    path.enter(targets=(), **levels)
    full_look(path)
    path.clock.advance(30)
    return path


def full_look(path: MoneyPath) -> None:
    path.reconcile(max((next_full_look(path.account) - path.clock.now()).total_seconds(), 0))


def looks(path: MoneyPath, minutes: int) -> None:
    """As the clock takes them: once a minute, while a position is open."""
    for _ in range(minutes):
        path.reconcile(60)


def trades(path: MoneyPath) -> list[Trade]:
    return [told.event.trade for told in path.database.stream if told.event.trade]


def test_two_looks_at_a_venue_that_lists_nothing_adopt_nothing_and_leave_the_stop() -> None:
    path = holding()
    path.exchange.blank = {"positions", "trades_since"}
    full_look(path)
    path.reconcile(APART)
    assert path.position is not None
    assert (path.position.quantity, path.live_stops(), trades(path)) == (D(10), STOP, [])
    assert path.exchange.count("cancel_order") == 0


def test_a_venue_that_lists_nothing_for_an_hour_costs_no_position_and_tells_one_person_once() -> None:
    path = holding()
    path.exchange.blank = {"positions", "trades_since"}
    full_look(path)
    looks(path, 60)
    assert (path.net, path.live_stops(), trades(path)) == (D(10), STOP, [])
    assert path.position is not None
    assert path.alerts() == [NOT_PROVEN]
    told = next(e.event for e in path.database.stream if e.event.code == NOT_PROVEN)
    assert told.market == BTC
    path.exchange.blank = set()
    full_look(path)
    assert (dict(path.account.drifts), path.alerts()) == ({}, [NOT_PROVEN])


def test_a_position_that_is_listed_as_smaller_keeps_its_size_until_trades_say_so() -> None:
    path = holding()
    path.exchange.books[KEY].net[BTC] = D(4)
    full_look(path)
    looks(path, 5)
    assert path.position is not None
    assert (path.position.quantity, path.live_stops()) == (D(10), STOP)
    path.exchange.books[KEY].net[BTC] = D(10)
    path.exchange.trade_outside(KEY, BTC, D(-6))
    looks(path, 6)
    assert (path.position.quantity, path.live_stops()) == (D(4), [(D(4), D(90))])


def test_trades_of_ours_and_those_that_were_bought_back_prove_nothing() -> None:
    path = holding()
    path.exchange.trade_outside(KEY, BTC, D(-10), "web_1")
    path.exchange.trade_outside(KEY, BTC, D(10), "web_2")
    path.exchange.blank = {"positions"}
    full_look(path)
    looks(path, 10)
    assert path.position is not None
    assert (path.position.quantity, path.alerts()) == (D(10), [NOT_PROVEN])


def test_trades_before_a_comparison_that_had_to_wait_for_an_order_prove_a_closing() -> None:
    path = holding(stop=None)
    path.exchange.script(Fault.AMBIGUOUS_NOT_EXECUTED)
    path.leave()
    path.exchange.trade_outside(KEY, BTC, D(-10))
    full_look(path)
    assert not path.account.drifts[BTC].counts
    looks(path, 4)
    assert (path.position, path.alerts()) == (None, ["POSITION_CLOSED_OUTSIDE"])


def test_trades_that_were_adopted_before_do_not_prove_another_closing() -> None:
    path = holding()
    path.exchange.trade_outside(KEY, BTC, D(-6))
    full_look(path)
    path.reconcile(APART)
    assert path.position is not None
    assert path.position.quantity == D(4)
    path.exchange.blank = {"positions"}
    looks(path, 10)
    assert (path.position.quantity, path.live_stops()) == (D(4), [(D(4), D(90))])


def test_trades_of_an_order_that_the_venue_does_not_know_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    path = holding()
    path.exchange.trade_outside(KEY, BTC, D(-10))
    monkeypatch.setattr("tests.support.fakes.venue.FakeVenue.find_order_by_venue_id", lambda *_: None)
    full_look(path)
    path.reconcile(APART)
    assert path.position is not None


def test_a_closing_whose_trades_are_gone_is_believed_once_the_market_alone_says_so_for_a_quarter_of_an_hour() -> None:
    path = holding(stop=None)
    path.exchange.trade_outside(KEY, BTC, D(-10))
    path.exchange.blank = {"trades_since"}
    full_look(path)
    began = path.clock.now()
    while path.position is not None:
        path.reconcile(60)
        assert path.clock.now() - began < PATIENCE + timedelta(minutes=6)
    assert path.clock.now() - began >= PATIENCE
    (trade,) = trades(path)
    assert (trade.closed_by, trade.exit_price) == ("CLOSED_OUTSIDE", D(100)), "the entry's, so that no profit is invented"
    assert (path.exchange.count("positions_in"), path.alerts()) == (1, [NOT_PROVEN, "POSITION_CLOSED_OUTSIDE"])


def test_a_market_that_says_something_else_than_the_list_keeps_the_position() -> None:
    path = holding()
    path.exchange.blank = {"positions", "trades_since"}
    full_look(path)
    looks(path, 30)
    assert path.exchange.count("positions_in") >= 1
    assert path.position is not None


@pytest.mark.parametrize("method", ["trades_since", "positions_in", "find_order_by_venue_id"])
def test_evidence_that_cannot_be_had_adopts_nothing(method: str) -> None:
    path = holding()
    path.exchange.trade_outside(KEY, BTC, D(-10))
    path.exchange.blank = {"trades_since"} if method == "positions_in" else set()
    path.exchange.fail(method, RetryLater("ANSWER_UNUSABLE", after_seconds=5), times=1_000)
    full_look(path)
    looks(path, 25)
    assert path.position is not None


def test_more_orders_than_a_look_can_attribute_are_no_proof_by_themselves() -> None:
    path = holding()
    for number in range(MAX_ORDERS_ASKED + 1):
        path.exchange.trade_outside(KEY, BTC, D(-10) / (MAX_ORDERS_ASKED + 1), f"web_{number}")
    path.exchange.books[KEY].net[BTC] = ZERO
    full_look(path)
    path.reconcile(APART)
    assert path.position is not None
    looks(path, 25)
    assert path.is_flat, "its market's own answer says so, too"


def test_a_difference_costs_no_request_more_where_trades_prove_it_and_agreement_none_at_all() -> None:
    path = holding()
    full_look(path)
    assert (path.exchange.count("trades_since"), path.exchange.count("positions_in")) == (0, 0)
    path.exchange.trade_outside(KEY, BTC, D(-10))
    full_look(path)
    path.reconcile(APART)
    assert (path.position, path.exchange.count("trades_since"), path.exchange.count("positions_in")) == (None, 1, 0)


def test_a_closing_that_is_not_proven_is_looked_at_quickly_three_times_and_then_at_the_usual_pace() -> None:
    path = holding()
    path.exchange.blank = {"positions", "trades_since"}
    full_look(path)
    quick = 0
    for _ in range(8):
        path.queue.sent.clear()
        path.reconcile(APART)
        quick += bool(path.queue.sent)
    assert quick <= 3
    assert path.exchange.count("trades_since") == 3
