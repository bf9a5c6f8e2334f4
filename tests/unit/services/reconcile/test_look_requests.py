"""Requests for looks from executor to reconciler: asked for once, taken once, put off without a receive."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from candlecast.domain.limits.limits import Limits, Scope, tighten
from candlecast.domain.reconcile.look_schedule import slot_after
from candlecast.domain.signals.messages import ReconcileRequest
from candlecast.domain.values.errors import Ambiguous, RetryLater
from tests.support.builders import ACCOUNT, a_reconcile_request, after
from tests.support.fakes.looks import FakeLooks, asking
from tests.support.fakes.queues import FakeReconcileQueue
from tests.support.money_path import MoneyPath, bracket

FRESH = tighten(((Scope.PLATFORM, Limits(max_state_age_seconds=600)),))
NO_ROOM = RetryLater("WEIGHT_SPENT", "told to", after_seconds=20)


class Looks(MoneyPath):
    """The money path with leases in front of both queues of looks."""

    def __init__(self, **account: Any) -> None:
        super().__init__(**account)
        self.routine, self.awaited, self.leases = FakeReconcileQueue(), FakeReconcileQueue(), FakeLooks()
        asks = (self.leases, self.routine, self.awaited, self.clock, self.metrics)
        self.executor = replace(self.executor, reconcile_queue=asking(*asks))
        self.reconciler = replace(self.reconciler, queue=asking(*asks, renews=True))

    def try_to_enter(self, **signal: Any) -> None:
        with pytest.raises(RetryLater, match="STATE_STALE"):
            self.execute(bracket(**signal), limits=FRESH)

    @property
    def request(self) -> ReconcileRequest:
        """The one request for a look that an order awaits."""
        ((request, _),) = self.awaited.sent
        return request


def test_an_order_that_waits_for_a_look_asks_once_and_not_at_each_receive() -> None:
    path = Looks(reconciled_at=None)
    for _ in range(4):
        path.try_to_enter()
        path.clock.advance(3)
    assert (path.request.awaited, path.request.full, path.request.asked_at) == (True, True, after(0))
    assert path.routine.sent == []


def test_the_order_finds_the_state_fresh_after_one_look() -> None:
    path = Looks(reconciled_at=None)
    path.try_to_enter()
    path.reconciler(path.request)
    assert path.execute(bracket(), limits=FRESH).positions
    assert path.exchange.count("balance") == 1


def test_a_look_that_somebody_has_made_costs_one_read_and_no_request() -> None:
    path = Looks(reconciled_at=None)
    path.try_to_enter()
    path.clock.advance(1)
    path.reconciler(a_reconcile_request())
    loads, saves, asked = path.accounts.loads, path.accounts.saves, len(path.exchange.requests)
    path.reconciler(path.request)
    assert (path.accounts.loads - loads, path.accounts.saves - saves, len(path.exchange.requests) - asked) == (1, 0, 0)
    assert path.metrics.counts["LooksPointless"] == 1


def test_an_unknown_outcome_is_asked_for_once_and_again_after_its_look() -> None:
    path = Looks()
    path.exchange.fail("create_order", Ambiguous("OUTCOME_UNKNOWN", "told to"))
    path.execute(bracket(stop=None, targets=()))
    path.execute(bracket(stop=None, targets=()))
    (asked, delay), *more = path.awaited.sent
    assert (delay, more, asked.awaited, asked.full) == (25, [], True, False)
    path.clock.advance(25)
    path.reconciler(asked)
    assert [later for _, later in path.awaited.sent[1:]] == [3], "the second lookup of two"


def test_a_usual_order_asks_for_no_look_and_writes_no_lease() -> None:
    path = Looks()
    path.enter()
    assert (path.leases.reads, path.leases.writes, path.awaited.sent, path.routine.sent) == (0, 0, [], [])


# -- no room at the venue ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["open_orders", "balance"])
def test_a_look_without_room_keeps_its_lease_and_comes_in_the_next_minute(method: str) -> None:
    path = Looks(reconciled_at=None)
    path.exchange.fail(method, NO_ROOM)
    request = a_reconcile_request(asked_at=after(0), turn=path.account.created_at)
    path.clock.advance(10)
    path.reconciler(request)
    ((again, delay),) = path.routine.sent
    assert again == request, "with the instant at which it was made"
    assert after(10 + delay) == slot_after(ACCOUNT, after(60), timedelta(minutes=1))
    asker = asking(path.leases, path.routine, path.awaited, path.clock, path.metrics)
    asker.send_reconcile([replace(request, asked_at=None)], 30)
    assert len(path.routine.sent) == 1


def test_a_look_that_was_put_off_before_comes_at_the_start_of_the_minute() -> None:
    path = Looks(reconciled_at=None)
    path.exchange.fail("balance", NO_ROOM)
    path.clock.advance(80)
    path.reconciler(a_reconcile_request(asked_at=after(0), turn=path.account.created_at))
    assert [delay for _, delay in path.routine.sent] == [40]


def test_a_look_that_an_order_awaits_comes_at_the_start_of_the_minute() -> None:
    path = Looks(reconciled_at=None)
    path.try_to_enter()
    path.exchange.fail("balance", NO_ROOM)
    path.clock.advance(10)
    path.reconciler(path.request)
    assert [(request.awaited, delay) for request, delay in path.awaited.sent[1:]] == [(True, 50)]


def test_a_silent_venue_is_asked_again_by_the_request_itself() -> None:
    path = Looks(reconciled_at=None)
    path.exchange.fail("balance", RetryLater("VENUE_UNAVAILABLE", "told to", after_seconds=5))
    path.reconciler(a_reconcile_request(asked_at=after(0), turn=path.account.created_at))
    assert len(path.routine.sent) == 1


# -- leases end --------------------------------------------------------------------------------------------------------------


def test_after_an_awaited_look_at_open_orders_another_may_be_asked_for_at_once() -> None:
    path = Looks()
    path.enter()
    asker = asking(path.leases, path.routine, path.awaited, path.clock, path.metrics)
    asker.send_reconcile([a_reconcile_request(awaited=True)])
    path.reconciler(path.request)
    asker.send_reconcile([a_reconcile_request(awaited=True)])
    assert len(path.awaited.sent) == 2


def test_leases_that_cannot_be_read_or_written_hold_nothing_back() -> None:
    path = Looks(reconciled_at=None)
    path.leases.fails = True
    path.try_to_enter()
    path.try_to_enter()
    assert len(path.awaited.sent) == 2
    path.reconciler(path.awaited.sent[0][0])
    assert path.account.reconciled_at is not None


def test_a_queue_that_refuses_leaves_no_lease() -> None:
    path = Looks(reconciled_at=None)
    path.awaited.fail_next()
    with pytest.raises(RetryLater, match="QUEUE_UNAVAILABLE"):
        path.execute(bracket(), limits=FRESH)
    assert path.leases.leases == {}
