"""An entry that rests freezes nothing: its exit cancels it at once, and every other order of the account is decided beside it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.account.kill_switch import Grade
from candlecast.domain.limits.limits import Limits
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.reconcile.look_schedule import due_soon, next_look
from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.signals.signal import Action
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.errors import Ambiguous, Fatal, Reject, RetryLater
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import PositionSide
from candlecast.domain.venue.reports import VenueOrderStatus
from candlecast.services.orders.execute_order import SEND_WITHIN_SECONDS
from tests.support.builders import ETH, SUBSCRIPTION, a_signal, after, settings
from tests.support.fakes.venue import Fault
from tests.support.money_path import KEY, MoneyPath, bracket

D = Decimal
OTHER = "subscription-2"
LIMIT = EntryOrder(type=EntryType.LIMIT, price=D(99), rests_seconds=3_600)
CANCELLED, FILLED, PENDING, SKIPPED = IntentState.CANCELLED, IntentState.FILLED, IntentState.PENDING, IntentState.SKIPPED


def resting(filled: str = "0", noticed: str = "0", **account: Any) -> MoneyPath:
    """A limit entry in the venue's book; `noticed` of it has filled and is protected, `filled` more has filled unseen."""
    path = MoneyPath(subscriptions=dict.fromkeys((SUBSCRIPTION, OTHER), SubscriptionStatus.ACTIVE), **account)
    path.execute(bracket(entry=LIMIT), settings=settings(max_positions=2))
    for quantity in (noticed, filled):
        if D(quantity):
            path.exchange.fill(KEY, entry_of(path).client_order_id, D(quantity), D(99))
        if quantity is noticed:
            path.reconcile(60)
    path.clock.advance(1)
    return path


def entry_of(path: MoneyPath) -> Intent:
    return next(i for i in path.account.intents.values() if i.kind is LegKind.ENTRY)


def told(path: MoneyPath, kind: LegKind) -> list[tuple[IntentState, Reason | None]]:
    return [(i.state, i.reason) for i in path.told(kind)]


def orders_of_exits(path: MoneyPath) -> list[Decimal]:
    return [
        request.quantity for request, _ in path.exchange.books[KEY].orders if request.reduce_only and not request.trigger_price
    ]


# -- an exit -----------------------------------------------------------------------------------------------------------------


def test_an_exit_cancels_an_entry_that_rests_at_once_and_ends_with_nothing_held() -> None:
    path = resting()
    before, saves = len(path.exchange.requests), path.accounts.saves
    path.leave()
    assert [request.method for request in path.exchange.requests[before:]] == ["cancel_order", "find_order"]
    assert (path.accounts.saves - saves, path.is_flat) == (2, True)
    assert told(path, LegKind.ENTRY) == [(CANCELLED, Reason.SIGNAL_SUPERSEDED)]
    assert told(path, LegKind.EXIT) == [(SKIPPED, Reason.NOTHING_HELD)]
    assert due_soon(path.account, path.clock.now()) is None


@pytest.mark.parametrize(("noticed", "filled"), [("0", "4"), ("4", "0"), ("4", "3"), ("0", "10")])
def test_an_exit_closes_at_once_all_that_the_entry_has_filled(noticed: str, filled: str) -> None:
    path = resting(filled, noticed)
    before, saves = len(path.exchange.requests), path.accounts.saves
    path.leave()
    methods = [request.method for request in path.exchange.requests[before:]]
    stops = ["cancel_order"] if D(noticed) else []
    assert methods == ["cancel_order", "find_order", "create_order", *stops]
    assert path.accounts.saves - saves == 3
    assert (path.is_flat, orders_of_exits(path)) == (True, [D(noticed) + D(filled)])
    assert told(path, LegKind.EXIT) == [(FILLED, None)]


def test_the_wish_is_written_before_anything_is_cancelled_and_the_mark_before_the_exit_leaves() -> None:
    path, seen = resting("4"), []
    exchange, receive = path.exchange, path.exchange.receive

    def watch(method: str, *args: Any) -> Any:
        seen.append((method, [i.state for i in path.account.intents.values() if i.kind is LegKind.EXIT]))
        return receive(method, *args)

    exchange.receive = watch  # type: ignore[method-assign, assignment]
    path.leave()
    assert seen[:3] == [
        ("cancel_order", [PENDING]),
        ("find_order", [PENDING]),
        ("create_order", [IntentState.SUBMITTING]),
    ]


