"""Exits are not lost: an exit behind an earlier order, an exit that the venue cut short, an exit that the venue refuses now."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.signals.signal import Action
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import MarginMode
from candlecast.domain.venue.reports import VenueOrderStatus
from candlecast.domain.venue.rules import BINANCE_USDM
from tests.support.builders import a_reconcile_request, a_signal
from tests.support.fakes.venue import FakeVenue, Fault
from tests.support.money_path import KEY, MoneyPath, bracket

D = Decimal
SETTLED = BINANCE_USDM.settle_window.total_seconds()
FILLED = IntentState.FILLED


def an_unknown_entry(fault: Fault = Fault.AMBIGUOUS_EXECUTED, **levels: object) -> MoneyPath:
    path = MoneyPath()
    path.exchange.script(fault)
    path.enter(**levels)  # type: ignore[arg-type]
    path.clock.advance(1)
    return path


def cut_short(path: MoneyPath, filled: str) -> None:
    """The venue ends the account's open market order after a part of it, as it does when nobody is on the other side."""
    book = path.exchange.books[KEY]
    open_id = next(
        o.client_order_id for r, o in book.orders if o.status is VenueOrderStatus.OPEN and not r.order_type.is_conditional
    )
    if D(filled):
        path.exchange.fill(KEY, open_id, D(filled))
    index = next(n for n, (_, o) in enumerate(book.orders) if o.client_order_id == open_id)
    request, order = book.orders[index]
    book.orders[index] = (request, replace(order, status=VenueOrderStatus.CANCELLED))


# -- an exit that waits ------------------------------------------------------------------------------------------------------


def test_an_exit_that_waits_for_an_unknown_entry_closes_what_the_entry_got() -> None:
    path = an_unknown_entry()
    path.leave()
    path.reconcile(1)
    (exit_,) = path.told(LegKind.EXIT)
    assert (exit_.state, exit_.quantity, exit_.position_side) == (FILLED, D(10), "LONG")
    path.reconcile(3)
    assert path.is_flat


def test_an_exit_that_waits_for_a_slow_entry_closes_all_of_it_once_it_has_ended() -> None:
    path = MoneyPath()
    path.exchange.fills_at_once = False
    path.enter(stop=None, targets=())
    (entry,) = path.account.intents.values()
    path.exchange.fill(KEY, entry.client_order_id, D(4))
    path.exchange.fail("cancel_order", RetryLater("RATE_LIMITED", after_seconds=5))
    path.leave()
    path.reconcile(3)
    assert (path.net, path.states(LegKind.EXIT)) == (D(4), [IntentState.PENDING])
    path.exchange.fill(KEY, entry.client_order_id, D(6))
    path.exchange.fills_at_once = True
    path.reconcile(3)
    assert (path.is_flat, [i.quantity for i in path.told(LegKind.EXIT)]) == (True, [D(10)])


def test_an_entry_that_an_exit_waits_for_is_cancelled_and_what_it_got_is_closed() -> None:
    path = MoneyPath()
    path.exchange.fills_at_once = False
    path.enter(stop=None, targets=())
    (entry,) = path.account.intents.values()
    path.exchange.fill(KEY, entry.client_order_id, D(4))
    path.exchange.fills_at_once = True
    path.leave()
    path.reconcile(3)
    assert [(i.state, i.reason) for i in path.told(LegKind.ENTRY)] == [(IntentState.CANCELLED, Reason.SIGNAL_SUPERSEDED)]
    assert (path.is_flat, [i.quantity for i in path.told(LegKind.EXIT)]) == (True, [D(4)])


def test_an_exit_that_waits_for_an_entry_which_never_came_ends_as_nothing_held() -> None:
    path = an_unknown_entry(Fault.AMBIGUOUS_NOT_EXECUTED)
    path.leave()
    path.settle(looks=3)
    assert [(i.state, i.reason) for i in path.told(LegKind.EXIT)] == [(IntentState.SKIPPED, Reason.NOTHING_HELD)]
    assert path.exchange.count("create_order") == 1  # the entry is not sent again only to be closed
    assert path.is_flat


def test_an_exit_that_waits_for_another_exit_closes_what_that_one_left() -> None:
    path = MoneyPath()
    path.enter(stop=None, targets=())
    path.clock.advance(5)
    path.exchange.script(Fault.AMBIGUOUS_NOT_EXECUTED, Fault.REJECT)
    path.leave()
    path.clock.advance(1)
    path.leave()
    path.settle(looks=4)
    assert path.states(LegKind.EXIT) == [IntentState.REJECTED, FILLED, IntentState.SKIPPED]  # the one that waited comes first
    assert path.is_flat


def test_an_exit_of_the_other_side_does_not_close_what_came_instead() -> None:
    path = an_unknown_entry(stop=None, targets=())
    path.execute(a_signal(Action.EXIT_SHORT, issued_at=path.clock.now()))
    path.settle(looks=2)
    assert (path.net, path.states(LegKind.EXIT)) == (D(10), [IntentState.SKIPPED])


def test_an_older_exit_that_waits_does_not_close_a_newer_position() -> None:
    path = MoneyPath()
    path.clock.advance(10)
    path.exchange.script(Fault.AMBIGUOUS_EXECUTED)
    path.execute(bracket(stop=None, targets=(), issued_at=path.clock.now()))
    path.execute(a_signal(Action.EXIT))
    path.settle(looks=2)
    assert (path.net, path.states(LegKind.EXIT)) == (D(10), [IntentState.SKIPPED])


