"""The executor: the cost of an order, the outcome of each answer of the venue, and other writers in between."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.errors import Ambiguous, Conflict, NotFound, RetryLater
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import PositionSide
from candlecast.domain.venue.reports import OrderRequest, VenueOrder, VenueOrderStatus
from candlecast.domain.venue.rules import BINANCE_USDM
from candlecast.ports.venue import Credentials
from tests.support.builders import ACCOUNT, BTC, SUBSCRIPTION, TENANT, a_signal, after, settings
from tests.support.fakes.venue import FakeVenue, Fault
from tests.support.money_path import KEY, MoneyPath, bracket

D = Decimal
NONE = Fault.NONE
OPEN, FILLED = VenueOrderStatus.OPEN, VenueOrderStatus.FILLED


def methods(path: MoneyPath) -> list[str]:
    return [request.method for request in path.exchange.requests]


# -- what an order costs ----------------------------------------------------------------------------------------------------


def test_an_entry_costs_one_read_two_writes_and_one_request() -> None:
    path = MoneyPath()
    path.execute(a_signal())
    assert (path.accounts.loads, path.accounts.saves, path.vault.reads) == (1, 2, 1)
    assert methods(path) == ["create_order"]
    assert path.queue.sent == []


def test_each_further_leg_costs_one_request_and_no_further_write() -> None:
    path = MoneyPath()
    path.enter(targets=(TakeProfit(D(110), D("0.5")), TakeProfit(D(120), D("0.5"))))
    assert methods(path) == ["create_order"] * 4
    assert (path.accounts.loads, path.accounts.saves) == (1, 2)


def test_leverage_is_set_only_when_it_changes() -> None:
    path = MoneyPath()
    path.execute(a_signal(), settings=settings(leverage=D(5)))
    path.leave()
    path.clock.advance(1)
    path.execute(a_signal(issued_at=after(1)), settings=settings(leverage=D(5)))
    assert methods(path) == ["set_market_settings", "create_order", "create_order", "create_order"]
    assert path.exchange.books[KEY].leverage[BTC] == 5


def test_what_is_not_placed_costs_no_key_and_no_request() -> None:
    path = MoneyPath(subscriptions={SUBSCRIPTION: SubscriptionStatus.PAUSED})
    path.execute(a_signal())
    assert (path.accounts.loads, path.accounts.saves, path.vault.reads, methods(path)) == (1, 1, 0, [])
    assert path.metrics.counts["SubscriptionsSkipped"] == 1


def test_a_repeat_costs_one_read_and_changes_nothing() -> None:
    path = MoneyPath()
    before = path.execute(a_signal())
    assert path.execute(a_signal()) == before
    assert (path.accounts.loads, path.accounts.saves, len(path.venue_orders())) == (2, 2, 1)
    assert path.metrics.counts["OrdersDuplicate"] == 1


def test_an_account_that_does_not_exist_is_not_found() -> None:
    with pytest.raises(NotFound):
        MoneyPath().execute(a_signal(), account_id="nobody's")


# -- a good day -------------------------------------------------------------------------------------------------------------


def test_entry_stop_and_target_stand_at_the_venue() -> None:
    path = MoneyPath()
    account = path.enter()
    assert (path.net, path.live_triggers()) == (D(10), [D(90), D(120)])
    assert path.states(LegKind.ENTRY) == [IntentState.FILLED]
    assert [i.state for i in account.intents.values()] == [IntentState.OPEN, IntentState.OPEN]


def test_the_decision_is_written_before_anything_is_sent() -> None:
    path, seen = MoneyPath(), []

    class Watching(FakeVenue):
        def create_order(self, request: OrderRequest) -> VenueOrder:
            seen.append({i.client_order_id: i.state for i in path.account.intents.values()}[request.client_order_id])
            return super().create_order(request)

    watch(path, Watching)
    path.enter()
    assert seen == [IntentState.SUBMITTING] * 3


def test_a_reversal_exits_then_enters_then_protects_and_cancels_the_old_protection() -> None:
    path = MoneyPath()
    path.enter()
    path.clock.advance(5)
    path.exchange.requests.clear()
    path.execute(bracket(Action.SHORT, "110", (TakeProfit(D(80)),), issued_at=path.clock.now()))
    assert methods(path) == ["create_order"] * 4 + ["cancel_order"] * 2
    assert [request.kind for request in path.told(LegKind.EXIT)] == [LegKind.EXIT]
    assert (path.net, path.live_triggers()) == (D(-10), [D(110), D(80)])
    assert path.position is not None
    assert path.position.side is PositionSide.SHORT


# -- answers that are lost --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault.AMBIGUOUS_EXECUTED, Fault.AMBIGUOUS_NOT_EXECUTED, Fault.AMBIGUOUS_EXECUTED_LATE])
def test_a_lost_answer_is_unknown_and_never_sent_again_by_the_executor(fault: Fault) -> None:
    path = MoneyPath()
    path.exchange.script(fault)
    path.enter()
    assert path.states(LegKind.ENTRY) == [IntentState.UNKNOWN]
    assert [i.state for i in path.account.intents.values()] == [IntentState.UNKNOWN, IntentState.PENDING, IntentState.PENDING]
    for _ in range(3):
        path.enter()
    assert path.exchange.count("create_order") == 1
    assert path.metrics.counts["OrdersAmbiguous"] == 1
    assert path.queue.sent[0][1] == BINANCE_USDM.settle_window.total_seconds()


def test_while_an_entry_is_unknown_its_exit_waits_and_is_not_lost() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.AMBIGUOUS_EXECUTED)
    path.enter()
    path.clock.advance(5)
    leave = a_signal(Action.EXIT, issued_at=path.clock.now())
    path.execute(leave)
    assert path.states(LegKind.EXIT) == [IntentState.PENDING]
    path.reconcile(1)
    path.execute(leave)
    assert path.states(LegKind.EXIT) == [IntentState.FILLED]
    assert path.is_flat


@pytest.mark.parametrize("leg", [1, 2])
def test_a_lost_answer_of_a_stop_or_target_does_not_stop_the_others(leg: int) -> None:
    path = MoneyPath()
    path.exchange.script(*[NONE] * leg, Fault.AMBIGUOUS_EXECUTED)
    path.enter()
    states = [i.state for i in path.account.intents.values()]
    assert sorted(states) == [IntentState.OPEN, IntentState.UNKNOWN]
    path.settle()
    assert ([i.state for i in path.account.intents.values()], path.live_triggers()) == ([IntentState.OPEN] * 2, [D(90), D(120)])


def test_a_reversed_entry_waits_for_its_unknown_exit_and_follows_it() -> None:
    path = MoneyPath()
    path.enter()
    path.clock.advance(5)
    path.exchange.script(Fault.AMBIGUOUS_EXECUTED)
    path.execute(bracket(Action.SHORT, "110", (), issued_at=path.clock.now()))
    assert (path.states(LegKind.EXIT), path.states(LegKind.ENTRY)[-1]) == ([IntentState.UNKNOWN], IntentState.PENDING)
    path.settle()
    assert (path.net, path.live_triggers()) == (D(-10), [D(110)])


# -- refusals ---------------------------------------------------------------------------------------------------------------


def test_a_refused_entry_ends_and_its_protection_is_never_sent() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.REJECT)
    account = path.enter()
    (entry,) = path.told(LegKind.ENTRY)
    assert (entry.state, entry.reason, entry.venue_message) == (IntentState.REJECTED, Reason.INSUFFICIENT_FUNDS, "told to reject")
    assert (account.intents, path.exchange.count("create_order"), path.told(LegKind.STOP_LOSS)) == ({}, 1, [])


def test_a_refused_exit_denies_the_entry_behind_it_and_is_looked_into_at_once() -> None:
    path = MoneyPath()
    path.enter()
    path.clock.advance(5)
    path.exchange.script(Fault.REJECT)
    path.execute(bracket(Action.SHORT, None, (), issued_at=path.clock.now()))
    assert [(i.state, i.reason) for i in (*path.told(LegKind.EXIT), *path.told(LegKind.ENTRY)[1:])] == [
        (IntentState.REJECTED, Reason.INSUFFICIENT_FUNDS),
        (IntentState.PENDING, None),
        (IntentState.DENIED, Reason.OPPOSITE_POSITION_HELD),
    ]
    assert path.queue.sent[-1][1] == 0


def test_an_exit_that_comes_after_its_stop_is_explained_by_the_next_look() -> None:
    path = MoneyPath()
    path.enter()
    path.exchange.trade(BTC, D(90))
    path.clock.advance(5)
    path.leave()
    assert path.states(LegKind.EXIT) == [IntentState.REJECTED, IntentState.PENDING]
    path.reconcile()
    assert path.states(LegKind.STOP_LOSS) == [IntentState.FILLED]
    assert path.is_flat


def test_a_refused_stop_asks_for_a_look_at_once() -> None:
    path = MoneyPath()
    path.exchange.script(NONE, Fault.REJECT)
    path.enter()
    assert (len(path.account.naked_positions()), path.queue.sent[0][1]) == (1, 0)


@pytest.mark.parametrize("legs", [0, 1, 2])
def test_a_refused_key_disables_the_account_and_nothing_further_is_sent_with_it(legs: int) -> None:
    path = MoneyPath()
    path.exchange.script(*[NONE] * legs, Fault.FATAL)
    account = path.enter()
    assert (account.status, account.disabled_reason) == (AccountStatus.DISABLED, "AUTHENTICATION_FAILED")
    assert path.exchange.count("create_order") == legs + 1
    assert path.alerts() == ["AUTHENTICATION_FAILED"]
    with_next = path.execute(a_signal(issued_at=after(1)))
    assert (with_next.version, path.exchange.count("create_order")) == (account.version + 1, legs + 1)


def test_a_refusal_of_keys_says_nothing_of_keys_that_were_put_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    path = MoneyPath()
    path.exchange.script(Fault.FATAL)
    save = path.accounts.save

    def put_meanwhile(account: Account) -> Account:
        if path.exchange.count("create_order"):  # the order has been refused, and its outcome is about to be written
            monkeypatch.undo()
            save(replace(path.account, credential_version="credential-version-2"))
        return save(account)

    monkeypatch.setattr(path.accounts, "save", put_meanwhile)
    account = path.enter()
    assert (account.status, account.suspensions) == (AccountStatus.ACTIVE, ())
    assert account.credential_version == "credential-version-2"


def test_a_key_that_is_gone_from_the_vault_disables_the_account_before_anything_is_reserved() -> None:
    path = MoneyPath(credential_version="of long ago")
    with pytest.raises(RetryLater, match="CREDENTIALS_MISSING"):
        path.execute(a_signal())
    path.execute(a_signal())
    assert (path.account.status, path.exchange.requests) == (AccountStatus.DISABLED, [])
    assert path.told(LegKind.ENTRY)[0].reason is Reason.ACCOUNT_DISABLED


def test_a_silent_vault_leaves_everything_as_it_was() -> None:
    path = MoneyPath()
    path.vault.unavailable = True
    with pytest.raises(RetryLater):
        path.execute(a_signal())
    assert (path.account.version, path.exchange.requests) == (1, [])


def test_a_replaced_key_signs_the_very_next_order() -> None:
    path = MoneyPath()
    path.enter()
    path.vault.write(TENANT, ACCOUNT, Credentials(api_key="key-2", api_secret="secret-2"), "credential-version-2")
    path.change(credential_version="credential-version-2")
    path.exchange.requests.clear()
    path.clock.advance(1)
    path.leave()
    assert {request.api_key for request in path.exchange.requests} == {"key-2"}


# -- try later --------------------------------------------------------------------------------------------------------------


def test_a_limited_entry_is_kept_by_the_account_not_by_the_message() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.RETRY_LATER)
    path.enter()
    assert {i.state for i in path.account.intents.values()} == {IntentState.PENDING}
    assert path.queue.sent[0][1] == 30
    path.enter()
    path.reconcile(29)
    assert path.exchange.count("create_order") == 1
    path.reconcile(1)
    assert (path.net, path.live_triggers()) == (D(10), [D(90), D(120)])


def test_a_limited_exit_holds_back_the_entry_behind_it_and_both_follow() -> None:
    path = MoneyPath()
    path.enter()
    path.clock.advance(5)
    path.exchange.script(Fault.RETRY_LATER)
    path.execute(bracket(Action.SHORT, None, (), issued_at=path.clock.now()))
    assert (path.net, path.exchange.count("create_order")) == (D(10), 4)
    path.reconcile(5)
    assert (path.net, path.states(LegKind.EXIT), path.states(LegKind.ENTRY)[-1]) == (
        D(-10),
        [IntentState.FILLED],
        IntentState.FILLED,
    )


def test_a_limited_exit_survives_a_venue_that_limits_the_reconciler_too() -> None:
    path = MoneyPath()
    path.enter()
    path.clock.advance(5)
    path.exchange.script(*[Fault.RETRY_LATER] * 4)
    path.leave()
    for pause in (5, 15, 30):
        path.reconcile(pause)
        assert path.net == 10
    assert path.alerts() == ["EXIT_NOT_PLACED"]
    path.reconcile(60)
    assert path.is_flat


def test_a_leverage_that_cannot_be_set_sends_no_order() -> None:
    path = MoneyPath()
    path.exchange.fail("set_market_settings", Ambiguous("OUTCOME_UNKNOWN"))
    path.execute(a_signal(), settings=settings(leverage=D(5)))
    assert (methods(path), path.states(LegKind.ENTRY)) == (["set_market_settings"], [IntentState.PENDING])


# -- time -------------------------------------------------------------------------------------------------------------------


def watch(path: MoneyPath, kind: type[FakeVenue]) -> None:
    """Have the executor and the reconciler see the exchange through another kind of venue."""

    class Venues:
        def connect(self, *_: Any) -> FakeVenue:
            return kind(path.exchange, KEY)

    path.executor = replace(path.executor, venues=Venues())
    path.reconciler = replace(path.reconciler, venues=Venues())


def slow(path: MoneyPath, seconds: float) -> type[FakeVenue]:
    class Slow(FakeVenue):
        def set_market_settings(self, *args: Any) -> None:
            path.clock.advance(seconds)
            super().set_market_settings(*args)

    return Slow


def test_nothing_is_sent_under_a_mark_that_is_too_old() -> None:
    path = MoneyPath()
    watch(path, slow(path, BINANCE_USDM.send_window.total_seconds() + 0.001))
    path.execute(a_signal(), settings=settings(leverage=D(5)))
    assert (methods(path), path.states(LegKind.ENTRY)) == (["set_market_settings"], [IntentState.PENDING])
    path.reconcile(4)
    assert path.net == 10


def test_an_entry_that_expires_while_the_venue_is_slow_is_not_sent() -> None:
    path = MoneyPath()
    path.clock.advance(4)
    watch(path, slow(path, 2))
    path.execute(a_signal(), settings=settings(leverage=D(5), max_signal_age_seconds=5))
    assert methods(path) == ["set_market_settings"]
    path.settle()
    assert (path.exchange.count("create_order"), path.told(LegKind.ENTRY)[0].state) == (0, IntentState.EXPIRED)


# -- part of it -------------------------------------------------------------------------------------------------------------


def test_protection_of_a_part_is_no_larger_than_the_part() -> None:
    path = MoneyPath()

    class Partial(FakeVenue):
        def create_order(self, request: OrderRequest) -> VenueOrder:
            if request.reduce_only:
                return super().create_order(request)
            done = super().create_order(replace(request, quantity=D(4)))
            return replace(done, status=VenueOrderStatus.CANCELLED)

    watch(path, Partial)
    path.enter()
    quantities = [request.quantity for request, _ in path.exchange.books[KEY].orders]
    assert (quantities, [i.quantity for i in path.account.intents.values()]) == ([D(4), D(4), D(4)], [D(4), D(4)])


def test_an_entry_that_fills_slowly_gets_its_protection_when_it_is_done() -> None:
    path = MoneyPath()
    path.exchange.fills_at_once = False
    path.enter()
    (order,) = path.venue_orders(OPEN)
    assert {i.state for i in path.account.intents.values()} == {IntentState.OPEN, IntentState.PENDING}
    path.exchange.fill(KEY, order.client_order_id, D(4))
    path.reconcile(3)
    assert path.live_triggers() == [None]
    path.exchange.fill(KEY, order.client_order_id, D(6))
    path.reconcile(3)
    assert (path.live_triggers(), [i.quantity for i in path.account.intents.values()]) == ([D(90), D(120)], [D(10), D(10)])


# -- somebody comes between -------------------------------------------------------------------------------------------------


def test_a_pause_before_the_decision_is_written_wins() -> None:
    path = MoneyPath()
    original = path.vault.read

    def paused_meanwhile(tenant_id: str, account_id: str, version: str) -> Credentials:
        path.pause()
        return original(tenant_id, account_id, version)

    path.vault.read = paused_meanwhile  # type: ignore[method-assign]
    with pytest.raises(RetryLater, match="VERSION_CONFLICT"):
        path.execute(a_signal())
    assert path.exchange.requests == []
    path.vault.read = original  # type: ignore[method-assign]
    path.execute(a_signal())
    assert (path.exchange.requests, path.states(LegKind.ENTRY)) == ([], [IntentState.SKIPPED])


def test_a_pause_while_the_order_is_sent_is_kept_and_so_is_the_fill() -> None:
    path = MoneyPath()

    class Paused(FakeVenue):
        def create_order(self, request: OrderRequest) -> VenueOrder:
            path.pause()
            return super().create_order(request)

    watch(path, Paused)
    account = path.execute(a_signal())
    assert account.subscriptions == {SUBSCRIPTION: SubscriptionStatus.PAUSED}
    assert path.position is not None
    assert path.position.quantity == 10


def test_a_reconciler_that_adopts_the_order_first_is_not_adopted_over() -> None:
    path = MoneyPath()

    class Overtaken(FakeVenue):
        def create_order(self, request: OrderRequest) -> VenueOrder:
            order = super().create_order(request)
            path.reconcile()
            return order

    watch(path, Overtaken)
    path.execute(a_signal())
    assert path.position is not None
    assert (path.position.quantity, path.account.intents, len(path.venue_orders())) == (D(10), {}, 1)


def test_a_storm_of_writers_ends_in_a_conflict_and_the_record_says_what_may_exist() -> None:
    path = MoneyPath()
    original, saves = path.accounts.save, []

    def storm(account: Any) -> Any:
        saves.append(account)
        if len(saves) > 1:
            original(path.account)
        return original(account)

    path.accounts.save = storm  # type: ignore[method-assign]
    with pytest.raises(Conflict):
        path.execute(a_signal())
    assert [i.state for i in path.account.intents.values()] == [IntentState.SUBMITTING]
    path.accounts.save = original  # type: ignore[method-assign]
    path.settle(looks=2)
    assert (path.net, path.states(LegKind.ENTRY), len(path.venue_orders(FILLED))) == (D(10), [IntentState.FILLED], 1)