@pytest.mark.parametrize("method", ["cancel_order", "find_order"])
@pytest.mark.parametrize("error", [Ambiguous("OUTCOME_UNKNOWN"), RetryLater("RATE_LIMITED", after_seconds=5), Reject("NO")])
def test_what_is_not_known_of_the_end_is_the_reconcilers(method: str, error: Exception) -> None:
    path = resting("4")
    path.exchange.fail(method, error)  # type: ignore[arg-type]
    path.leave()
    assert (path.states(LegKind.EXIT), orders_of_exits(path)) == ([PENDING], [])
    (request, delay) = path.queue.sent[-1]
    assert (request.account_id, delay) == ("account-1", 5)
    path.reconcile(5)
    assert (path.is_flat, path.states(LegKind.EXIT)) == (True, [FILLED])


def test_an_entry_that_still_rests_after_its_cancellation_is_cancelled_again_and_again() -> None:
    path = resting("4")
    path.exchange.fail("cancel_order", RetryLater("RATE_LIMITED", after_seconds=5), times=6)
    path.leave()
    pauses = []
    while path.states(LegKind.EXIT) == [PENDING]:
        look = next_look(path.account, path.clock.now())
        assert look is not None
        pauses.append((look - path.clock.now()).total_seconds())
        path.reconcile(pauses[-1])
    assert pauses == [5, 15, 30, 60, 60, 60]  # the pace of exits
    assert path.is_flat
    assert path.metrics.counts["VenueErrors"] == 6


def test_a_fill_that_comes_while_the_cancellation_is_repeated_is_closed_too() -> None:
    path = resting("4")
    path.exchange.fail("cancel_order", Ambiguous("OUTCOME_UNKNOWN"))
    path.leave()
    path.exchange.fill(KEY, entry_of(path).client_order_id, D(3), D(99))
    path.reconcile(5)
    assert (path.is_flat, orders_of_exits(path)) == (True, [D(7)])


def test_another_writer_between_wish_and_mark_leaves_the_exit_to_the_reconciler() -> None:
    path = resting("4")
    between(path, "find_order", lambda: path.change(label="renamed"))
    path.leave()
    assert (path.states(LegKind.EXIT), orders_of_exits(path)) == ([PENDING], [])
    assert path.queue.sent[-1][1] == 0
    path.reconcile(0)
    assert (path.is_flat, orders_of_exits(path)) == (True, [D(4)])


def test_a_reconciler_that_closes_first_is_not_followed_by_a_second_exit() -> None:
    path = resting("4")
    between(path, "find_order", lambda: path.reconcile(0))
    path.leave()
    path.settle(looks=3)
    assert (path.is_flat, orders_of_exits(path)) == (True, [D(4)])