def test_a_reversal_of_an_unknown_entry_keeps_its_exit_and_comes_again_for_its_entry() -> None:
    path = an_unknown_entry(stop=None, targets=())
    reversal = bracket(Action.SHORT, None, (), issued_at=path.clock.now())
    with pytest.raises(RetryLater, match="OUTCOME_UNKNOWN"):
        path.execute(reversal)
    path.reconcile(1)
    assert (path.net, path.states(LegKind.EXIT)) == (D(0), [FILLED])
    path.execute(reversal)
    assert path.net == D(-10)


def test_of_two_reconcilers_only_one_sends_the_exit_that_waited() -> None:
    path = an_unknown_entry(stop=None, targets=())
    path.leave()
    original = path.accounts.save

    def other_first(account: object) -> object:
        path.accounts.save = original  # type: ignore[method-assign]
        path.reconciler(a_reconcile_request())
        return original(account)  # type: ignore[arg-type]

    path.accounts.save = other_first  # type: ignore[method-assign,assignment]
    with pytest.raises(RetryLater, match="VERSION_CONFLICT"):
        path.reconcile(1)
    assert (path.net, path.states(LegKind.EXIT)) == (D(0), [FILLED])
    assert path.exchange.count("create_order") == 2


# -- an exit that the venue cut short ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("filled", ["0", "4"])
def test_an_exit_that_the_venue_cuts_short_is_followed_by_one_for_the_rest(filled: str) -> None:
    path = MoneyPath()
    path.enter()
    path.clock.advance(5)
    path.exchange.fills_at_once = False
    path.leave()
    cut_short(path, filled)
    path.exchange.fills_at_once = True
    path.reconcile(1)
    assert path.states(LegKind.EXIT) == [IntentState.CANCELLED, IntentState.PENDING]
    path.reconcile(4)
    assert path.net == D(10) - D(filled)
    path.reconcile(1)
    assert path.is_flat
    (trade,) = [told.event.trade for told in path.database.stream if told.event.trade]
    assert (trade.quantity, trade.closed_by) == (D(10), "EXIT_1")


def test_an_exit_that_is_cut_short_again_and_again_goes_on_slowly_and_is_an_alert_once() -> None:
    path = MoneyPath()
    path.enter(stop=None, targets=())
    path.clock.advance(5)
    path.exchange.fills_at_once = False
    path.leave()
    for pause in (5, 15, 30, 60, 60):
        cut_short(path, "1")
        path.reconcile(3)
        path.reconcile(pause)
    assert path.alerts() == ["EXIT_NOT_PLACED"]
    path.exchange.fills_at_once = True
    cut_short(path, "1")
    path.reconcile(3)
    path.reconcile(60)
    assert path.is_flat
    assert len(path.told(LegKind.EXIT)) == len({i.client_order_id for i in path.told(LegKind.EXIT)})


def test_an_exit_that_was_cut_short_because_the_stop_was_faster_needs_no_other() -> None:
    path = MoneyPath()
    path.enter(targets=())
    path.clock.advance(5)
    path.exchange.fills_at_once = False
    path.leave()
    path.exchange.trade("BTC/USDT:USDT", D(90))
    cut_short(path, "0")
    path.settle(looks=3)
    assert path.is_flat
    assert path.exchange.count("create_order") == 3


# -- a leg that the venue will not take now ----------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [0, 7, 90])
def test_a_limited_exit_waits_for_its_pause_or_as_long_as_the_venue_asks(asked: int) -> None:
    path = MoneyPath()
    path.enter(stop=None, targets=())
    path.exchange.fail("create_order", RetryLater("RATE_LIMITED", after_seconds=asked))
    path.leave()
    wait = max(asked, 5)
    path.reconcile(wait - 1)
    assert path.net == 10
    path.reconcile(1)
    assert path.is_flat


def test_an_entry_is_tried_after_30_seconds_and_a_minute_while_it_is_fresh() -> None:
    path = MoneyPath()
    path.exchange.script(*[Fault.RETRY_LATER] * 3)
    path.enter(stop=None, targets=())
    for seconds, sent in ((29, 1), (1, 2), (59, 2), (1, 3), (29, 3)):
        path.reconcile(seconds)
        assert path.exchange.count("create_order") == sent
    path.reconcile(2)  # 121 s old: it ends then, and not at its next turn
    assert [(i.state, i.reason) for i in path.told(LegKind.ENTRY)] == [(IntentState.EXPIRED, Reason.NEVER_PLACED)]
    assert path.alerts() == []


def test_a_stop_that_is_limited_is_tried_as_an_exit_is() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.NONE, Fault.RETRY_LATER)
    path.enter(targets=())
    path.reconcile(4)
    assert path.live_triggers() == []
    path.reconcile(1)
    assert path.live_triggers() == [D(90)]


@pytest.mark.parametrize(("fault", "state"), [(Fault.NONE, IntentState.OPEN), (Fault.AMBIGUOUS_EXECUTED, IntentState.UNKNOWN)])
def test_a_worker_that_hung_cannot_call_unsent_what_another_has_sent_since(fault: Fault, state: IntentState) -> None:
    """It marked the order, hung beyond the settle window, and finds its time to send passed; another has sent it since."""
    path = MoneyPath()

    class Slow(FakeVenue):
        def set_market_settings(self, market: str, leverage: Decimal, margin_mode: MarginMode) -> None:
            path.clock.advance(SETTLED)
            path.exchange.fills_at_once = False
            path.reconcile(0)
            path.reconcile(3)

    class Venues:
        def connect(self, *_: object) -> FakeVenue:
            return Slow(path.exchange, KEY)

    path.change(market_settings={})
    path.executor = replace(path.executor, venues=Venues())
    path.exchange.script(fault)
    path.execute(bracket(stop=None, targets=()))
    assert [i.state for i in path.account.intents.values()] == [state]
    assert path.exchange.count("create_order") == 1
