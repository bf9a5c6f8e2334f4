"""The circuit breaker as a state machine: any order of answers, silences and time, seen by several workers at once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from candlecast.domain.values.errors import Conflict, InvalidValue, Reject, RetryLater
from candlecast.domain.venue.breaker import FAILURES_TO_OPEN, OPEN_FOR, PROBE_LASTS, Breaker, BreakerState
from candlecast.services.venue.watch_venue import WatchVenue
from tests.support.builders import NOW, VENUE
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.gate import FakeGate

WORKERS = st.integers(0, 2)
SILENCE = RetryLater("VENUE_UNREACHABLE", after_seconds=5)


class BreakerOfSeveralWorkers(RuleBasedStateMachine):
    """Three environments and one venue; each reads the shared breaker before an order, as the gate makes it."""

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.gate = FakeClock(), FakeGate()
        self.workers = [WatchVenue(self.gate, self.clock, RecordingMetrics()) for _ in range(3)]
        self.silences = 0  # in a row, as the venue counts them
        self.probe_began: datetime | None = None

    @property
    def breaker(self) -> Breaker:
        return self.gate.load_breaker(VENUE)

    @rule(worker=WORKERS, answers=st.booleans())
    def send_entry(self, worker: int, answers: bool) -> None:
        watch = self.workers[worker]
        before = self.breaker
        watch.learn(before)
        if not watch.may_enter(VENUE):
            assert before.stops(self.clock.now())
            assert self.breaker == before, "who may not enter writes nothing"
            return
        if before.state is not BreakerState.CLOSED:
            assert self.breaker.state is BreakerState.HALF_OPEN
            self._note_probe()
        self._end(watch, answers=answers)

    @rule(worker=WORKERS)
    def probe_dies(self, worker: int) -> None:
        """An entry is let through and its worker is never heard of again."""
        watch = self.workers[worker]
        watch.learn(self.breaker)
        if self.breaker.state is not BreakerState.CLOSED and watch.may_enter(VENUE):
            self._note_probe()

    @rule(worker=WORKERS, answers=st.booleans(), knows=st.booleans())
    def send_exit(self, worker: int, answers: bool, knows: bool) -> None:
        """An exit leaves in every state of the breaker, also with a worker's stale knowledge."""
        if knows:
            self.workers[worker].learn(self.breaker)
        self._end(self.workers[worker], answers=answers, knows=knows)

    @rule(seconds=st.sampled_from([0.5, 5, 29.9, 30, 31]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def _note_probe(self) -> None:
        now = self.clock.now()
        assert self.probe_began is None or now - self.probe_began >= PROBE_LASTS, "one probe at a time"
        self.probe_began = now

    def _end(self, watch: WatchVenue, *, answers: bool, knows: bool = True) -> None:
        before = self.breaker
        if answers:
            watch.answered(VENUE)
            if knows:
                assert self.breaker.is_untouched
        else:
            watch.heard(VENUE, SILENCE)
            assert not self.breaker.is_untouched or not knows  # one who believes it to be open counts nothing
        if self.breaker.state is not BreakerState.HALF_OPEN:
            self.probe_began = None
        if self.breaker == before:
            assert before.state is BreakerState.OPEN or before.is_untouched or not knows

    @invariant()
    def opens_for_its_time_and_no_longer(self) -> None:
        at = self.breaker.opens_at()
        assert (at is None) is (self.breaker.state is BreakerState.CLOSED)
        if at is not None:
            assert at <= self.clock.now() + max(OPEN_FOR, PROBE_LASTS)


BreakerOfSeveralWorkers.TestCase.settings = settings(max_examples=40, stateful_step_count=30)
TestBreakerOfSeveralWorkers = BreakerOfSeveralWorkers.TestCase


def failed(times: int, breaker: Breaker | None = None) -> Breaker:
    breaker = breaker or Breaker(venue=VENUE)
    for _ in range(times):
        breaker = breaker.failed(NOW)
    return breaker


def test_it_opens_at_the_last_failure_in_a_row_and_not_before() -> None:
    assert failed(FAILURES_TO_OPEN - 1).state is BreakerState.CLOSED
    assert failed(FAILURES_TO_OPEN).state is BreakerState.OPEN
    assert failed(FAILURES_TO_OPEN - 1, failed(FAILURES_TO_OPEN - 1).succeeded()).state is BreakerState.CLOSED


def test_it_stops_entries_for_half_a_minute_and_lets_one_try() -> None:
    opened = failed(FAILURES_TO_OPEN)
    later = NOW + timedelta(seconds=30)
    assert opened.stops(later - timedelta(microseconds=1))
    assert not opened.stops(later)
    probing = opened.probing(later)
    assert (probing.state, probing.stops(later)) == (BreakerState.HALF_OPEN, True)
    assert probing.failed(later).state is BreakerState.OPEN
    assert probing.succeeded().is_untouched


def test_a_failure_while_it_is_open_changes_nothing() -> None:
    opened = failed(FAILURES_TO_OPEN)
    assert opened.failed(NOW + timedelta(seconds=20)) is opened


def test_no_probe_is_let_through_before_its_time() -> None:
    with pytest.raises(InvalidValue):
        failed(FAILURES_TO_OPEN).probing(NOW)
    with pytest.raises(InvalidValue):
        Breaker(venue=VENUE).probing(NOW)


@pytest.mark.parametrize(
    "wrong",
    [{"failures": -1}, {"failures": FAILURES_TO_OPEN}, {"state": BreakerState.OPEN}, {"since": NOW}, {"failures": 9}],
)
def test_a_breaker_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidValue):
        Breaker(venue=VENUE, **wrong)  # type: ignore[arg-type]


def test_a_store_that_does_not_answer_loses_no_order() -> None:
    gate, clock = FakeGate(), FakeClock()
    watch = WatchVenue(gate, clock, RecordingMetrics())

    def gone(*_: object) -> None:
        raise RetryLater("STORE_UNAVAILABLE", after_seconds=2)

    gate.save_breaker = gone  # type: ignore[assignment]
    gate.load_breaker = gone  # type: ignore[assignment]
    watch.heard(VENUE, SILENCE)


def test_two_who_count_at_once_count_both() -> None:
    gate, clock = FakeGate(), FakeClock()
    first, second = (WatchVenue(gate, clock, RecordingMetrics()) for _ in range(2))
    first.heard(VENUE, SILENCE)
    second.heard(VENUE, SILENCE)  # knows nothing of the first
    assert gate.breakers[VENUE].failures == 2


def test_an_answer_of_any_kind_resets_the_count() -> None:
    gate, clock = FakeGate(), FakeClock()
    watch = WatchVenue(gate, clock, RecordingMetrics())
    watch.heard(VENUE, SILENCE)
    watch.heard(VENUE, Reject("INSUFFICIENT_FUNDS"))
    assert gate.breakers[VENUE].is_untouched


def test_who_loses_the_race_for_the_probe_waits() -> None:
    gate, clock = FakeGate(), FakeClock()
    gate.breakers[VENUE] = failed(FAILURES_TO_OPEN)
    clock.advance(OPEN_FOR.total_seconds())
    first, second = (WatchVenue(gate, clock, RecordingMetrics()) for _ in range(2))
    for watch in (first, second):
        watch.learn(gate.load_breaker(VENUE))
    assert (first.may_enter(VENUE), second.may_enter(VENUE)) == (True, False)
    with pytest.raises(Conflict):
        gate.save_breaker(failed(1))
