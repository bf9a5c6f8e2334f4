"""The reconcile clock: every account that is due, once, in bounded numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.reconcile.look_lease import LookLease
from candlecast.domain.reconcile.look_schedule import OPEN_ORDER_INTERVAL
from candlecast.domain.reconcile.look_window import FIRST_WINDOW, LEAST_WINDOW, MOST_WAITING, LookWindow
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.firing import FiringRefused
from candlecast.ports.store import DueAccount
from candlecast.services.reconcile.request_reconciles import (
    ASKS_FOR,
    FURTHEST_DUE,
    MAX_ACCOUNTS_PER_RUN,
    MAX_FIRING_AGE,
    RequestReconciles,
)
from tests.support.builders import NOW, TENANT, a_position, an_account, an_intent
from tests.support.fakes.accounts import FakeAccountStore
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.looks import FakeLooks, asking
from tests.support.fakes.queues import FakeReconcileQueue

STOP = an_intent(LegKind.STOP_LOSS, state=IntentState.OPEN, bracket_of=an_intent().intent_id)
DUE = NOW + OPEN_ORDER_INTERVAL


HELD = a_position()


class ManyDue(FakeAccountStore):
    def __init__(self, number: int = FIRST_WINDOW + 5) -> None:
        super().__init__()
        self.number = number

    def due_for_reconcile(self, before: datetime) -> Iterator[DueAccount]:
        return iter([DueAccount(TENANT, f"account-{number}", NOW) for number in range(self.number)])


class KilledError(BaseException):
    """The function's time-out."""


class Runs(FakeLooks):
    """Notes how many leases each run keeps. A run takes `seconds`; the clock dies before it keeps those of run `dies_at`."""

    def __init__(self, clock: FakeClock, seconds: float = 0, dies_at: int | None = None) -> None:
        super().__init__()
        self.clock, self.seconds, self.dies_at, self.kept = clock, seconds, dies_at, list[int]()
        self.window = LookWindow(size=MOST_WAITING)

    def keep(self, leases: Sequence[LookLease]) -> None:
        if len(self.kept) == self.dies_at:
            raise KilledError
        super().keep(leases)
        self.clock.advance(self.seconds)
        self.kept.append(len(leases))


class Desk:
    """Accounts with a live stop each, and the clock's use case at a certain time."""

    def __init__(self, *names: str, now: datetime = DUE, store: FakeAccountStore | None = None, **account: Any) -> None:
        self.store, self.queue, self.metrics = store or FakeAccountStore(), FakeReconcileQueue(), RecordingMetrics()
        self.looks, self.awaited, self.clock = FakeLooks(), FakeReconcileQueue(), FakeClock(now)
        for name in names:
            values = {"intents": {STOP.intent_id: STOP}, "positions": {HELD.key: HELD}, **account}
            self.store.create(an_account(name, **values))
        asked = asking(self.looks, self.queue, self.awaited, self.clock, self.metrics)
        self.fire = RequestReconciles(self.store, asked, self.queue, self.looks, self.clock, self.metrics)

    @property
    def delays(self) -> dict[str, int]:
        return {request.account_id: delay for request, delay in [*self.queue.sent, *self.awaited.sent]}


def test_every_account_that_is_due_is_asked_for_once() -> None:
    names = [f"account-{number}" for number in range(103)]
    desk = Desk(*names)
    desk.store.create(an_account("nobody-trades", subscriptions={}))
    assert desk.fire(DUE) == 103
    assert sorted(request.account_id for request, _ in desk.queue.sent) == sorted(names)
    assert {(request.tenant_id, delay) for request, delay in desk.queue.sent} == {(TENANT, 0)}
    assert desk.metrics.counts["ReconcilesRequested"] == 103


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
    desk.looks.window, seconds = LookWindow(size=2 * 600), []
    for minute in (5, 6):
        desk.queue.sent.clear()
        desk.clock.set(DUE + minute * OPEN_ORDER_INTERVAL)
        desk.fire(DUE + minute * OPEN_ORDER_INTERVAL)
        seconds.append(desk.delays)
    assert seconds[0] == seconds[1]
    assert set(seconds[0].values()) == set(range(1, 61))
    assert max(Counter(seconds[0].values()).values()) < 30  # 10 a second on average


def test_an_operator_asks_at_once_for_what_is_due_by_a_time_ahead_of_the_clock() -> None:
    desk = Desk("a", now=NOW)
    assert desk.fire.at_once(DUE) == 1
    assert desk.delays == {"a": 0}
    assert desk.metrics.counts["ReconcilesRequested"] == 1


