"""Every position has one stop of the right size at the right price, and there is no moment without one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.account.findings import SLOW_PACE
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.signals.signal import TakeProfit
from candlecast.domain.values.errors import DomainError, Reject, RetryLater
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import OrderType
from candlecast.domain.venue.reports import OrderRequest, VenueOrder
from tests.support.builders import BTC, a_reconcile_request
from tests.support.fakes.venue import FakeVenue, Fault
from tests.support.money_path import KEY, MoneyPath, bracket

D = Decimal
NONE = Fault.NONE
SAY_NOTHING_OF_THE_PRICE = (
    Reject("VENUE_REJECTED", "-4045 Reach max stop order limit."),
    Reject("OUTSIDE_PRICE_BAND", "-4210"),
    Reject("INSUFFICIENT_FUNDS", "-2019"),
    RetryLater("VENUE_TOO_SLOW", "-5028", after_seconds=5),
    RetryLater("VENUE_UNAVAILABLE", "-1016", after_seconds=5),
)
LADDER = (TakeProfit(D(110), D("0.3")), TakeProfit(D(120), D("0.7")))


def moved(path: MoneyPath, stop_price: str) -> None:
    """The position's stop is to stand somewhere else from now on."""
    (position,) = path.account.positions.values()
    path.change(positions={position.key: replace(position, stop_price=D(stop_price))})


def watched(path: MoneyPath) -> list[int]:
    """How many stops live at the venue after each request, from now on."""
    seen: list[int] = []

    class Watching(FakeVenue):
        def create_order(self, request: OrderRequest) -> VenueOrder:
            try:
                return super().create_order(request)
            finally:
                seen.append(len(path.live_stops()))

        def cancel_order(self, intent: Any) -> None:
            super().cancel_order(intent)
            seen.append(len(path.live_stops()))

    class Venues:
        def connect(self, *_: Any) -> FakeVenue:
            return Watching(path.exchange, KEY)

    path.reconciler = replace(path.reconciler, venues=Venues())
    return seen


def hiding(path: MoneyPath, kind: LegKind) -> Any:
    """Connections to a replica that does not know of the account's orders of one kind yet."""

    class Lagging(FakeVenue):
        def find_order(self, intent: Intent) -> VenueOrder | None:
            return None if intent.kind is kind else super().find_order(intent)

    return lambda *_: Lagging(path.exchange, KEY)


def test_a_stop_that_is_too_large_is_replaced_without_a_moment_without_one() -> None:
    path = MoneyPath()
    path.enter(targets=LADDER)
    path.exchange.trade(BTC, D(110))
    stops = watched(path)
    path.reconcile(60)
    assert path.live_stops() == [(D(7), D(90))]
    assert min(stops) >= 1
    assert [(i.state, i.reason) for i in path.told(LegKind.STOP_LOSS)] == [
        (IntentState.CANCELLED, Reason.REPLACED),
        (IntentState.OPEN, None),
    ]


def test_a_stop_that_is_too_small_is_replaced() -> None:
    path = MoneyPath()
    path.exchange.fills_at_once = False
    path.enter(targets=())
    entry = next(i for i in path.account.intents.values() if i.kind is LegKind.ENTRY)
    path.exchange.fill(KEY, entry.client_order_id, D(4))
    path.reconcile(3)
    assert path.live_stops() == []  # the entry has not ended: its stop is sized when it has
    path.exchange.fill(KEY, entry.client_order_id, D(6))
    path.exchange.fills_at_once = True
    path.reconcile(3)
    stop = next(i for i in path.account.intents.values() if i.kind is LegKind.STOP_LOSS)
    path.change(intents={stop.intent_id: replace(stop, quantity=D(4))})
    path.reconcile(3)
    path.reconcile(3)
    assert path.live_stops() == [(D(10), D(90))]


def test_a_stop_that_is_to_stand_somewhere_else_is_moved() -> None:
    path = MoneyPath()
    path.enter(targets=())
    moved(path, "95")
    stops = watched(path)
    path.reconcile(3)
    assert (path.live_stops(), min(stops)) == ([(D(10), D(95))], 1)


def test_the_old_stop_stands_while_the_new_one_is_unknown_or_refused() -> None:
    for fault in (Fault.REJECT, Fault.RETRY_LATER, Fault.AMBIGUOUS_NOT_EXECUTED):
        path = MoneyPath()
        path.enter(targets=())
        moved(path, "95")
        path.exchange.script(fault)
        path.reconcile(3)
        assert path.live_stops() == [(D(10), D(90))]
        path.settle(looks=4, seconds=30)
        assert path.live_stops() == [(D(10), D(95))]


