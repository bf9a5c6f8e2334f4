"""Many accounts whose keys are refused at once brake the fleet of their venue: entries wait, and nobody is disabled."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.values.reasons import Reason
from candlecast.domain.venue.breaker import (
    BRAKE_FOR,
    MAX_REFUSED,
    REFUSAL_WINDOW,
    REFUSALS_TO_BRAKE,
    SPARE_FOR,
    TENANTS_TO_BRAKE,
    Breaker,
    BreakerState,
)
from candlecast.services.venue.watch_venue import WatchVenue
from tests.support.builders import NOW, VENUE, after, an_account
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.gate import FakeGate
from tests.support.money_path import MoneyPath, bracket


def refused(count: int, seconds: float = 0, breaker: Breaker | None = None) -> Breaker:
    breaker = breaker or Breaker(venue=VENUE)
    for number in range(count):
        breaker = breaker.keys_refused(f"tenant-{number}", "main", after(seconds))
    return breaker


def test_a_few_refusals_brake_nobody() -> None:
    few = refused(REFUSALS_TO_BRAKE - 1)
    assert (few.brakes_until(NOW), few.spares(NOW)) == (None, False)


def test_the_same_account_counts_once() -> None:
    breaker = Breaker(venue=VENUE)
    for _ in range(50):
        breaker = breaker.keys_refused("tenant-1", "main", NOW)
    assert breaker == refused(0).keys_refused("tenant-1", "main", NOW)


def test_refusals_that_are_far_apart_brake_nobody() -> None:
    breaker = Breaker(venue=VENUE)
    for number in range(3 * REFUSALS_TO_BRAKE):
        breaker = breaker.keys_refused(f"tenant-{number}", "main", NOW + number * REFUSAL_WINDOW / 2)
    assert breaker.braked_at is None
    assert len(breaker.refused) < REFUSALS_TO_BRAKE


def test_many_refusals_hold_entries_for_minutes_and_spare_accounts_for_a_day() -> None:
    many = refused(REFUSALS_TO_BRAKE)
    assert many.brakes_until(NOW) == NOW + BRAKE_FOR
    assert many.brakes_until(NOW + BRAKE_FOR) is None
    assert many.spares(NOW + SPARE_FOR - timedelta(seconds=1))
    assert not many.spares(NOW + SPARE_FOR)


def test_each_further_account_holds_entries_for_longer_and_a_repeat_does_not() -> None:
    many = refused(REFUSALS_TO_BRAKE)
    assert many.keys_refused("tenant-0", "main", after(100)) is many
    assert many.keys_refused("another", "main", after(100)).brakes_until(after(100)) == after(100) + BRAKE_FOR


def test_the_brake_is_off_once_few_are_left() -> None:
    many = refused(REFUSALS_TO_BRAKE + 1)
    assert many.keys_accepted("tenant-0", "main").spares(NOW)
    assert not many.keys_accepted("tenant-0", "main").keys_accepted("tenant-1", "main").spares(NOW)


def test_so_many_accounts_are_remembered_at_most() -> None:
    assert len(refused(MAX_REFUSED + 30).refused) == MAX_REFUSED


def test_the_brake_and_the_breaker_do_not_touch_each_other() -> None:
    breaker = refused(REFUSALS_TO_BRAKE)
    for _ in range(5):
        breaker = breaker.failed(NOW)
    assert (breaker.state, breaker.spares(NOW)) == (BreakerState.OPEN, True)
    assert breaker.succeeded().refused == breaker.refused


class Fleet:
    """Reconcilers of one venue, each with an account of its own."""

    def __init__(self) -> None:
        self.clock, self.metrics, self.gate = FakeClock(), RecordingMetrics(), FakeGate()

    def hear(self, number: int, *, refused: bool) -> WatchVenue:
        watch = WatchVenue(self.gate, self.clock, self.metrics)
        watch.learn(self.gate.load_breaker(VENUE))
        account = an_account(tenant_id=f"tenant-{number}")
        (watch.keys_refused if refused else watch.keys_accepted)(account)
        return watch


def test_workers_count_together_and_the_alarms_metric_counts_once() -> None:
    fleet = Fleet()
    for number in range(REFUSALS_TO_BRAKE + 2):
        watch = fleet.hear(number, refused=True)
    assert watch.spares(VENUE)
    assert fleet.metrics.counts["VenuesBraked"] == 1
    for number in range(REFUSALS_TO_BRAKE + 2):
        watch = fleet.hear(number, refused=False)
    assert not watch.spares(VENUE)
    assert fleet.gate.load_breaker(VENUE).refused == {}


def test_an_accepted_key_writes_nothing_where_nobody_was_refused() -> None:
    fleet = Fleet()
    fleet.hear(1, refused=False)
    assert fleet.gate.load_breaker(VENUE).version == 0


def test_one_tenant_with_many_accounts_holds_nobodys_entries() -> None:
    breaker = Breaker(venue=VENUE)
    for number in range(50):
        breaker = breaker.keys_refused("tenant", f"account-{number}", NOW)
    assert (breaker.brakes_until(NOW), breaker.spares(NOW)) == (None, True)
    assert len(breaker.refused) == REFUSALS_TO_BRAKE, "others have room, too"
    others = refused(TENANTS_TO_BRAKE - 1, breaker=breaker)
    assert others.brakes_until(NOW) == NOW + BRAKE_FOR


def test_accounts_from_before_tenants_were_kept_count_as_one_tenant_each() -> None:
    older = Breaker(venue=VENUE, refused={f"account-{n}": NOW for n in range(REFUSALS_TO_BRAKE)}, braked_at=NOW)
    assert older.brakes_until(NOW) == NOW + BRAKE_FOR


def test_entries_wait_while_the_fleet_is_braked_and_exits_go() -> None:
    path = MoneyPath()
    path.enter()
    path.gate.save_breaker(refused(REFUSALS_TO_BRAKE))
    path.clock.advance(1)
    path.leave()
    assert path.is_flat
    path.clock.advance(1)
    path.execute(bracket(issued_at=path.clock.now()))
    told = path.told(LegKind.ENTRY)[-1]
    assert (told.state, told.reason) == (IntentState.DENIED, Reason.VENUE_BREAKER_OPEN)  # it would be too old by then
    path.clock.advance(BRAKE_FOR.total_seconds() + 1)
    path.execute(bracket(issued_at=path.clock.now()))
    assert path.net == Decimal(10)


@pytest.mark.parametrize("left", [REFUSALS_TO_BRAKE - 1])
def test_entries_go_while_few_are_refused(left: int) -> None:
    path = MoneyPath()
    path.gate.save_breaker(refused(left))
    path.enter()
    assert path.net == Decimal(10)
