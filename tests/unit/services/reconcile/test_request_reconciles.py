"""The reconcile clock: every account that is due, once, in bounded numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.reconcile.look_schedule import OPEN_ORDER_INTERVAL
from candlecast.domain.values.errors import RetryLater
from candlecast.ports.store import DueAccount
from candlecast.services.reconcile.request_reconciles import BATCH, MAX_ACCOUNTS_PER_RUN, RequestReconciles
from tests.support.builders import NOW, TENANT, a_position, an_account, an_intent
from tests.support.fakes.accounts import FakeAccountStore
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.queues import FakeReconcileQueue

STOP = an_intent(LegKind.STOP_LOSS, state=IntentState.OPEN, bracket_of=an_intent().intent_id)
DUE = NOW + OPEN_ORDER_INTERVAL


HELD = a_position()


class ManyDue(FakeAccountStore):
    def due_for_reconcile(self, before: datetime) -> Iterator[DueAccount]:
        return iter([DueAccount(TENANT, f"account-{number}", NOW) for number in range(MAX_ACCOUNTS_PER_RUN + 5)])


class Desk:
    """Accounts with a live stop each, and the clock's use case at a certain time."""

    def __init__(self, *names: str, now: datetime = DUE, store: FakeAccountStore | None = None, **account: Any) -> None:
        self.store, self.queue, self.metrics = store or FakeAccountStore(), FakeReconcileQueue(), RecordingMetrics()
        for name in names:
            values = {"intents": {STOP.intent_id: STOP}, "positions": {HELD.key: HELD}, **account}
            self.store.create(an_account(name, **values))
        self.fire = RequestReconciles(self.store, self.queue, FakeClock(now), self.metrics)

    @property
    def delays(self) -> dict[str, int]:
        return {request.account_id: delay for request, delay in self.queue.sent}


def test_every_account_that_is_due_is_asked_for_once() -> None:
    names = [f"account-{number}" for number in range(BATCH + 3)]
    desk = Desk(*names)
    desk.store.create(an_account("nobody-trades", subscriptions={}))
    assert desk.fire(DUE) == BATCH + 3
    assert sorted(request.account_id for request, _ in desk.queue.sent) == sorted(names)
    assert {(request.tenant_id, delay) for request, delay in desk.queue.sent} == {(TENANT, 0)}
    assert desk.metrics.counts["ReconcilesRequested"] == BATCH + 3


def test_an_account_of_which_something_is_open_is_not_asked_for_in_turn_as_well() -> None:
    unknown = an_intent(state=IntentState.UNKNOWN)  # its settle window ends 25 s later
    desk = Desk("a", now=NOW, intents={unknown.intent_id: unknown}, positions={})
    assert [due.in_turn for due in desk.store.due_for_reconcile(DUE)] == [True, False], "it was never looked at"
    assert (desk.fire(NOW), desk.delays) == (1, {"a": 25})


def test_what_is_due_before_the_next_firing_is_asked_for_when_it_is_due() -> None:
    unknown = an_intent(state=IntentState.UNKNOWN)  # its settle window ends 25 s later
    desk = Desk("a", now=NOW, intents={unknown.intent_id: unknown})
    assert desk.fire(NOW) == 1
    assert desk.delays == {"a": 25}


def test_what_is_due_after_the_next_firing_is_left_to_it() -> None:
    assert Desk("a", now=NOW - timedelta(seconds=1), reconciled_at=NOW).fire(NOW - timedelta(seconds=1)) == 0


def test_what_has_been_due_for_longer_is_spread_over_the_minute_and_keeps_its_second() -> None:
    desk = Desk(*(f"account-{number}" for number in range(600)), now=DUE + 6 * OPEN_ORDER_INTERVAL)
    seconds = []
    for minute in (5, 6):
        desk.queue.sent.clear()
        desk.fire(DUE + minute * OPEN_ORDER_INTERVAL)
        seconds.append(desk.delays)
    assert seconds[0] == seconds[1]
    assert set(seconds[0].values()) == set(range(1, 61))
    assert max(Counter(seconds[0].values()).values()) < 30  # 10 a second on average


def test_a_time_ahead_of_the_clock_asks_at_once_for_what_is_due_by_then() -> None:
    desk = Desk("a", now=NOW)
    assert desk.fire(DUE) == 1
    assert desk.delays == {"a": 0}


def test_one_run_asks_for_a_bounded_number() -> None:
    desk = Desk(store=ManyDue())
    assert desk.fire(DUE) == MAX_ACCOUNTS_PER_RUN
    assert len(desk.queue.sent) == MAX_ACCOUNTS_PER_RUN


def test_each_request_has_a_correlation_id_of_its_own_and_of_its_minute() -> None:
    desk = Desk("a", "b")
    for instant in (DUE, DUE + OPEN_ORDER_INTERVAL):
        desk.fire(instant)
    assert len({request.correlation_id for request, _ in desk.queue.sent}) == 4


def test_a_queue_that_does_not_take_them_is_told_and_they_stay_due() -> None:
    desk = Desk("a")
    desk.queue.fail_next()
    with pytest.raises(RetryLater):
        desk.fire(DUE)
    assert desk.fire(DUE) == 1