def test_of_two_stops_the_newer_one_is_kept() -> None:
    path = MoneyPath()
    path.enter(targets=())
    moved(path, "95")
    path.exchange.fail("cancel_order", RetryLater("RATE_LIMITED", after_seconds=5))
    path.reconcile(3)
    assert path.live_stops() == [(D(10), D(90)), (D(10), D(95))]
    path.reconcile(60)
    assert path.live_stops() == [(D(10), D(95))]


def test_a_stop_that_cannot_be_cancelled_is_an_alert_once_and_tried_slowly_from_then_on() -> None:
    path = MoneyPath()
    path.enter(targets=())
    moved(path, "95")
    path.exchange.fail("cancel_order", RetryLater("RATE_LIMITED", after_seconds=5), times=100)
    for _ in range(6):
        path.reconcile(60)
    assert path.alerts() == ["STOP_NOT_CANCELLED"]
    assert path.exchange.count("cancel_order") == 3
    path.reconcile(SLOW_PACE.total_seconds())
    assert (path.exchange.count("cancel_order"), path.alerts()) == (4, ["STOP_NOT_CANCELLED"])


def test_a_stop_that_the_venue_refuses_to_move_is_an_alert_once_and_tried_slowly_from_then_on() -> None:
    path = MoneyPath()
    path.enter(targets=())
    moved(path, "95")
    path.exchange.script(*[Fault.REJECT] * 100)
    for _ in range(6):
        path.reconcile(60)
    assert path.alerts() == ["POSITION_NOT_PROTECTED"]
    assert path.exchange.count("create_order") == 2 + 3
    assert path.live_stops() == [(D(10), D(90))]


def test_a_naked_position_is_tried_at_every_look_and_is_an_alert_once_for_its_time_and_once_for_the_attempts() -> None:
    path = MoneyPath()
    path.exchange.script(NONE, *[Fault.WOULD_TRIGGER] * 9)
    path.enter(targets=())
    for _ in range(4):
        path.reconcile(60)
    assert path.alerts() == ["POSITION_NAKED_TOO_LONG", "POSITION_NOT_PROTECTED", "EXIT_NOT_PLACED"]
    assert path.exchange.count("create_order") == 2 + 4 * 2  # stop and exit at each look
    path.reconcile(60)
    assert path.is_flat or path.live_stops() == [(D(10), D(90))]


def test_no_stop_is_resized_while_an_exit_is_under_way() -> None:
    path = MoneyPath()
    path.enter(targets=())
    path.clock.advance(5)
    path.exchange.fills_at_once = False
    path.leave()
    exit_ = next(i for i in path.account.intents.values() if i.kind is LegKind.EXIT)
    path.exchange.fill(KEY, exit_.client_order_id, D(4))
    path.reconcile(3)
    assert path.position is not None
    assert (path.position.quantity, path.live_stops()) == (D(6), [(D(10), D(90))])
    path.exchange.fill(KEY, exit_.client_order_id, D(6))
    path.reconcile(3)
    assert path.is_flat


def test_of_two_reconcilers_only_one_replaces_a_stop() -> None:
    path = MoneyPath()
    path.enter(targets=())
    moved(path, "95")
    original = path.accounts.save

    def other_first(account: Any) -> Any:
        path.accounts.save = original  # type: ignore[method-assign]
        path.reconciler(a_reconcile_request())
        return original(account)

    path.accounts.save = other_first  # type: ignore[method-assign]
    with pytest.raises(RetryLater, match="VERSION_CONFLICT"):
        path.reconcile(3)
    assert path.live_stops() == [(D(10), D(95))]
    assert path.exchange.count("create_order") == 3


@pytest.mark.parametrize("seen_late", [False, True])
def test_a_left_over_stop_that_closes_the_next_position_is_accounted_for(seen_late: bool) -> None:
    path = MoneyPath()
    path.exchange.script(NONE, Fault.AMBIGUOUS_EXECUTED)
    path.enter(targets=())  # nobody knows of its stop, which is live
    path.clock.advance(5)
    path.leave()
    path.clock.advance(1)
    path.exchange.script(Fault.AMBIGUOUS_EXECUTED)
    path.execute(bracket(targets=(), signal_id="next", issued_at=path.clock.now()))  # nobody knows of the next position either
    path.exchange.trade(BTC, D(90))  # the stop of the first closes the second
    if seen_late:
        path.clock.advance(26)
        path.venues.connect = hiding(path, LegKind.ENTRY)  # type: ignore[method-assign]
        path.reconcile()
        del path.venues.connect
    path.settle()
    assert path.is_flat
    assert sum(event.event.trade.pnl for event in path.database.stream if event.event.trade) == D(-100)
    assert "FILL_WITHOUT_POSITION" not in path.alerts()


