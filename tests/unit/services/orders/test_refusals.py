"""Refusals of a venue that concern more than one order: entries are suspended, and exits, stops and targets go on."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from candlecast.domain.account.account import AccountStatus
from candlecast.domain.account.suspension import suspended_by
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.values.errors import Reject, RetryLater
from candlecast.domain.values.reasons import Reason
from candlecast.domain.venue.refusals import KEYS_REFUSED, SUSPENDED_FOR
from tests.support.builders import after
from tests.support.fakes.venue import Fault
from tests.support.money_path import KEY, MoneyPath, bracket

NONE = Fault.NONE
D = Decimal
FOR_A_WHILE = (*SUSPENDED_FOR, Reason.OUTSIDE_PRICE_BAND, Reason.MARKET_CLOSED)


class Picky(MoneyPath):
    """A venue that refuses orders by a number: the n-th `create_order` from now on with a code."""

    def refuse(self, code: str, *, after_orders: int = 0, times: int = 1) -> None:
        place = self.exchange.create
        seen = 0

        def create(api_key: str, request: object) -> object:
            nonlocal seen
            seen += 1
            if after_orders < seen <= after_orders + times:
                raise Reject(code, "the venue's words")
            return place(api_key, request)  # type: ignore[arg-type]

        self.exchange.create = create  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize("cause", SUSPENDED_FOR)
def test_a_venue_that_takes_no_entries_of_the_account_suspends_them_and_disables_nobody(cause: Reason) -> None:
    path = Picky()
    path.refuse(cause.value)
    account = path.enter()
    assert (account.status, suspended_by(account, path.clock.now())) == (AccountStatus.ACTIVE, cause)
    assert [(i.state, i.reason) for i in path.told(LegKind.ENTRY)] == [(IntentState.REJECTED, cause)]
    assert account.suspensions[0].until == path.clock.now() + SUSPENDED_FOR[cause]
    path.execute(bracket(issued_at=after(1)))
    assert path.exchange.count("create_order") == 1
    assert path.told(LegKind.ENTRY)[-1].reason is cause
    path.clock.advance(SUSPENDED_FOR[cause].total_seconds() + 1)
    path.execute(bracket(issued_at=path.clock.now()))
    assert path.net == 10


def test_leverage_that_the_venue_does_not_grant_to_the_person_suspends_entries() -> None:
    path = MoneyPath()
    path.change(market_settings={})
    path.exchange.fail("set_market_settings", Reject("VENUE_RESTRICTS_PERSON", "-4202"))
    account = path.enter()
    assert (account.status, path.told(LegKind.ENTRY)[0].reason) == (AccountStatus.ACTIVE, Reason.VENUE_RESTRICTS_PERSON)


@pytest.mark.parametrize("reason", FOR_A_WHILE)
def test_an_exit_that_is_refused_for_a_while_is_sent_again(reason: Reason) -> None:
    path = Picky()
    path.enter()
    path.refuse(reason.value)
    path.leave()
    assert path.states(LegKind.EXIT) == [IntentState.PENDING]
    path.reconcile(6)
    path.settle(looks=2)
    assert path.is_flat
    assert path.states(LegKind.EXIT) == [IntentState.FILLED]


@pytest.mark.parametrize("reason", FOR_A_WHILE)
def test_a_stop_that_is_refused_for_a_while_is_sent_again_and_nothing_is_sold(reason: Reason) -> None:
    path = Picky()
    path.refuse(reason.value, after_orders=1, times=2)
    path.enter()
    for _ in range(3):
        path.reconcile(16)
    assert (path.net, path.live_stops()) == (D(10), [(D(10), D(90))])


@pytest.mark.parametrize("reason", [Reason.POSITION_LIMIT, Reason.OUTSIDE_PRICE_BAND, Reason.MARKET_CLOSED])
def test_an_entry_ends_with_the_venues_reason_and_the_account_goes_on(reason: Reason) -> None:
    path = Picky()
    path.refuse(reason.value)
    account = path.enter()
    assert [(i.state, i.reason) for i in path.told(LegKind.ENTRY)] == [(IntentState.REJECTED, reason)]
    assert (account.suspensions, account.status) == ((), AccountStatus.ACTIVE)


def test_a_target_that_the_market_has_reached_closes_its_share_at_market() -> None:
    path = Picky()
    path.refuse("WOULD_TRIGGER", after_orders=2)
    path.enter()
    assert path.net == D(10)
    assert path.states(LegKind.TAKE_PROFIT) == []
    path.reconcile(5)
    assert path.states(LegKind.TAKE_PROFIT) == [IntentState.FILLED]
    path.settle(looks=2)
    assert path.is_flat


def test_a_target_at_market_whose_answer_is_lost_closes_its_share_once() -> None:
    path = Picky()
    path.refuse("WOULD_TRIGGER", after_orders=2)
    path.enter()
    path.exchange.script(Fault.AMBIGUOUS_EXECUTED)
    path.reconcile(5)
    path.settle()
    assert path.is_flat
    assert sum(trade.quantity for trade in path.exchange.books[KEY].trades) == 20


def test_refused_keys_leave_the_order_waiting_and_suspend_entries() -> None:
    path = MoneyPath()
    path.exchange.fail("create_order", RetryLater(KEYS_REFUSED, "-2015", after_seconds=60))
    account = path.enter()
    assert (account.status, suspended_by(account, after(10**6))) == (AccountStatus.ACTIVE, Reason.KEYS_REFUSED)
    assert path.states(LegKind.ENTRY) == [IntentState.PENDING]
    path.reconcile(61)
    assert path.account.suspensions == ()
    path.execute(bracket(issued_at=path.clock.now(), stop="95"))
    assert path.net != 0


def test_an_exit_under_refused_keys_is_sent_once_they_work_again() -> None:
    path = MoneyPath()
    path.enter()
    path.exchange.fail("create_order", RetryLater(KEYS_REFUSED, "-2015", after_seconds=60))
    path.leave()
    assert path.states(LegKind.EXIT) == [IntentState.PENDING]
    path.reconcile(61)
    path.settle(looks=2)
    assert path.is_flat


def test_suspensions_end_after_a_stated_time() -> None:
    assert set(SUSPENDED_FOR) == {Reason.VENUE_REDUCE_ONLY, Reason.VENUE_FORBIDS_ORDERS, Reason.VENUE_RESTRICTS_PERSON}
    assert all(timedelta(minutes=5) <= lasts <= timedelta(days=1) for lasts in SUSPENDED_FOR.values())
