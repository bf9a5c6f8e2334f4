"""The last reads before an order leaves: kill switches and the venue's breaker, for executor and reconciler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from candlecast.domain.account.deployment_pause import DeploymentPause
from candlecast.domain.account.kill_switch import PLATFORM, Grade, SwitchPlace, SwitchScope
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.signals.signal import Action
from candlecast.domain.values.errors import Ambiguous, DomainError, Reject, RetryLater
from candlecast.domain.values.reasons import Reason
from candlecast.domain.venue.breaker import FAILURES_TO_OPEN, OPEN_FOR, Breaker, BreakerState
from candlecast.services.orders import execute_order
from candlecast.services.venue.check_gate import GATE_HOLDS, HALT_PAUSE
from candlecast.services.venue.guard_venue import GuardedVenues
from tests.support.builders import ETH, NOW, STRATEGY, TENANT, VENUE, a_signal, a_trade_order, an_intent
from tests.support.fakes.venue import Fault
from tests.support.money_path import MoneyPath, bracket

D = Decimal
USER = SwitchPlace(SwitchScope.USER, TENANT)
ORGANISATION = SwitchPlace(SwitchScope.ORGANISATION, "house-1")
PLACES = (PLATFORM, ORGANISATION, SwitchPlace(SwitchScope.STRATEGY, STRATEGY), USER)
OTHERS = (
    SwitchPlace(SwitchScope.USER, "tenant-2"),
    SwitchPlace(SwitchScope.STRATEGY, "strategy-2"),
    SwitchPlace(SwitchScope.ORGANISATION, "house-2"),
)
LOWER = (Grade.PAUSE_ENTRIES, Grade.REDUCE_ONLY, Grade.FLATTEN)
UNANSWERED = Breaker(venue=VENUE, failures=FAILURES_TO_OPEN, state=BreakerState.OPEN, since=NOW)


def guarded() -> MoneyPath:
    """The path with its venue behind the guards, as the composition root wires it."""
    path = MoneyPath()
    gate = path.checks
    for use_case in (path.executor, path.reconciler):
        object.__setattr__(use_case, "venues", GuardedVenues(path.venues, gate.watch, gate.spend))
    return path


def reason(path: MoneyPath, kind: LegKind = LegKind.ENTRY) -> Reason | None:
    return path.told(kind)[-1].reason


# -- kill switches -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grade", Grade)
@pytest.mark.parametrize("place", PLACES, ids=lambda it: it.scope)
def test_every_grade_in_every_scope_stops_an_entry_without_asking_the_venue(place: SwitchPlace, grade: Grade) -> None:
    path = MoneyPath()
    path.gate.flip(grade, place)
    path.execute(bracket(), organisation_id="house-1")
    assert (path.states(LegKind.ENTRY), reason(path)) == ([IntentState.DENIED], Reason.KILL_SWITCH)
    assert (path.exchange.requests, path.is_flat, path.accounts.saves) == ([], True, 2)
    assert path.metrics.counts["OrdersDenied"] == 1


@pytest.mark.parametrize("place", OTHERS, ids=lambda it: it.scope)
def test_a_switch_of_somebody_else_stops_nothing(place: SwitchPlace) -> None:
    path = MoneyPath()
    path.gate.flip(Grade.HALT_ALL, place)
    path.execute(bracket(), organisation_id="house-1")
    assert path.net == 10


def test_a_switch_that_was_turned_off_stops_nothing() -> None:
    path = MoneyPath()
    path.gate.flip(Grade.HALT_ALL)
    path.gate.flip(None)
    path.enter()
    assert path.net == 10


def paused(path: MoneyPath) -> MoneyPath:
    path.gate.pause = DeploymentPause(deployment_id="release-2", paused_by="cli:pipeline", paused_at=NOW, version=1)
    return path


def test_the_pause_of_a_deployment_stops_an_entry_without_asking_the_venue() -> None:
    path = paused(MoneyPath())
    path.execute(bracket())
    assert (path.states(LegKind.ENTRY), reason(path)) == ([IntentState.DENIED], Reason.DEPLOYMENT_PAUSE)
    assert (path.exchange.requests, path.is_flat) == ([], True)


def test_exits_go_while_a_deployment_has_paused_entries() -> None:
    path = MoneyPath()
    path.execute(bracket())
    paused(path).leave()
    assert path.is_flat


def test_a_pause_that_was_lifted_stops_nothing() -> None:
    path = paused(MoneyPath())
    assert path.gate.pause is not None
    path.gate.pause = replace(path.gate.pause, lifted_by="cli:pipeline", lifted_at=NOW)
    path.enter()
    assert path.net == 10


@pytest.mark.parametrize("grade", LOWER)
def test_exits_pass_in_the_lower_grades(grade: Grade) -> None:
    path = MoneyPath()
    path.enter()
    path.gate.flip(grade)
    path.leave()
    assert (path.states(LegKind.EXIT), path.net) == ([IntentState.FILLED], D(0))


def test_a_halt_keeps_an_exit_and_the_reconciler_sends_it_when_the_halt_ends() -> None:
    path = MoneyPath()
    path.enter()
    path.gate.flip(Grade.HALT_ALL)
    path.leave()
    for _ in range(3):
        path.reconcile(HALT_PAUSE.total_seconds())
    assert (path.net, path.exchange.count("create_order")) == (D(10), 3)  # entry, stop and target, which rest on
    assert [i.attempts for i in path.account.intents.values() if i.kind is LegKind.EXIT] == [0]
    assert path.alerts() == []
    path.gate.flip(None)
    path.settle(looks=2, seconds=HALT_PAUSE.total_seconds())
    assert path.is_flat


def test_a_halted_exit_does_not_ask_the_gate_more_often_than_its_pause() -> None:
    path = MoneyPath()
    path.enter()
    path.gate.flip(Grade.HALT_ALL)
    path.leave()
    reads = path.gate.reads
    path.reconcile(HALT_PAUSE.total_seconds() - 1)
    assert path.gate.reads == reads + 1  # the look itself asks whether to flatten; the exit does not ask
    path.reconcile(1)
    assert path.gate.reads == reads + 3


@pytest.mark.parametrize("grade", [grade for grade in Grade if grade is not Grade.FLATTEN])
def test_a_position_gets_its_stop_under_every_grade_that_does_not_close_it(grade: Grade) -> None:
    path = MoneyPath()
    path.exchange.script(Fault.NONE, Fault.RETRY_LATER)  # the stop is not taken at once
    path.enter(targets=())
    path.gate.flip(grade)
    path.settle(looks=3)
    assert path.live_triggers() == [D(90)]


def test_a_reversal_closes_and_does_not_open_while_entries_are_paused() -> None:
    path = MoneyPath()
    path.enter()
    path.gate.flip(Grade.PAUSE_ENTRIES)
    path.execute(bracket(Action.SHORT, stop="110", targets=(), signal_id="turn", issued_at=NOW + timedelta(seconds=1)))
    assert (path.net, reason(path)) == (D(0), Reason.KILL_SWITCH)


def test_the_reconciler_passes_the_same_gate_before_it_sends_an_entry_again() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.RETRY_LATER)
    path.enter()
    path.gate.flip(Grade.PAUSE_ENTRIES)
    path.settle()
    assert (path.states(LegKind.ENTRY), reason(path), path.net) == ([IntentState.DENIED], Reason.KILL_SWITCH, D(0))


def test_the_gate_is_read_once_after_the_mark_and_before_the_first_leg_leaves() -> None:
    path = MoneyPath()
    order: list[str] = []

    def noted[**P, R](name: str, call: Callable[P, R]) -> Callable[P, R]:
        def noting(*arguments: P.args, **named: P.kwargs) -> R:
            order.append(name)
            return call(*arguments, **named)

        return noting

    for part, method, name in (
        (path.accounts, "save", "write"),
        (path.gate, "read_gate", "gate"),
        (path.exchange, "create", "send"),
    ):
        setattr(part, method, noted(name, getattr(part, method)))
    path.enter()
    assert order == ["write", "gate", "send", "send", "send", "write"]


def test_every_place_that_may_concern_the_order_is_asked_for_in_one_request() -> None:
    path = MoneyPath()
    path.execute(bracket(), organisation_id="house-1")
    assert path.gate.asked == [frozenset(PLACES)]


def test_a_leg_that_leaves_later_has_the_gate_read_again() -> None:
    path = MoneyPath()
    path.change(market_settings={})
    receive = path.exchange.receive

    def slow(method: str, api_key: str, client_order_id: str | None = None) -> object:
        if method == "set_market_settings":
            path.clock.advance(GATE_HOLDS.total_seconds() + 0.001)
            path.gate.flip(Grade.PAUSE_ENTRIES, at=path.clock.now())
        return receive(method, api_key, client_order_id)

    path.exchange.receive = slow  # type: ignore[method-assign, assignment]
    path.enter()
    assert (path.gate.reads, path.exchange.count("create_order"), reason(path)) == (2, 0, Reason.KILL_SWITCH)


@pytest.mark.parametrize(("late_by", "sent"), [(0.0, 3), (0.001, 0)])
def test_an_entry_does_not_leave_on_an_answer_that_took_longer_than_it_holds(late_by: float, sent: int) -> None:
    path = MoneyPath()
    read = path.gate.read_gate

    def slow(*asked: object) -> object:
        found = read(*asked)  # type: ignore[arg-type]
        path.clock.advance(GATE_HOLDS.total_seconds() + late_by)
        return found

    path.gate.read_gate = slow  # type: ignore[method-assign, assignment]
    path.enter()
    assert path.exchange.count("create_order") == sent
    path.gate.read_gate = read  # type: ignore[method-assign]
    path.settle(looks=2, seconds=2)
    assert path.net == D(10), "it waits, and leaves on an answer in time"


def test_an_exit_leaves_on_a_late_answer_unless_that_halts_it() -> None:
    path = MoneyPath()
    path.enter(targets=())
    read = path.gate.read_gate

    def slow(*asked: object) -> object:
        found = read(*asked)  # type: ignore[arg-type]
        path.clock.advance(2 * GATE_HOLDS.total_seconds())
        return found

    path.gate.read_gate = slow  # type: ignore[method-assign, assignment]
    path.gate.flip(Grade.HALT_ALL)
    path.leave()
    assert path.net == D(10)
    path.gate.flip(None)
    path.settle(looks=3, seconds=31)
    assert path.net == D(0)


def test_a_gate_that_cannot_be_read_keeps_entries_and_lets_exits_go() -> None:
    path = MoneyPath()
    path.gate.unreadable = 1
    account = path.enter()
    assert path.exchange.requests == []
    assert [i.state for i in account.intents.values() if i.kind is LegKind.ENTRY] == [IntentState.PENDING]
    path.settle(looks=2, seconds=3)
    assert path.net == 10
    path.gate.unreadable = 1
    path.leave()
    assert path.net == 0


def test_an_old_reading_is_not_good_enough_when_the_gate_cannot_be_read_again() -> None:
    path = MoneyPath()
    path.enter(stop=None, targets=())
    account, exit_leg, entry = path.account, an_intent(LegKind.EXIT), an_intent()
    visit = path.checks.visit(account, [exit_leg, entry])
    assert visit.stops(account, exit_leg) is None
    path.clock.advance(GATE_HOLDS.total_seconds() + 0.001)
    path.gate.unreadable = 2
    for _ in range(2):
        stop = visit.stops(account, entry)
        assert stop is not None
        assert stop.reason is None
    assert visit.stops(account, entry) is None


def test_propagation_is_measured_at_the_first_order_that_was_under_way() -> None:
    path = MoneyPath()
    path.gate.flip(Grade.PAUSE_ENTRIES, at=NOW)
    path.clock.advance(0.25)
    path.execute(bracket(signal_id="signal-a"))
    path.execute(bracket(signal_id="signal-b"))
    path.execute(bracket(signal_id="signal-c", issued_at=path.clock.now()))
    assert path.metrics.durations_ms["KillSwitchPropagationMilliseconds"] == [250]


# -- the venue's breaker -------------------------------------------------------------------------------------------------------


def test_a_venue_that_answers_nobody_gets_no_entries_and_still_gets_exits() -> None:
    path = guarded()
    path.enter(stop=None, targets=())
    path.gate.breakers[VENUE] = UNANSWERED
    account = path.execute(a_signal(Action.LONG, signal_id="signal-2", market=ETH))
    waiting = [(i.kind, i.state, i.retry_at) for i in account.intents.values()]
    assert waiting == [(LegKind.ENTRY, IntentState.PENDING, NOW + OPEN_FOR)]
    path.leave()
    assert path.net == 0


def test_an_exit_that_gets_through_closes_the_breaker() -> None:
    path = guarded()
    path.enter(stop=None, targets=())
    path.gate.breakers[VENUE] = UNANSWERED
    path.leave()
    assert path.gate.breakers[VENUE].state is BreakerState.CLOSED


def test_an_entry_that_would_be_too_old_when_the_venue_is_tried_again_is_denied() -> None:
    path = guarded()
    path.gate.breakers[VENUE] = UNANSWERED
    path.execute(bracket(issued_at=NOW - timedelta(seconds=100)))
    assert (path.states(LegKind.ENTRY), reason(path)) == ([IntentState.DENIED], Reason.VENUE_BREAKER_OPEN)


def test_after_its_pause_one_entry_tries_the_venue_and_a_failure_opens_the_breaker_again() -> None:
    path = guarded()
    path.gate.breakers[VENUE] = UNANSWERED
    now = path.clock.advance(OPEN_FOR.total_seconds())
    path.exchange.fail("create_order", Ambiguous("OUTCOME_UNKNOWN"))
    path.execute(bracket(issued_at=now, stop=None, targets=()))
    assert path.gate.breakers[VENUE] == Breaker(
        venue=VENUE, failures=FAILURES_TO_OPEN, state=BreakerState.OPEN, since=now, version=2
    )
    path.execute(a_signal(Action.LONG, signal_id="signal-2", market=ETH, issued_at=now))
    assert path.exchange.count("create_order") == 1


def test_while_one_entry_tries_the_venue_the_others_wait() -> None:
    path = guarded()
    path.gate.breakers[VENUE] = Breaker(venue=VENUE, failures=FAILURES_TO_OPEN, state=BreakerState.HALF_OPEN, since=NOW)
    path.enter()
    assert (path.exchange.requests, path.states(LegKind.ENTRY)) == ([], [IntentState.PENDING])


@pytest.mark.parametrize("error", [Ambiguous("OUTCOME_UNKNOWN"), RetryLater("VENUE_UNREACHABLE", after_seconds=5)])
def test_failures_in_a_row_open_the_breaker(error: DomainError) -> None:
    path = guarded()
    for number in range(FAILURES_TO_OPEN):
        path.exchange.fail("create_order", error)
        path.change(intents={})
        path.execute(bracket(signal_id=f"signal-{number}", stop=None, targets=()))
    assert path.gate.breakers[VENUE].state is BreakerState.OPEN
    assert path.metrics.counts["BreakersOpened"] == 1


def test_a_refusal_is_an_answer() -> None:
    path = guarded()
    for number in range(FAILURES_TO_OPEN):
        path.exchange.fail("create_order", Reject("INSUFFICIENT_FUNDS"))
        path.execute(bracket(signal_id=f"signal-{number}", stop=None, targets=()))
    assert path.gate.breakers == {}


def test_nothing_is_written_for_the_breaker_while_all_is_well_and_once_after_a_failure() -> None:
    path = guarded()
    path.enter(stop=None, targets=())
    assert path.gate.writes == 0
    path.gate.breakers[VENUE] = Breaker(venue=VENUE, failures=2)
    path.leave()
    assert (path.gate.writes, path.gate.breakers[VENUE].failures) == (1, 0)
    path.execute(bracket(signal_id="signal-2", issued_at=path.clock.now(), stop=None, targets=()))
    assert path.gate.writes == 1


def test_the_reconciler_does_not_question_a_venue_that_answers_nobody() -> None:
    path = guarded()
    path.enter()
    path.gate.breakers[VENUE] = UNANSWERED
    asked = len(path.exchange.requests)
    with pytest.raises(RetryLater) as later:
        path.reconcile(1)
    assert (later.value.code, later.value.after_seconds) == ("VENUE_BREAKER_OPEN", OPEN_FOR.total_seconds() - 1)
    assert len(path.exchange.requests) == asked


# -- the address ---------------------------------------------------------------------------------------------------------------


def test_after_a_429_nothing_leaves_the_address_until_the_venue_will_hear_it() -> None:
    path = guarded()
    path.exchange.fail("create_order", RetryLater("RATE_LIMITED", after_seconds=40))
    path.execute(bracket(stop=None, targets=()))
    path.execute(a_signal(Action.LONG, signal_id="signal-2", market=ETH))
    assert path.exchange.count("create_order") == 1
    assert path.gate.weights.blocks == 1
    path.queue.sent.clear()
    path.reconcile(39)
    assert [delay for _, delay in path.queue.sent] == [61], "in the next minute, at the account's own second"
    path.settle(looks=2, seconds=35)
    assert path.net == 10


def test_an_order_with_stop_and_target_costs_no_lease() -> None:
    path = guarded()
    path.enter()
    assert path.gate.weights.leases == 0


# -- a state that is too old ---------------------------------------------------------------------------------------------------


def test_an_order_that_needs_a_newer_state_has_the_account_looked_at_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    path = MoneyPath()

    def stale(*_: object) -> object:
        raise RetryLater(execute_order.STATE_STALE, after_seconds=10)

    monkeypatch.setattr(execute_order, "plan_orders", stale)
    with pytest.raises(RetryLater):
        path.executor(a_trade_order())
    assert [(request.account_id, delay) for request, delay in path.queue.sent] == [(path.account.account_id, 0)]
    assert path.accounts.saves == 0


def test_the_account_remembers_the_organisation_that_its_order_names() -> None:
    assert MoneyPath().execute(bracket(), organisation_id="house-1").organisation_id == "house-1"