def test_a_left_over_stop_that_closes_what_a_slow_entry_brought_is_accounted_for() -> None:
    path = MoneyPath()
    path.exchange.script(NONE, Fault.AMBIGUOUS_EXECUTED)
    path.enter(targets=())  # nobody knows of its stop, which is live
    path.clock.advance(5)
    path.leave()
    path.clock.advance(1)
    path.exchange.fills_at_once = False
    path.execute(bracket(targets=(), signal_id="next", issued_at=path.clock.now()))
    (entry,) = path.told(LegKind.ENTRY)[-1:]
    path.exchange.fill(KEY, entry.client_order_id, D(10))  # known to the venue alone
    path.exchange.trade(BTC, D(90))  # and closed there by the stop of the first
    path.settle()
    assert path.is_flat
    assert sum(event.event.trade.pnl for event in path.database.stream if event.event.trade) == D(-100)
    assert "FILL_WITHOUT_POSITION" not in path.alerts()


# -- a stop that the venue refuses again ---------------------------------------------------------------------------------------


def without_stop(*errors: DomainError) -> MoneyPath:
    """A position whose first stop was refused; the next orders fail by `errors`."""
    path = MoneyPath()
    path.exchange.script(NONE, Fault.REJECT)
    path.enter(targets=())
    for error in errors:
        path.exchange.fail("create_order", error)
    return path


@pytest.mark.parametrize("error", SAY_NOTHING_OF_THE_PRICE, ids=lambda error: str(error.args[0]))
def test_a_refusal_that_says_nothing_of_the_price_sells_nothing(error: DomainError) -> None:
    path = without_stop(*[error] * 3)
    for _ in range(4):
        path.reconcile(60)
    assert (path.net, path.live_stops(), path.states(LegKind.EXIT)) == (D(10), [(D(10), D(90))], [])


def test_a_stop_that_stays_refused_is_an_alert_for_its_attempts_and_for_its_time() -> None:
    path = without_stop(*[Reject("VENUE_REJECTED", "-4045")] * 9)
    for number in range(5):
        path.reconcile(60)
        assert path.exchange.count("create_order") == 2 + number + 1  # a new stop at each look
    assert path.alerts() == ["POSITION_NAKED_TOO_LONG", "POSITION_NOT_PROTECTED"]
    assert path.net == D(10)


def test_a_stop_that_the_market_has_passed_closes_the_position_in_the_same_visit() -> None:
    path = without_stop(Reject("WOULD_TRIGGER", "-2021"))
    path.reconcile(1)
    (exit_,) = path.told(LegKind.EXIT)
    assert (path.is_flat, exit_.state, exit_.leg.startswith("WOULD_TRIGGER")) == (True, IntentState.FILLED, True)
    assert path.told(LegKind.STOP_LOSS)[-1].reason is Reason.WOULD_TRIGGER


def test_a_stop_that_is_refused_for_another_cause_while_the_mark_is_beyond_it_closes_the_position() -> None:
    path = without_stop(Reject("VENUE_REJECTED", "-4045"))
    path.exchange.prices[BTC] = D(89)
    path.reconcile(1)
    assert path.is_flat
    assert path.exchange.books[KEY].trades[-1].price == D(89)


def test_a_stop_that_only_moves_and_is_passed_by_the_market_leaves_the_old_stop_to_close() -> None:
    path = MoneyPath()
    path.enter(targets=())
    position = path.position
    assert position is not None
    path.change(positions={position.key: replace(position, stop_price=D(99))})
    path.exchange.fail("create_order", Reject("WOULD_TRIGGER", "-2021"))
    path.reconcile(1)
    assert (path.net, path.live_stops(), path.states(LegKind.EXIT)) == (D(10), [(D(10), D(90))], [])


def test_a_target_at_market_that_is_refused_is_followed_by_another_for_its_share() -> None:
    path = MoneyPath()
    path.enter()
    (target,) = (i for i in path.account.intents.values() if i.kind is LegKind.TAKE_PROFIT)
    assert target.quantity == D(10)
    path.exchange.trade(BTC, D(119))
    waiting = replace(target, state=IntentState.PENDING, order_type=OrderType.MARKET, trigger_price=None, quantity=D(4))
    path.change(intents={**path.account.intents, target.intent_id: waiting})
    path.exchange.books[KEY].orders = path.exchange.books[KEY].orders[:2]
    path.exchange.fail("create_order", Reject("VENUE_REJECTED", "no"))
    path.reconcile(30)
    assert (path.net, path.states(LegKind.TAKE_PROFIT)) == (D(10), [IntentState.REJECTED])
    path.reconcile(5)
    assert (path.net, [i.state for i in path.told(LegKind.TAKE_PROFIT)]) == (D(6), [IntentState.REJECTED, IntentState.FILLED])