class Dies(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("filled", ["0", "4"])
@pytest.mark.parametrize("method", ["cancel_order", "find_order", "save 2", "create_order", "save 3"])
def test_a_crash_anywhere_leaves_a_record_from_which_the_reconciler_finishes(method: str, filled: str) -> None:
    path = resting(filled)
    if method.startswith("save"):
        die_at_save(path, int(method[-1]))
    else:
        between(path, method, die)
    try:
        path.leave()
    except Dies:
        pass
    else:
        assert filled == "0" and method in ("create_order", "save 3")
    assert due_soon(path.account, path.clock.now()) is not None or path.is_flat
    path.settle(looks=3)
    assert (path.is_flat, orders_of_exits(path)) == (True, [D(filled)] if D(filled) else [])


def test_a_visit_that_has_taken_its_time_leaves_the_exit_to_the_reconciler() -> None:
    path = resting("4")
    between(path, "find_order", lambda: path.clock.advance(SEND_WITHIN_SECONDS + 1))
    path.leave()
    assert (path.states(LegKind.EXIT), path.queue.sent[-1][1]) == ([PENDING], 0)
    path.reconcile(0)
    assert path.is_flat


def test_a_key_that_is_refused_disables_the_account() -> None:
    path = resting()
    path.exchange.fail("cancel_order", Fatal("AUTHENTICATION_FAILED"))
    path.leave()
    assert path.account.status is AccountStatus.DISABLED
    assert told(path, LegKind.EXIT) == [(IntentState.DENIED, Reason.ACCOUNT_DISABLED)]


def test_a_repeat_of_the_exit_cancels_and_sends_nothing() -> None:
    path = resting("4")
    signal = a_signal(Action.EXIT, issued_at=path.clock.now())
    path.execute(signal)
    before = len(path.exchange.requests)
    path.execute(signal)
    assert len(path.exchange.requests) == before


# -- a reversal --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("filled", ["0", "4"])
def test_an_opposite_entry_cancels_the_one_that_rests_and_follows_a_second_later(filled: str) -> None:
    path = resting(filled)
    signal = bracket(Action.SHORT, stop="110", targets=(), signal_id="reversal", issued_at=path.clock.now())
    with pytest.raises(RetryLater) as raised:
        path.execute(signal)
    assert (raised.value.after_seconds, path.is_flat) == (1, True)
    path.clock.advance(1)
    path.execute(signal)
    assert path.position is not None
    assert (path.position.side, path.net, path.live_stops()) == (PositionSide.SHORT, D(-10), [(D(10), D(110))])


# -- other orders of the account ---------------------------------------------------------------------------------------------


def test_a_second_entry_of_the_position_is_denied_with_a_reason_of_its_own() -> None:
    path = resting()
    path.execute(bracket(signal_id="second", issued_at=path.clock.now()))
    assert told(path, LegKind.ENTRY)[-1] == (IntentState.DENIED, Reason.ENTRY_RESTS)


def test_orders_of_other_positions_are_decided_beside_an_entry_that_rests() -> None:
    path = resting()
    entry = bracket(signal_id="elsewhere", market=ETH, issued_at=path.clock.now())
    path.execute(entry, subscription_id=OTHER)
    assert path.account.position(OTHER, ETH) is not None
    path.clock.advance(1)
    path.execute(a_signal(Action.EXIT, signal_id="leaves", market=ETH, issued_at=path.clock.now()), subscription_id=OTHER)
    assert path.account.position(OTHER, ETH) is None
    assert entry_of(path).state is IntentState.OPEN


def test_the_market_of_an_entry_that_rests_is_in_use_for_others() -> None:
    path = resting()
    path.execute(bracket(signal_id="elsewhere", issued_at=path.clock.now()), subscription_id=OTHER)
    assert told(path, LegKind.ENTRY)[-1] == (IntentState.DENIED, Reason.MARKET_IN_USE)


# -- exits that no signal has ordered ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", [Reason.FLATTENED, Reason.HOLDING_TIME_OVER])
def test_a_forced_exit_does_not_wait_until_an_entry_has_rested_enough(cause: Reason) -> None:
    path = MoneyPath()
    limits = Limits(max_holding_hours=D("0.1"))
    path.execute(bracket(entry=LIMIT), settings=settings(limits=limits))
    path.exchange.fill(KEY, entry_of(path).client_order_id, D(4), D(99))
    path.reconcile(60)
    if cause is Reason.FLATTENED:
        path.gate.flip(Grade.FLATTEN)
    path.reconcile(360)
    path.reconcile(5)
    path.reconcile(5)
    assert path.is_flat
    assert [t.event.trade.closed_by.rpartition("_")[0] for t in path.database.stream if t.event.trade] == [cause]


def test_a_part_whose_stop_the_market_has_passed_is_closed_though_the_rest_still_rests() -> None:
    path = resting("4")
    path.exchange.script(Fault.WOULD_TRIGGER)
    path.reconcile(60)
    path.settle(looks=3, seconds=5)
    assert path.is_flat
    assert path.venue_orders(VenueOrderStatus.OPEN) == []


# -- what happens at a request -----------------------------------------------------------------------------------------------


def between(path: MoneyPath, method: str, act: Callable[[], object]) -> None:
    """Once, before the venue hears a request, somebody else acts."""
    receive, left = path.exchange.receive, [act]

    def heard(name: str, *args: Any) -> Any:
        if name == method and left:
            left.pop()()
        return receive(name, *args)

    path.exchange.receive = heard  # type: ignore[method-assign, assignment]


def die() -> None:
    raise Dies


def die_at_save(path: MoneyPath, number: int) -> None:
    """The process is gone before the write of that number lands."""
    save, at = path.accounts.save, path.accounts.saves + number

    def dying(account: Account) -> Account:
        if path.accounts.saves + 1 == at:
            path.accounts.saves += 1
            raise Dies
        return save(account)

    path.accounts.save = dying  # type: ignore[method-assign]


def test_an_exit_that_waits_makes_its_account_due_at_once() -> None:
    path = resting()
    die_at = path.clock.now()
    between(path, "cancel_order", die)
    with pytest.raises(Dies):
        path.leave()
    assert due_soon(path.account, path.clock.now()) == die_at
    assert after(0) < die_at
