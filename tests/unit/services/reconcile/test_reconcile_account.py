"""The reconciler: a lost order is found, an absent order is sent again or ends, an exposed position is protected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.account.account import DISABLED_BY_OWNER, Account, AccountStatus
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.reconcile.look_schedule import next_full_look
from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.values.errors import Ambiguous, Fatal, Reject, RetryLater
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import OrderType
from candlecast.domain.venue.reports import OrderRequest, VenueOpenOrder, VenueOrder, VenueOrderStatus
from candlecast.domain.venue.rules import BINANCE_USDM
from tests.support.builders import BTC, NOW, a_reconcile_request, a_signal
from tests.support.fakes.venue import FakeVenue, Fault
from tests.support.money_path import KEY, MoneyPath, bracket

D = Decimal
SETTLED = BINANCE_USDM.settle_window.total_seconds()
APART = BINANCE_USDM.lookup_spacing.total_seconds()
NONE = Fault.NONE


class Died(BaseException):
    """The process is gone."""


def crashed(path: MoneyPath, *, after_requests: int, **changes: Any) -> None:
    """An executor that dies once so many orders were sent, and never writes what came of them."""
    sent, original = path.exchange.count("create_order"), path.accounts.save
    marks: list[Account] = []

    class Dying(FakeVenue):
        def create_order(self, request: OrderRequest) -> VenueOrder:
            if path.exchange.count("create_order") == sent + after_requests:
                raise Died
            return super().create_order(request)

    class Venues:
        def connect(self, *_: Any) -> FakeVenue:
            return Dying(path.exchange, KEY)

    def save(account: Account) -> Account:
        if marks:
            raise Died
        marks.append(account)
        return original(account)

    executor, path.executor = path.executor, replace(path.executor, venues=Venues())
    path.accounts.save = save  # type: ignore[method-assign]
    with pytest.raises(Died):
        path.execute(changes.get("signal", bracket()))
    path.executor, path.accounts.save = executor, original  # type: ignore[method-assign]
    assert path.exchange.count("create_order") == sent + after_requests


# -- an order whose answer was lost ------------------------------------------------------------------------------------------


def test_a_lost_order_that_exists_is_adopted_with_its_fee_at_the_first_look() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.AMBIGUOUS_EXECUTED)
    path.enter()
    path.reconcile(APART)
    assert path.position is not None
    assert (path.position.quantity, path.position.fees, path.live_triggers()) == (D(10), D("0.4"), [D(90), D(120)])


def test_a_lost_order_that_does_not_exist_is_sent_again_once_after_two_look_ups() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.AMBIGUOUS_NOT_EXECUTED)
    path.enter()
    path.reconcile(SETTLED - 0.001)
    path.reconcile(0.001)
    path.reconcile(APART - 0.002)
    assert path.exchange.count("create_order") == 1
    path.reconcile(0.002)
    path.settle(looks=2)
    assert (len(path.venue_orders(VenueOrderStatus.FILLED)), path.net) == (1, D(10))
    assert path.exchange.count("create_order") == 4  # the lost one, itself again, stop and target


def test_look_ups_in_vain_count_only_once_nothing_can_arrive_any_more() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.AMBIGUOUS_NOT_EXECUTED)
    path.enter(stop=None, targets=())
    for seconds, counted in ((5, 0), (SETTLED - 5.001, 0), (0.001 + APART, 1)):
        (intent,) = path.reconcile(seconds).intents.values()
        assert intent.lookups == counted
    assert path.exchange.count("find_order") == 3


def test_an_order_that_arrives_late_is_adopted_and_not_doubled() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.AMBIGUOUS_EXECUTED_LATE)
    path.enter()
    for _ in range(5):
        path.reconcile(3)
    path.exchange.arrive_late()
    path.settle()
    assert (len(path.venue_orders(VenueOrderStatus.FILLED)), path.net) == (1, D(10))


def test_a_replica_that_lags_once_does_not_lead_to_a_second_order() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.AMBIGUOUS_EXECUTED)
    path.enter()
    path.exchange.hidden_lookups = 1
    path.reconcile(SETTLED)
    path.reconcile(APART)
    assert (len(path.venue_orders(VenueOrderStatus.FILLED)), path.net) == (1, D(10))


def test_a_lost_entry_that_has_expired_ends_and_takes_its_protection_with_it() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.AMBIGUOUS_NOT_EXECUTED)
    path.enter()
    path.reconcile(121)
    path.settle(looks=3)
    assert [(i.state, i.reason) for i in path.told(LegKind.ENTRY)] == [(IntentState.EXPIRED, Reason.NEVER_PLACED)]
    assert path.states(LegKind.STOP_LOSS) == [IntentState.EXPIRED]
    assert path.is_flat
    assert path.exchange.count("create_order") == 1


def test_a_lost_entry_of_a_subscription_that_was_paused_meanwhile_is_not_sent_again() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.AMBIGUOUS_NOT_EXECUTED)
    path.enter()
    path.pause()
    path.settle(looks=3)
    assert (path.exchange.count("create_order"), path.states(LegKind.ENTRY)) == (1, [IntentState.EXPIRED])


def test_a_lost_exit_is_sent_again_however_late() -> None:
    path = MoneyPath()
    path.enter()
    path.clock.advance(5)
    path.exchange.script(Fault.AMBIGUOUS_NOT_EXECUTED)
    path.leave()
    path.reconcile(3600)
    path.reconcile(3600)
    assert path.states(LegKind.EXIT) == [IntentState.FILLED]
    assert path.is_flat


def test_a_reversed_entry_is_never_adopted_before_its_exit() -> None:
    path = MoneyPath()
    path.enter(stop=None, targets=())
    path.clock.advance(5)
    crashed(path, after_requests=2, signal=bracket(Action.SHORT, None, (), issued_at=path.clock.now()))
    path.exchange.hidden_lookups = 1  # the exit is not in the replica yet; the entry would be
    path.reconcile(1)
    assert (path.net, path.position is not None and path.position.quantity) == (D(-10), D(10))
    path.settle(looks=3)
    assert path.position is not None
    assert (path.position.side, path.position.quantity, path.states(LegKind.EXIT)) == ("SHORT", D(10), [IntentState.FILLED])


# -- a crash of the executor ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [0, 1, 2, 3])
def test_a_crash_after_any_number_of_requests_ends_as_without_it(sent: int) -> None:
    path = MoneyPath()
    crashed(path, after_requests=sent)
    path.settle()
    assert (path.net, path.live_triggers()) == (D(10), [D(90), D(120)])
    assert len(path.venue_orders()) == 3
    assert [i.state for i in path.account.intents.values()] == [IntentState.OPEN] * 2


# -- open orders -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("price", "leg", "pnl"), [(D(90), LegKind.STOP_LOSS, D(-100)), (D(120), LegKind.TAKE_PROFIT, D(200))])
def test_a_triggered_stop_or_target_closes_the_position_and_cancels_the_other(price: Decimal, leg: LegKind, pnl: Decimal) -> None:
    path = MoneyPath()
    path.enter()
    path.exchange.trade(BTC, price)
    path.reconcile(60)
    (trade,) = [told.event.trade for told in path.database.stream if told.event.trade]
    assert trade.pnl == pnl
    assert path.states(leg) == [IntentState.FILLED]
    assert path.is_flat


def test_a_target_that_takes_a_part_leaves_the_rest_protected() -> None:
    path = MoneyPath()
    path.enter(targets=(TakeProfit(D(110), D("0.3")), TakeProfit(D(120), D("0.7"))))
    path.exchange.trade(BTC, D(110))
    path.reconcile(60)
    assert path.position is not None
    assert (path.position.quantity, path.live_stops(), path.live_triggers()) == (D(7), [(D(7), D(90))], [D(120), D(90)])


def test_a_stop_that_somebody_cancelled_at_the_venue_is_replaced_after_two_look_ups() -> None:
    path = MoneyPath()
    path.enter(targets=())
    stop = next(iter(path.account.intents.values()))
    FakeVenue(path.exchange, KEY).cancel_order(stop)
    path.exchange.books[KEY].orders = [(r, o) for r, o in path.exchange.books[KEY].orders if o.status != "CANCELLED"]
    path.reconcile(60)
    assert path.live_triggers() == []
    path.reconcile(APART)
    assert next((i.state, i.reason) for i in path.told(LegKind.STOP_LOSS)) == (IntentState.CANCELLED, Reason.CANCELLED_AT_VENUE)
    assert path.live_triggers() == [D(90)]


def test_an_open_stop_that_a_replica_hides_once_is_not_doubled() -> None:
    path = MoneyPath()
    path.enter(targets=())

    class Hiding(FakeVenue):
        def open_orders(self, market: str | None = None) -> Sequence[VenueOpenOrder]:
            return super().open_orders(market) if hidden.pop() is False else []

    class Venues:
        def connect(self, *_: Any) -> FakeVenue:
            return Hiding(path.exchange, KEY)

    hidden = [True, False, True]
    path.reconciler = replace(path.reconciler, venues=Venues())
    for _ in range(3):
        if hidden[-1]:
            path.exchange.hidden_lookups = 1
        path.reconcile(60)
    assert (path.live_triggers(), path.states(LegKind.STOP_LOSS)) == ([D(90)], [IntentState.OPEN])


def test_an_orphan_that_cannot_be_cancelled_now_is_cancelled_by_a_later_look() -> None:
    path = MoneyPath()
    path.enter()
    path.exchange.fail("cancel_order", RetryLater("RATE_LIMITED", after_seconds=5), times=2)
    path.clock.advance(5)
    path.leave()
    assert (path.live_triggers(), path.queue.sent[-1][1]) == ([D(90), D(120)], 0)
    path.reconcile(5)
    assert path.is_flat
    assert path.states(LegKind.STOP_LOSS) == [IntentState.CANCELLED]


def test_an_orphan_whose_cancel_was_executed_but_not_answered_ended_because_its_position_is_closed() -> None:
    path = MoneyPath()
    path.enter(targets=())
    stop = path.told(LegKind.STOP_LOSS)[-1]
    path.exchange.fail("cancel_order", Ambiguous("TIMEOUT"))
    path.clock.advance(5)
    path.leave()
    assert path.states(LegKind.STOP_LOSS) == [IntentState.OPEN]
    FakeVenue(path.exchange, KEY).cancel_order(stop)  # what the lost request has done
    path.reconcile(5)
    assert [(i.state, i.reason) for i in path.told(LegKind.STOP_LOSS)] == [(IntentState.CANCELLED, Reason.POSITION_CLOSED)]


def test_a_stop_that_the_venue_shows_as_cancelled_while_its_position_is_held_was_cancelled_at_the_venue() -> None:
    path = MoneyPath()
    path.enter(targets=())
    FakeVenue(path.exchange, KEY).cancel_order(path.told(LegKind.STOP_LOSS)[-1])
    path.reconcile(60)
    assert path.told(LegKind.STOP_LOSS)[0].reason is Reason.CANCELLED_AT_VENUE


# -- exposure --------------------------------------------------------------------------------------------------------------------


def test_a_naked_position_gets_a_new_stop() -> None:
    path = MoneyPath()
    path.exchange.script(NONE, Fault.REJECT)
    path.enter(targets=())
    path.reconcile(1)
    assert (path.live_triggers(), path.account.naked_positions()) == ([D(90)], ())


def test_a_position_whose_stop_the_market_has_passed_is_closed_in_the_same_visit() -> None:
    path = MoneyPath()
    path.exchange.script(NONE, Fault.WOULD_TRIGGER, Fault.WOULD_TRIGGER)
    path.enter(targets=())
    path.reconcile(1)
    assert path.is_flat
    assert path.metrics.counts["NakedPositions"] == 1
    (exit_,) = path.told(LegKind.EXIT)
    assert (exit_.state, exit_.order_type, exit_.reduce_only) == (IntentState.FILLED, OrderType.MARKET, True)


def test_a_position_whose_exit_is_on_its_way_is_not_closed_twice() -> None:
    path = MoneyPath()
    path.exchange.script(NONE, Fault.REJECT, Fault.AMBIGUOUS_EXECUTED, Fault.REJECT)
    path.enter(targets=())
    path.clock.advance(1)
    path.leave()
    path.exchange.hidden_lookups = 1
    path.reconcile(1)
    assert [r.order_type for r, _ in path.exchange.books[KEY].orders if r.reduce_only] == [OrderType.MARKET]
    path.settle(looks=2)
    assert path.is_flat


def test_what_cannot_be_mended_is_tried_again_after_its_pause_and_not_at_once_for_ever() -> None:
    path = MoneyPath()
    path.exchange.script(NONE, *[Fault.WOULD_TRIGGER] * 5)
    path.enter(targets=())
    path.queue.sent.clear()
    path.reconcile(1)
    ((compare, _),) = path.queue.sent  # once, since the venue may have reason to refuse an exit
    path.queue.sent.clear()
    path.reconciler(compare)
    ((_, delay),) = path.queue.sent
    assert (len(path.account.naked_positions()), delay) == (1, 5)  # the first pause of an exit
    assert list(path.accounts.due_for_reconcile(path.clock.now())) != []


# -- positions and balance -------------------------------------------------------------------------------------------------------


def test_positions_and_balance_are_compared_now_and_then() -> None:
    path = MoneyPath()
    path.enter()
    path.exchange.equity = D(9_876)
    account = path.reconcile(1)
    assert account.balance is not None
    assert (account.balance.equity, account.reconciled_at) == (D(9_876), path.clock.now())
    turn = (next_full_look(account) - path.clock.now()).total_seconds()
    path.reconcile(turn - 1)
    assert (path.exchange.count("balance"), path.alerts()) == (1, [])
    path.reconcile(1)
    assert path.exchange.count("balance") == 2


def test_an_account_with_nothing_open_is_asked_about_at_its_turn_only() -> None:
    path = MoneyPath()
    account = path.reconcile()
    assert (account.reconciled_at, path.exchange.count("positions")) == (NOW, 1)
    saves, requests = path.accounts.saves, len(path.exchange.requests)
    path.reconcile(1)
    assert (path.accounts.saves, len(path.exchange.requests), path.vault.reads) == (saves, requests, 1)
    path.reconcile((next_full_look(account) - path.clock.now()).total_seconds())
    assert path.exchange.count("positions") == 2


# -- who may be asked ------------------------------------------------------------------------------------------------------------


def test_a_quiet_account_is_looked_at_without_a_write() -> None:
    path = MoneyPath(reconciled_at=NOW)
    path.enter()
    saves = path.accounts.saves
    path.reconcile(60)
    assert (path.accounts.saves, [r.method for r in path.exchange.requests][-1]) == (saves, "open_orders")


@pytest.mark.parametrize("method", ["find_order", "balance"])
def test_a_refused_key_disables_the_account(method: str) -> None:
    path = MoneyPath()
    path.exchange.script(Fault.AMBIGUOUS_EXECUTED)
    path.enter()
    path.exchange.fail(method, Fatal("AUTHENTICATION_FAILED"))
    assert path.reconcile(1).status is AccountStatus.DISABLED
    assert path.alerts() == ["AUTHENTICATION_FAILED"]


def test_an_account_whose_keys_were_refused_is_not_asked_about_until_it_has_new_ones() -> None:
    path = MoneyPath(status=AccountStatus.DISABLED, disabled_reason="AUTHENTICATION_FAILED")
    path.reconcile()
    assert (path.vault.reads, path.exchange.requests) == (0, [])


def test_what_its_owner_has_disabled_is_followed_to_its_end_and_nothing_is_sent() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.AMBIGUOUS_EXECUTED)
    path.enter()
    path.change(status=AccountStatus.DISABLED, disabled_reason=DISABLED_BY_OWNER)
    path.settle(looks=3)
    assert path.position is not None
    assert (path.exchange.count("create_order"), path.states(LegKind.ENTRY)) == (1, [IntentState.FILLED])
    assert [(i.state, i.reason) for i in path.told(LegKind.STOP_LOSS)] == [(IntentState.DENIED, Reason.ACCOUNT_DISABLED)]


def test_a_venue_that_is_silent_leaves_everything_as_it_was() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.AMBIGUOUS_EXECUTED)
    before = path.enter()
    for question in ("find_order", "open_orders", "trades_since", "balance"):
        path.exchange.fail(question, RetryLater("VENUE_UNAVAILABLE", after_seconds=5), times=2)
    with pytest.raises(RetryLater):
        path.reconcile(1)
    assert path.account == before


# -- somebody comes between ------------------------------------------------------------------------------------------------------


def test_of_two_reconcilers_that_would_both_send_only_one_does() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.AMBIGUOUS_NOT_EXECUTED)
    path.enter()
    path.reconcile(SETTLED)
    path.clock.advance(APART)
    original = path.accounts.save

    def other_first(account: Any) -> Any:
        path.accounts.save = original  # type: ignore[method-assign]
        path.reconciler(a_reconcile_request())
        return original(account)

    path.accounts.save = other_first  # type: ignore[method-assign]
    with pytest.raises(RetryLater, match="VERSION_CONFLICT"):
        path.reconcile()
    assert (len(path.venue_orders(VenueOrderStatus.FILLED)), path.net) == (1, D(10))


def test_an_end_by_inference_is_void_if_somebody_has_sent_the_order_meanwhile() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.AMBIGUOUS_NOT_EXECUTED)
    path.enter(stop=None, targets=())
    path.reconcile(SETTLED)
    path.clock.advance(119 - SETTLED)
    original = path.accounts.save

    def other_first(account: Any) -> Any:
        """The other reconciler's clock is two seconds behind: for it, the entry is still fresh."""
        path.accounts.save = original  # type: ignore[method-assign]
        path.clock.advance(-2)
        path.exchange.script(Fault.AMBIGUOUS_EXECUTED)
        path.reconciler(a_reconcile_request())
        path.clock.advance(2)
        return original(account)

    path.accounts.save = other_first  # type: ignore[method-assign]
    path.reconcile(2)
    assert (path.states(LegKind.ENTRY), path.net) == ([IntentState.UNKNOWN], D(10))
    path.settle(looks=2)
    assert path.states(LegKind.ENTRY) == [IntentState.FILLED]