def test_an_operators_time_is_bounded() -> None:
    desk = Desk("a", now=NOW)
    with pytest.raises(FiringRefused, match="DUE_TOO_FAR"):
        desk.fire.at_once(NOW + FURTHEST_DUE + timedelta(seconds=1))
    assert desk.fire.at_once(NOW + FURTHEST_DUE) == 1


@pytest.mark.parametrize(
    ("scheduled_at", "code"),
    [
        (NOW - MAX_FIRING_AGE - timedelta(seconds=1), "FIRING_TOO_LATE"),
        (NOW - timedelta(days=7), "FIRING_TOO_LATE"),
        (NOW + timedelta(seconds=6), "FIRING_AHEAD"),
    ],
)
def test_a_firing_that_is_not_of_now_asks_for_nothing(scheduled_at: datetime, code: str) -> None:
    desk = Desk("a", now=NOW)
    with pytest.raises(FiringRefused, match=code):
        desk.fire(scheduled_at)
    assert (desk.delays, desk.looks.reads, desk.looks.writes) == ({}, 0, 0)


@pytest.mark.parametrize("age", [timedelta(seconds=-5), timedelta(0), MAX_FIRING_AGE])
def test_a_firing_within_its_bounds_asks(age: timedelta) -> None:
    assert Desk("a", now=DUE + age).fire(DUE) == 1


def test_one_run_asks_for_a_bounded_number() -> None:
    desk = Desk(store=ManyDue())
    assert desk.fire(DUE) == FIRST_WINDOW
    assert len(desk.queue.sent) == FIRST_WINDOW


def a_full_house(accounts: int, **runs: Any) -> tuple[Desk, Runs]:
    desk = Desk(store=ManyDue(accounts))
    desk.looks = made = Runs(desk.clock, **runs)
    asked = asking(made, desk.queue, desk.awaited, desk.clock, desk.metrics)
    desk.fire = RequestReconciles(desk.store, asked, desk.queue, made, desk.clock, desk.metrics)
    return desk, made


def test_more_accounts_than_one_run_takes_are_asked_for_in_several() -> None:
    desk, runs = a_full_house(2 * MAX_ACCOUNTS_PER_RUN + 10)
    assert desk.fire(DUE) == len(desk.queue.sent) == 2 * MAX_ACCOUNTS_PER_RUN + 10
    assert len({request.account_id for request, _ in desk.queue.sent}) == len(desk.queue.sent)
    assert runs.kept == [MAX_ACCOUNTS_PER_RUN, MAX_ACCOUNTS_PER_RUN, 10]
    assert runs.window.waiting == 2 * MAX_ACCOUNTS_PER_RUN + 10


def test_accounts_that_an_operator_asks_for_come_in_runs_as_well() -> None:
    desk, runs = a_full_house(MAX_ACCOUNTS_PER_RUN + 10)
    assert desk.fire.at_once(DUE + timedelta(minutes=5)) == len(desk.awaited.sent) == MAX_ACCOUNTS_PER_RUN + 10
    assert runs.kept == [MAX_ACCOUNTS_PER_RUN, 10]


def test_the_window_bounds_all_runs_together() -> None:
    desk, runs = a_full_house(2 * MAX_ACCOUNTS_PER_RUN)
    runs.window = LookWindow(size=MAX_ACCOUNTS_PER_RUN + 10)
    assert desk.fire(DUE) == MAX_ACCOUNTS_PER_RUN + 10
    assert runs.kept == [MAX_ACCOUNTS_PER_RUN, 10]


def test_runs_end_well_before_the_function_does() -> None:
    desk, _ = a_full_house(4 * MAX_ACCOUNTS_PER_RUN, seconds=ASKS_FOR.total_seconds() / 2 + 1)
    assert desk.fire(DUE) == 2 * MAX_ACCOUNTS_PER_RUN


def test_a_clock_that_dies_in_a_later_run_asks_for_none_of_the_earlier_ones_again() -> None:
    desk, runs = a_full_house(3 * MAX_ACCOUNTS_PER_RUN, dies_at=2)
    with pytest.raises(KilledError):
        desk.fire(DUE)
    runs.dies_at, desk.queue.not_done = None, 0
    assert desk.fire(DUE) == MAX_ACCOUNTS_PER_RUN


def test_each_request_has_a_correlation_id_of_its_own_and_of_its_minute() -> None:
    desk = Desk("a", "b")
    for instant in (DUE, DUE + OPEN_ORDER_INTERVAL):
        desk.clock.set(instant)
        desk.fire(instant)
    assert len({request.correlation_id for request, _ in desk.queue.sent}) == 4


