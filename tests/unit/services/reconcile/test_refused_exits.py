"""An exit that the venue refuses is sent again, as a new order, until nothing is held; after three refusals a person is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from candlecast.domain.account.account import AccountStatus
from candlecast.domain.account.kill_switch import Grade
from candlecast.domain.limits.limits import Limits
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.reconcile.adopt import end_market
from candlecast.domain.signals.signal import Action
from candlecast.domain.values.errors import DomainError, Fatal, Reject
from candlecast.domain.values.reasons import Reason
from candlecast.domain.venue.reports import VenueOrderStatus
from candlecast.ports.venue import Credentials
from candlecast.services.account.change_credentials import ChangeCredentials
from tests.support.builders import ACCOUNT, BTC, TENANT, a_reconcile_request, settings
from tests.support.fakes.clock import SequentialIdentifiers
from tests.support.fakes.venue import Fault
from tests.support.money_path import KEY, MoneyPath, bracket

D = Decimal
FILLED, REJECTED, PENDING = IntentState.FILLED, IntentState.REJECTED, IntentState.PENDING
CANCELLED = VenueOrderStatus.CANCELLED
REFUSALS = ("INSUFFICIENT_FUNDS", "QUANTITY_TOO_LARGE", "NOTIONAL_TOO_SMALL", "POSITION_LIMIT", "VENUE_REJECTED", "-4242")


def refused(code: str = "VENUE_REJECTED", times: int = 1, **levels: object) -> MoneyPath:
    """A position whose exit the venue has refused at the first attempt, and refuses `times` in all."""
    path = MoneyPath()
    path.enter(**levels)  # type: ignore[arg-type]
    path.clock.advance(5)
    path.exchange.fail("create_order", Reject(code, "no"), times=times)
    path.leave()
    return path


@pytest.mark.parametrize("code", REFUSALS)
def test_an_exit_that_is_refused_once_is_followed_by_a_new_one_after_its_pause(code: str) -> None:
    path = refused(code)
    assert path.states(LegKind.EXIT) == [REJECTED, PENDING]
    path.reconcile(4)
    assert path.net == D(10)
    path.reconcile(1)
    assert (path.is_flat, path.states(LegKind.EXIT)) == (True, [REJECTED, FILLED])
    assert len({i.client_order_id for i in path.told(LegKind.EXIT)}) == 2


def test_the_next_exit_is_written_before_it_leaves_and_closes_no_more_than_is_held() -> None:
    path = refused(targets=())
    path.exchange.trade_outside(KEY, BTC, D(-4))
    path.reconcile(1)
    path.reconcile(3)
    path.exchange.script(Fault.AMBIGUOUS_NOT_EXECUTED)
    path.reconcile(1)
    assert path.states(LegKind.EXIT) == [REJECTED, IntentState.UNKNOWN]
    path.settle(looks=3)
    assert (path.is_flat, path.told(LegKind.EXIT)[-1].quantity) == (True, D(6))


def test_an_exit_that_is_refused_again_and_again_goes_on_slowly_and_is_an_alert_once() -> None:
    path = refused(times=6, targets=())
    for number, pause in enumerate((5, 15, 30, 60, 60), start=2):
        path.reconcile(pause - 1)
        assert path.exchange.count("create_order") == 2 + number - 1
        path.reconcile(1)
        assert path.exchange.count("create_order") == 2 + number
    assert (path.alerts(), path.live_stops()) == (["EXIT_NOT_PLACED"], [(D(10), D(90))])
    path.reconcile(60)
    assert (path.is_flat, path.alerts()) == (True, ["EXIT_NOT_PLACED"])


def test_exits_that_no_message_can_repeat_take_no_room_among_the_remembered_orders() -> None:
    path = refused(times=50)
    before = len(path.account.settled)
    for _ in range(20):
        path.reconcile(60)
    assert len(path.account.settled) == before


def test_a_forced_exit_that_is_refused_goes_on_even_if_its_cause_has_ended() -> None:
    path = MoneyPath()
    path.enter()
    path.gate.flip(Grade.FLATTEN)
    path.exchange.script(Fault.REJECT)
    path.reconcile(60)
    path.gate.flip(None)
    path.reconcile(5)
    assert (path.is_flat, path.states(LegKind.EXIT)) == (True, [REJECTED, FILLED])


def test_nothing_is_sent_again_once_the_stop_was_faster() -> None:
    path = refused()
    path.exchange.trade(BTC, D(90))
    path.settle(looks=2)
    assert path.is_flat
    assert [(i.state, i.reason) for i in path.told(LegKind.EXIT)][-1] == (IntentState.SKIPPED, Reason.NOTHING_HELD)
    assert path.exchange.count("create_order") == 4


def test_a_refused_exit_does_not_keep_a_closing_by_hand_from_being_noticed() -> None:
    path = refused(times=50)
    path.exchange.trade_outside(KEY, BTC, D(-10))
    path.reconcile(60)
    path.reconcile(60)
    assert (path.account.positions, path.net) == ({}, D(0))


def test_a_stop_goes_on_following_the_market_while_an_exit_waits_for_its_next_attempt() -> None:
    path = refused()
    position = path.position
    assert position is not None
    path.change(positions={position.key: replace(position, stop_price=D(95))})
    path.reconcile(1)
    assert path.live_stops() == [(D(10), D(95))]


def test_the_keys_that_an_exit_is_refused_with_may_work_again() -> None:
    path = MoneyPath()
    path.enter()
    path.clock.advance(5)
    path.exchange.fail("create_order", Fatal("AUTHENTICATION_FAILED"))
    path.leave()
    assert path.account.status is AccountStatus.DISABLED
    path.reconcile(301)
    path.reconcile(3)
    assert path.is_flat


def test_an_exit_of_a_reversal_that_is_refused_is_sent_again_and_its_entry_is_not() -> None:
    path = MoneyPath()
    path.enter()
    path.clock.advance(5)
    path.exchange.script(Fault.REJECT)
    path.execute(bracket(Action.SHORT, None, (), issued_at=path.clock.now()))
    path.reconcile(5)
    assert (path.is_flat, path.states(LegKind.ENTRY)) == (True, [FILLED, IntentState.DENIED])


def test_a_market_that_ends_leaves_no_wish_to_close_in_it() -> None:
    path = refused(times=50)
    ended = end_market(path.account, BTC, path.clock.now())
    assert (ended.intents, ended.positions) == ({}, {})


# -- the end of the wish -----------------------------------------------------------------------------------------------------


def test_a_newer_entry_of_its_subscription_ends_the_wish_to_close() -> None:
    path = refused(times=50)
    path.clock.advance(1)
    path.execute(bracket(issued_at=path.clock.now()))
    assert [(i.state, i.reason) for i in path.told(LegKind.EXIT)][-1] == (IntentState.EXPIRED, Reason.SIGNAL_SUPERSEDED)
    assert path.told(LegKind.ENTRY)[-1].reason is Reason.POSITION_ALREADY_OPEN
    path.settle(looks=3)
    assert (path.net, path.live_stops()) == (D(10), [(D(10), D(90))])


def test_a_newer_entry_of_the_other_side_closes_by_an_exit_of_its_own_at_once() -> None:
    path = refused()
    path.clock.advance(1)
    path.execute(bracket(Action.SHORT, "110", (), issued_at=path.clock.now()))
    assert path.net == D(-10)
    path.settle(looks=3)
    assert (path.net, path.states(LegKind.EXIT)) == (D(-10), [REJECTED, IntentState.EXPIRED, FILLED])


@pytest.mark.parametrize("why", ["older", "paused", "stale", "impossible", "limited"])
def test_an_entry_that_is_not_taken_ends_no_wish(why: str) -> None:
    path = refused()
    older, newer = path.clock.now() - timedelta(seconds=1), path.clock.now() + timedelta(seconds=1)
    path.clock.advance(1)
    if why == "paused":
        path.pause()
    stop = "120" if why == "impossible" else "90"
    issued_at = {"older": older, "stale": path.clock.now() - timedelta(seconds=400)}.get(why, newer)
    bound = D(10) if why == "limited" else None
    path.execute(bracket(issued_at=issued_at, stop=stop), settings=settings(limits=Limits(max_adds=2), max_order_notional=bound))
    path.reconcile(4)
    assert path.net == D(0)


def test_an_owner_who_disables_the_account_ends_the_wish() -> None:
    path = refused(times=50)
    path.accounts.save(path.account.disable("DISABLED_BY_OWNER", path.clock.now()))
    assert [(i.state, i.reason) for i in path.told(LegKind.EXIT)][-1] == (IntentState.DENIED, Reason.ACCOUNT_DISABLED)


def test_an_owner_who_takes_the_keys_away_ends_the_wish_and_later_keys_close_nothing() -> None:
    path = refused()
    change = ChangeCredentials(path.accounts, path.vault, path.vettings, path.clock, SequentialIdentifiers())
    change.delete(TENANT, ACCOUNT)
    assert [(i.state, i.reason) for i in path.told(LegKind.EXIT)][-1] == (IntentState.DENIED, Reason.NO_CREDENTIALS)
    change.put(TENANT, ACCOUNT, Credentials(api_key=KEY, api_secret="secret-2"))
    path.settle(looks=2)
    assert path.net == D(10)


def test_a_newer_exit_is_sent_at_once_and_takes_over_the_attempts() -> None:
    path = refused(times=4)
    path.reconcile(5)
    path.reconcile(15)
    path.clock.advance(1)
    path.leave()  # the fourth refusal; three were an alert
    assert path.exchange.count("create_order") == 3 + 4
    assert (path.alerts(), len(path.account.intents)) == (["EXIT_NOT_PLACED"], 3)
    path.reconcile(59)
    assert path.net == D(10)
    path.reconcile(1)
    assert (path.is_flat, path.alerts()) == (True, ["EXIT_NOT_PLACED"])


# -- an exit that the venue ends ---------------------------------------------------------------------------------------------


def test_an_exit_that_vanishes_from_the_venue_is_followed_by_another() -> None:
    path = MoneyPath()
    path.enter(targets=())
    path.clock.advance(5)
    path.exchange.fills_at_once = False
    path.leave()
    path.exchange.fills_at_once = True
    book = path.exchange.books[KEY]
    book.orders = [(r, o) for r, o in book.orders if r.order_type.is_conditional or not r.reduce_only]
    path.settle(looks=6)
    assert (path.is_flat, path.states(LegKind.EXIT)) == (True, [IntentState.CANCELLED, FILLED])


def test_a_look_after_a_refused_exit_compares_what_is_held() -> None:
    path = refused(times=2)
    path.queue.sent.clear()
    path.reconcile(5)
    ((request, _),) = path.queue.sent
    assert request.full
    path.queue.sent.clear()
    path.reconciler(request)
    ((_, delay),) = path.queue.sent
    assert delay <= 15
    path.clock.advance(delay)
    path.reconciler(a_reconcile_request())
    assert path.is_flat


# -- a target that the venue refuses -----------------------------------------------------------------------------------------


def a_refused_target(*errors: DomainError) -> MoneyPath:
    """A position with a live stop whose target of its whole quantity was refused; the next orders fail by `errors`."""
    path = MoneyPath()
    path.exchange.script(Fault.NONE, Fault.NONE, Fault.REJECT)
    path.enter()
    for error in errors:
        path.exchange.fail("create_order", error)
    return path


def test_a_target_that_is_refused_once_is_followed_by_another_of_its_share_and_price() -> None:
    path = a_refused_target()
    assert (path.states(LegKind.TAKE_PROFIT), path.live_triggers()) == ([REJECTED], [D(90)])
    path.reconcile(4)
    assert path.live_triggers() == [D(90)]
    path.reconcile(1)
    assert (path.states(LegKind.TAKE_PROFIT), path.live_triggers()) == ([REJECTED, IntentState.OPEN], [D(90), D(120)])
    path.exchange.trade(BTC, D(120))
    path.settle(looks=2)
    assert (path.is_flat, path.told(LegKind.TAKE_PROFIT)[-1].leg) == (True, "TAKE_PROFIT_1")


def test_a_target_that_stays_refused_is_an_alert_once() -> None:
    path = a_refused_target(*[Reject("VENUE_REJECTED", "-4045")] * 6)
    for _ in range(6):
        path.reconcile(60)
    assert (path.alerts(), path.net, path.live_stops()) == (["TAKE_PROFIT_NOT_PLACED"], D(10), [(D(10), D(90))])


def test_a_target_that_its_owner_cancels_at_the_venue_stays_cancelled() -> None:
    path = MoneyPath()
    path.enter()
    book = path.exchange.books[KEY]
    book.orders = [(r, replace(o, status=CANCELLED) if r.trigger_price == D(120) else o) for r, o in book.orders]
    path.settle(looks=4)
    assert (path.states(LegKind.TAKE_PROFIT), path.live_triggers()) == ([IntentState.CANCELLED], [D(90)])