def test_a_pause_while_the_reconciler_looks_is_kept_with_what_it_found() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.AMBIGUOUS_EXECUTED)
    path.enter(stop=None, targets=())
    original = path.accounts.save

    def paused_first(account: Any) -> Any:
        path.accounts.save = original  # type: ignore[method-assign]
        path.pause()
        return original(account)

    path.accounts.save = paused_first  # type: ignore[method-assign]
    account = path.reconcile(1)
    assert (set(account.subscriptions.values()), path.states(LegKind.ENTRY)) == ({"PAUSED"}, [IntentState.FILLED])


def test_an_exit_that_is_refused_when_sent_again_ends_and_another_follows() -> None:
    path = MoneyPath()
    path.enter(stop=None, targets=())
    path.clock.advance(5)
    path.exchange.script(Fault.AMBIGUOUS_NOT_EXECUTED, Fault.REJECT)
    path.execute(a_signal(Action.EXIT, issued_at=path.clock.now()))
    path.settle(looks=3)
    assert [(i.state, i.reason) for i in path.told(LegKind.EXIT)] == [
        (IntentState.REJECTED, Reason.INSUFFICIENT_FUNDS),
        (IntentState.FILLED, None),
    ]


def test_a_code_that_we_do_not_know_is_the_venues_refusal() -> None:
    path = MoneyPath()
    path.exchange.fail("create_order", Reject("-4242", "unheard of"))
    path.execute(a_signal())
    assert [(i.reason, i.venue_message) for i in path.told(LegKind.ENTRY)] == [(Reason.VENUE_REJECTED, "unheard of")]