def test_a_queue_that_does_not_take_them_is_told_and_they_stay_due() -> None:
    desk = Desk("a")
    desk.queue.fail_next(2)  # it does not tell how much waits either
    with pytest.raises(RetryLater):
        desk.fire(DUE)
    assert desk.fire(DUE) == 1


# -- a request is a lease ------------------------------------------------------------------------------------------------------


def later(desk: Desk, minutes: float) -> datetime:
    """The firing so many minutes after DUE; the clock stands there."""
    desk.clock.set(DUE + minutes * OPEN_ORDER_INTERVAL)
    return desk.clock.now()


def test_the_turn_of_an_account_whose_request_waits_is_not_asked_for_again() -> None:
    desk = Desk("a", intents={}, positions={})
    asked = [desk.fire(later(desk, minute)) for minute in range(3)]
    assert asked == [1, 0, 0]
    assert desk.metrics.counts["LooksAlreadyAsked"] == 2


def test_a_request_that_was_lost_is_made_again_once_its_lease_has_ended() -> None:
    desk = Desk("a", intents={}, positions={})
    assert [desk.fire(later(desk, minute)) for minute in (0, 4)] == [1, 1]


def test_a_look_that_was_made_ends_the_lease_of_the_turn() -> None:
    desk = Desk("a", intents={}, positions={})
    desk.fire(later(desk, 0))
    account = desk.store.load(TENANT, "a")
    desk.store.save(replace(account, reconciled_at=DUE - timedelta(minutes=5)))  # the next turn has come already
    assert desk.fire(later(desk, 1)) == 1


def test_open_orders_are_asked_for_once_a_minute_although_no_look_leaves_a_trace() -> None:
    desk = Desk("a", reconciled_at=NOW)
    assert [desk.fire(later(desk, minute)) for minute in range(4)] == [1, 1, 1, 1]


def test_what_an_operator_asks_for_at_once_waits_in_the_queue_of_awaited_looks() -> None:
    desk = Desk("a", now=NOW)
    assert desk.fire.at_once(DUE) == 1
    assert ([(request.awaited, request.full) for request, _ in desk.awaited.sent], desk.queue.sent) == ([(True, False)], [])
    assert desk.fire.at_once(DUE, full=True) == 1
    assert desk.awaited.sent[-1][0].full


def test_an_operator_gets_a_look_although_the_lease_of_an_earlier_one_was_kept_after_that_look() -> None:
    """A look may be done before the lease of its request is kept: then nothing ends the lease."""
    desk = Desk("a", now=NOW)
    desk.fire.at_once(DUE)
    desk.clock.advance(1)
    assert desk.fire.at_once(DUE) == 1
    assert len(desk.awaited.sent) == 2


def test_a_look_that_an_order_waits_for_is_asked_for_although_a_routine_request_waits() -> None:
    desk = Desk("a", intents={}, positions={})
    desk.fire(later(desk, 0))
    (routine, _), *_ = desk.queue.sent
    desk.fire.looks.send_reconcile([replace(routine, awaited=True)])
    assert len(desk.awaited.sent) == 1
    assert desk.fire(later(desk, 1)) == 1, "a look that has died is asked for again"


def test_without_leases_everything_is_asked_for() -> None:
    desk = Desk("a", intents={}, positions={})
    desk.fire(later(desk, 0))
    desk.looks.fails = True
    assert desk.fire(later(desk, 1)) == 1


# -- an overload does not feed itself -------------------------------------------------------------------------------------------


def test_the_clock_gives_twice_what_was_done_while_requests_wait() -> None:
    desk = Desk(store=ManyDue())
    desk.queue.not_done = 0
    assert desk.fire(later(desk, 0)) == FIRST_WINDOW
    desk.queue.not_done = FIRST_WINDOW - 60
    assert desk.fire(later(desk, 4)) == 0
    assert desk.looks.window == LookWindow(size=2 * 60, waiting=FIRST_WINDOW - 60)
    desk.queue.not_done = FIRST_WINDOW - 180
    assert desk.fire(later(desk, 8)) == 0
    desk.queue.not_done = 60
    assert desk.fire(later(desk, 12)) == 60, "as much as a minute does"


def test_the_window_doubles_while_everything_is_done_and_never_closes() -> None:
    window, sizes = LookWindow(), []
    for _ in range(4):
        window = window.after_a_minute(0)
        window = window.with_more(window.room)
        sizes.append(window.size)
    assert sizes == [300, 600, 1_200, 2_400]
    assert window.after_a_minute(5_000).size == LEAST_WINDOW


def test_a_backlog_that_nobody_can_tell_does_not_stop_the_clock() -> None:
    desk = Desk("a", intents={}, positions={})
    desk.looks.fails = True
    assert desk.fire(later(desk, 0)) == 1
