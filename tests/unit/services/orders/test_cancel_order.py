"""An owner cancels an entry: the wish is written first, and the reconciler goes on until it knows how the order ended."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.reconcile.look_schedule import due_soon
from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.values.errors import Ambiguous, Conflict, NotFound, Reject, RetryLater
from candlecast.domain.values.reasons import Reason
from candlecast.services.orders.cancel_order import CancelOrder
from tests.support.builders import TENANT, an_intent
from tests.support.fakes.history import FakeHistory
from tests.support.fakes.queues import FakeReconcileQueue
from tests.support.fakes.venue import Fault
from tests.support.money_path import KEY, MoneyPath, bracket

D = Decimal
LIMIT = EntryOrder(type=EntryType.LIMIT, price=D(99), rests_seconds=3_600)
CANCELLED, BY_OWNER = IntentState.CANCELLED, Reason.CANCELLED_BY_OWNER


def resting(**account: Any) -> MoneyPath:
    """A limit entry in the venue's book."""
    path = MoneyPath(**account)
    path.execute(bracket(entry=LIMIT))
    path.clock.advance(10)
    return path


def entry_of(path: MoneyPath) -> Intent:
    return next(i for i in path.account.intents.values() if i.kind is LegKind.ENTRY)


def cancel(path: MoneyPath, order: Intent, looks: FakeReconcileQueue | None = None) -> Intent:
    """Relay what has happened, then cancel by the API's use case."""
    history = FakeHistory(path.database)
    for told in path.database.stream:
        if told.event.order is not None:
            history.put_order(told.event.order, told.version)
    return CancelOrder(path.accounts, history, looks or path.queue, path.clock)(TENANT, order.intent_id, "by-hand")


def last_of(path: MoneyPath, kind: LegKind = LegKind.ENTRY) -> tuple[IntentState, Decimal, Reason | None]:
    order = path.told(kind)[-1]
    return order.state, order.filled_quantity, order.reason


def test_the_wish_is_written_and_nothing_is_sent_by_the_one_who_asks() -> None:
    path = resting()
    before = len(path.exchange.requests)
    asked = cancel(path, entry_of(path))
    assert (asked.cancel_asked_at, entry_of(path).cancel_asked_at) == (path.clock.now(), path.clock.now())
    assert len(path.exchange.requests) == before
    assert due_soon(path.account, path.clock.now()) == path.clock.now()
    request, delay = path.queue.sent[-1]
    assert (request.awaited, request.full, request.asked_at, delay) == (True, False, path.clock.now(), 0)
    assert request.correlation_id == "by-hand"
    assert path.told(LegKind.ENTRY)[-1].cancel_asked_at == path.clock.now(), "history shows it"


def test_the_look_cancels_it_and_nothing_is_left() -> None:
    path = resting()
    cancel(path, entry_of(path))
    path.reconcile()
    assert (path.is_flat, last_of(path)) == (True, (CANCELLED, D(0), BY_OWNER))
    assert due_soon(path.account, path.clock.now()) is None


@pytest.mark.parametrize("noticed", [False, True])
def test_what_it_has_filled_until_then_is_held_with_its_stop(noticed: bool) -> None:
    path = resting()
    path.exchange.fill(KEY, entry_of(path).client_order_id, D(4), D(99))
    if noticed:
        path.reconcile(60)
    cancel(path, entry_of(path))
    path.reconcile()
    assert (path.net, path.live_stops(), last_of(path)) == (D(4), [(D(4), D(90))], (CANCELLED, D(4), BY_OWNER))
    assert [(i.trigger_price, i.quantity) for i in path.told(LegKind.TAKE_PROFIT)] == [(D(120), D(4))]


def test_an_entry_that_was_filled_before_is_held_and_its_order_is_filled() -> None:
    path = resting()
    path.exchange.fill(KEY, entry_of(path).client_order_id, D(10), D(99))
    cancel(path, entry_of(path))
    path.reconcile()
    assert (path.net, path.live_stops(), last_of(path)) == (D(10), [(D(10), D(90))], (IntentState.FILLED, D(10), None))


@pytest.mark.parametrize("method", ["cancel_order", "find_order"])
@pytest.mark.parametrize("error", [Ambiguous("OUTCOME_UNKNOWN"), RetryLater("RATE_LIMITED", after_seconds=5), Reject("NO")])
def test_a_cancellation_without_an_answer_is_repeated_at_the_pace_of_exits(method: str, error: Exception) -> None:
    path = resting()
    cancel(path, entry_of(path))
    path.exchange.fail(method, error)  # type: ignore[arg-type]
    with suppress(RetryLater):  # then its message is redelivered
        path.reconcile()
    asked = path.exchange.count("cancel_order")
    due = due_soon(path.account, path.clock.now())
    if entry_of_or_none(path) is not None:
        assert due is not None
        assert (due - path.clock.now()).total_seconds() <= 5
        path.reconcile(4)
        path.reconcile(2)
    assert (path.is_flat, last_of(path)[0]) == (True, CANCELLED)
    assert last_of(path)[2] is BY_OWNER, "also where another look learns of the end"
    assert path.exchange.count("cancel_order") <= asked + 1


def entry_of_or_none(path: MoneyPath) -> Intent | None:
    return next((i for i in path.account.intents.values() if i.kind is LegKind.ENTRY), None)


@pytest.mark.parametrize("fault", [Fault.AMBIGUOUS_NOT_EXECUTED, Fault.AMBIGUOUS_EXECUTED, Fault.AMBIGUOUS_EXECUTED_LATE])
def test_an_unknown_outcome_is_looked_up_and_is_never_taken_for_an_end(fault: Fault) -> None:
    path = MoneyPath()
    path.exchange.script(fault)
    path.execute(bracket(entry=LIMIT))
    assert entry_of(path).state is IntentState.UNKNOWN
    asked = cancel(path, entry_of(path))
    assert asked.state is IntentState.UNKNOWN
    path.reconcile(1)
    path.exchange.arrive_late()
    path.settle()
    assert (path.is_flat, last_of(path)) == (True, (CANCELLED, D(0), BY_OWNER))
    assert len([o for o in path.exchange.requests if o.method == "create_order"]) == 1, "it is not sent again"


def test_an_entry_that_waits_for_its_next_attempt_is_not_sent_any_more() -> None:
    path = MoneyPath()
    path.exchange.fail("create_order", RetryLater("RATE_LIMITED", after_seconds=30))
    path.execute(bracket(entry=LIMIT))
    assert entry_of(path).state is IntentState.PENDING
    cancel(path, entry_of(path))
    path.reconcile()
    assert last_of(path) == (CANCELLED, D(0), BY_OWNER)
    path.settle()
    assert (path.is_flat, path.exchange.count("create_order")) == (True, 1)


def test_a_repeat_writes_nothing_and_asks_for_the_look_again() -> None:
    path = resting()
    cancel(path, entry_of(path))
    saves, asked = path.accounts.saves, len(path.queue.sent)
    path.clock.advance(3)
    again = cancel(path, entry_of(path))
    assert (path.accounts.saves, len(path.queue.sent)) == (saves, asked + 1)
    assert again == entry_of(path)


def test_the_wish_lands_beside_another_writer() -> None:
    path, overtaken = resting(), list[Account]()
    load = path.accounts.load

    def load_too_early(tenant_id: str, account_id: str) -> Account:
        account = load(tenant_id, account_id)
        if not overtaken:
            overtaken.append(path.change(label="renamed"))
        return account

    path.accounts.load = load_too_early  # type: ignore[method-assign]
    assert cancel(path, entry_of(path)).cancel_asked_at is not None
    assert (path.account.label, entry_of(path).cancel_asked_at) == ("renamed", path.clock.now())


def test_a_queue_that_refuses_loses_nothing() -> None:
    path, looks = resting(), FakeReconcileQueue()
    looks.fail_next()
    assert cancel(path, entry_of(path), looks).cancel_asked_at is not None
    assert due_soon(path.account, path.clock.now()) == path.clock.now(), "the clock asks within the minute"


@pytest.mark.parametrize("kind", [LegKind.STOP_LOSS, LegKind.TAKE_PROFIT])
def test_a_stop_or_a_target_stays(kind: LegKind) -> None:
    path = MoneyPath()
    path.enter()
    order = next(i for i in path.account.intents.values() if i.kind is kind)
    with pytest.raises(Conflict) as refused:
        cancel(path, order)
    assert refused.value.code == "PROTECTS_POSITION"
    assert path.account.intents[order.intent_id] == order


def test_an_exit_goes_on() -> None:
    path = MoneyPath()
    path.enter()
    path.exchange.fail("create_order", RetryLater("RATE_LIMITED", after_seconds=30))
    path.leave()
    leave = next(i for i in path.account.intents.values() if i.kind is LegKind.EXIT)
    with pytest.raises(Conflict) as refused:
        cancel(path, leave)
    assert refused.value.code == "EXIT_UNDER_WAY"


def test_an_order_that_has_ended_says_so() -> None:
    path = MoneyPath()
    path.enter()
    with pytest.raises(Conflict) as refused:
        cancel(path, path.told(LegKind.ENTRY)[-1])
    assert refused.value.code == "ORDER_ENDED"


def test_an_order_that_was_never_placed_on_an_account_has_ended() -> None:
    path = MoneyPath()
    history = FakeHistory(path.database)
    skipped = an_intent(account_id="", state=IntentState.SKIPPED)
    history.put_skipped([skipped])
    with pytest.raises(Conflict) as refused:
        CancelOrder(path.accounts, history, path.queue, path.clock)(TENANT, skipped.intent_id, "by-hand")
    assert refused.value.code == "ORDER_ENDED"


def test_an_unknown_order_and_another_tenants_are_not_found() -> None:
    path = resting()
    cancel(path, entry_of(path))
    use = CancelOrder(path.accounts, FakeHistory(path.database), path.queue, path.clock)
    for tenant, order in ((TENANT, "unknown"), ("tenant-2", entry_of(path).intent_id)):
        with pytest.raises(NotFound):
            use(tenant, order, "by-hand")


def test_without_keys_the_order_can_only_be_cancelled_at_the_venue() -> None:
    path = resting()
    path.change(status=AccountStatus.NO_CREDENTIALS, credential_version=None)
    with pytest.raises(Conflict) as refused:
        cancel(path, entry_of(path))
    assert refused.value.code == "NO_CREDENTIALS"
